// What the systemd unit of the server says about its user and working directory; drop-ins included.

import type { Computer } from "./computer.ts";

const NAME = "vscope-server.service";
const FOLDERS = ["/etc/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system"] as const;

export interface ServiceUnit {
  readonly path: string;
  readonly user: string;
  readonly workingFolder: string;
}

/** Undefined when there is no unit. */
export async function readServiceUnit(computer: Computer): Promise<ServiceUnit | undefined> {
  for (const folder of FOLDERS) {
    const path = `${folder}/${NAME}`;
    const text = await computer.text(path);
    if (text === undefined) continue;
    const dropIns = `${FOLDERS[0]}/${NAME}.d`;
    const names = (await computer.names(dropIns)).filter((name) => name.endsWith(".conf"));
    const more = await Promise.all(names.map((name) => computer.text(`${dropIns}/${name}`)));
    const whole = [text, ...more].join("\n");
    // systemd.exec(5): root, and the root folder.
    return {
      path,
      user: lastValue(whole, "User") ?? "root",
      workingFolder: lastValue(whole, "WorkingDirectory") ?? "/",
    };
  }
  return undefined;
}

function lastValue(text: string, key: string): string | undefined {
  const value = [...text.matchAll(new RegExp(`^${key}=(.*)$`, "gm"))].at(-1)?.[1]?.trim();
  return value === "" ? undefined : value;
}

// The file of the keys: the user of the server must be able to read it, and nobody else. And the folder for the numbers
// of their messages, without which they do not work with OSCORE.

import { dirname, join } from "node:path";
import type { Box } from "./box.ts";
import { USE_FOLDER } from "./computer.ts";
import { type Complaint, complain, fault, type Finding, fine, warning } from "./finding.ts";
import type { ServiceUnit } from "./service-unit.ts";

const SECTION = "server";
const OTHERS = 0o077;

/** Nothing where there are no keys: then nobody needs them. */
export async function checkKeys(box: Box, unit: ServiceUnit | undefined): Promise<readonly Finding[]> {
  const { computer, config, account } = box;
  const path = config.security.keys;
  const ownership = config.coap.enabled ? await computer.ownership(path) : undefined;
  if (ownership === undefined) return [];
  const user = unit?.user ?? account.name;
  const complaint = accessible(path, ownership.mode) ?? foreign(path, await nameOf(box, ownership.uid), user);
  const found =
    complaint === undefined
      ? fine(SECTION, "keys", path, `keys, for ${user} only`)
      : complain(SECTION, path, complaint);
  return [found, await checkState(box, user)];
}

async function checkState(box: Box, user: string): Promise<Finding> {
  const { computer, account, config } = box;
  const { state } = config.security;
  const oscore = join(state, "oscore");
  let nearest = oscore;
  while (nearest !== dirname(nearest) && !(await computer.isThere(nearest))) nearest = dirname(nearest);
  if (await computer.may(nearest, USE_FOLDER)) return fine(SECTION, "state", state, "state, writable");
  const found = `not writable by ${account.name}, so that keys do not work with OSCORE`;
  if (user !== account.name) {
    const mend = `sudo -u ${user} vscope doctor`;
    return complain(SECTION, state, warning("state", `${found}; the service is ${user}`, mend));
  }
  const install = `sudo install -d -o ${user} -m 0700 ${state}`;
  const mend = nearest === oscore ? [install, `sudo chown -R ${user} ${oscore}`] : [install];
  return complain(SECTION, state, fault("state", found, ...mend));
}

function accessible(path: string, mode: number): Complaint | undefined {
  if ((mode & OTHERS) === 0) return undefined;
  const found = `mode ${mode.toString(8).padStart(4, "0")} lets others at the keys, so none of them holds`;
  return fault("keys", found, `sudo chmod 600 ${path}`);
}

// Root reads whatever it wants.
function foreign(path: string, owner: string, user: string): Complaint | undefined {
  if (owner === user || user === "root") return undefined;
  return fault("keys", `belongs to ${owner}, so that ${user} cannot read it`, `sudo chown ${user} ${path}`);
}

async function nameOf({ computer }: Box, uid: number): Promise<string> {
  const lines = ((await computer.text("/etc/passwd")) ?? "").split("\n");
  const [name] = lines.find((line) => line.split(":")[2] === String(uid))?.split(":") ?? [];
  return name ?? String(uid);
}

// The file of the keys: the user of the server must be able to read it, and nobody else.

import type { Box } from "./box.ts";
import { type Complaint, complain, fault, type Finding, fine } from "./finding.ts";
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
  if (complaint !== undefined) return [complain(SECTION, path, complaint)];
  return [fine(SECTION, "keys", path, `keys, for ${user} only`)];
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

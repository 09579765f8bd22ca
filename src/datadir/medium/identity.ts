// Who a data directory is: a number of its own, given when it was made, which stays when its medium is called otherwise,
// gets another mount point or comes to another computer.

import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { NEVER } from "../../base/abort.ts";
import { type Clock, isoUtc } from "../../base/clock.ts";
import { VscopeError } from "../../base/errors.ts";
import { parsedJson } from "../../base/json.ts";
import { type Disk, onDisk } from "../disk/disk.ts";
import { replaceDurable } from "../disk/durable-file.ts";

export const ID_FILE = ".vscope-id";
/** In a copy that `vscope sync` brings up to date: of which data directory it is. */
export const COPY_FILE = ".sync.json";

const shape = z.object({ uuid: z.uuid(), madeUtc: z.string(), host: z.string() });

/** The uuid of the data directory in a folder; undefined when it has none that can be understood. Throws DATADIR_IO. */
export async function readIdentity(disk: Disk, folder: string): Promise<string | undefined> {
  const path = join(folder, ID_FILE);
  return onDisk(path, async () => {
    if ((await disk.stat(path)) === undefined) return undefined;
    return uuidIn(String(await disk.read(path)));
  });
}

/** The uuid in the text of such a file. */
export function uuidIn(text: string): string | undefined {
  return shape.safeParse(parsedJson(text)).data?.uuid;
}

/**
 * Gives a data directory its uuid, durably. A file that cannot be understood is kept as `.vscope-id.damaged`.
 * Throws DATADIR_FULL, DATADIR_NOT_MOUNTED, DATADIR_IO.
 */
export async function makeIdentity(disk: Disk, folder: string, clock: Clock): Promise<string> {
  const path = join(folder, ID_FILE);
  const uuid = randomUUID();
  const text = JSON.stringify({ uuid, madeUtc: isoUtc(clock.utcUs()), host: hostname() });
  await onDisk(path, async () => {
    if ((await disk.stat(path)) !== undefined) await disk.rename(path, `${path}.damaged`);
  });
  await replaceDurable(disk, path, Buffer.from(`${text}\n`), NEVER);
  return uuid;
}

/** Throws DATADIR_WRONG unless the data directory is the one that is wanted; without a wish each is. */
export function requireIdentity(path: string, found: string | undefined, wanted: string | undefined): void {
  if (wanted === undefined || found === wanted) return;
  const fact = found === undefined ? "has no uuid" : `is ${found}`;
  throw new VscopeError("DATADIR_WRONG", `data directory ${path}: ${fact}, datadir.uuid is ${wanted}`);
}

// The current run, remembered over restarts in a small file of the data directory.

import { join } from "node:path";
import { NEVER } from "../base/abort.ts";
import { type Disk, onDisk } from "./disk/disk.ts";
import { replaceDurable } from "./disk/durable-file.ts";
import type { Session } from "./session.ts";

const FILE = ".current-run";

/** Stores the name, durably, unless it is stored already. */
export async function storeCurrentRun(disk: Disk, folder: string, run: string): Promise<void> {
  if ((await storedName(disk, folder)) === run) return;
  await replaceDurable(disk, join(folder, FILE), Buffer.from(run), NEVER);
}

/** The stored run if there is such a folder, else the most recently changed one, else `otherwise`. */
export async function readCurrentRun(
  disk: Disk,
  { folders, path }: Session,
  otherwise: string,
): Promise<string> {
  const name = await storedName(disk, path);
  if (name !== undefined && (await folders.isRun(name))) return name;
  const [newest = otherwise] = await folders.names();
  return newest;
}

async function storedName(disk: Disk, folder: string): Promise<string | undefined> {
  const path = join(folder, FILE);
  return onDisk(path, async () => {
    if ((await disk.stat(path)) === undefined) return undefined;
    return String(await disk.read(path));
  });
}

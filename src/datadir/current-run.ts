// The current run, remembered over restarts in a small file of the data directory.

import { join } from "node:path";
import { NEVER } from "../base/abort.ts";
import { isVscopeError, messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { type Disk, onDisk } from "./disk/disk.ts";
import { replaceDurable } from "./disk/durable-file.ts";
import type { Session } from "./session.ts";

const FILE = ".current-run";

interface Parts {
  readonly disk: Disk;
  readonly log: Log;
}

/** Stores the name, durably, unless it is stored already. */
export async function storeCurrentRun(parts: Parts, folder: string, run: string): Promise<void> {
  if ((await storedName(parts, folder)) === run) return;
  await replaceDurable(parts.disk, join(folder, FILE), Buffer.from(run), NEVER);
}

/** The stored run if there is such a folder that can be read, else the most recently changed one, else `otherwise`. */
export async function readCurrentRun(
  parts: Parts,
  { folders, path }: Session,
  otherwise: string,
): Promise<string> {
  const name = await storedName(parts, path);
  const isUsable = (run: string): Promise<boolean> =>
    folders.passingOver(
      run,
      () => folders.isRun(run),
      () => false,
    );
  if (name !== undefined && (await isUsable(name))) return name;
  for (const run of await folders.names()) if (await isUsable(run)) return run;
  return otherwise;
}

// A bad sector below this file must not keep spectra from being recorded; it is written anew when a run is chosen.
async function storedName({ disk, log }: Parts, folder: string): Promise<string | undefined> {
  const path = join(folder, FILE);
  try {
    return await onDisk(path, async () => {
      if ((await disk.stat(path)) === undefined) return undefined;
      return String(await disk.read(path));
    });
  } catch (error) {
    if (!isVscopeError(error, "DATADIR_IO")) throw error;
    log.error({ path, reason: messageOf(error) }, "the current run cannot be read");
    return undefined;
  }
}

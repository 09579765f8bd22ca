// A file that is either whole or not there, whenever the power goes:
// write `name.part`, fsync, rename to `name`, fsync again, fsync the folder. A `.part` file is never data.
// The second fsync is for vfat: its rename makes an entry of size 0 and leaves the true size in memory.
// The existence check and the rename are two steps because vfat has neither link(2) nor a rename that refuses to
// replace; they are safe because one process at a time writes a data directory (lock.ts).

import { dirname } from "node:path";
import { systemCodeOf, VscopeError } from "../base/errors.ts";
import { asDiskError, type Disk, type DiskFile, shownPath } from "./disk.ts";

/** At the end of the name while a file is written. */
export const PART = ".part";

/**
 * Writes a new file; resolves when it survives a power cut. Never overwrites.
 * After a failure nothing of it is left, except when only a step after the rename failed: then the file is whole, but
 * may not survive. Throws STATE_CONFLICT when the name is taken, DATADIR_FULL, DATADIR_NOT_MOUNTED, DATADIR_IO.
 */
export async function writeDurable(
  disk: Disk,
  path: string,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  try {
    if ((await disk.stat(path)) !== undefined) {
      throw new VscopeError(
        "STATE_CONFLICT",
        `${shownPath(path)}: there is one already, nothing is overwritten`,
      );
    }
    await place(disk, path, bytes, signal);
  } catch (error) {
    throw translated(path, error, signal);
  }
}

/** Writes a file that may replace an older one: a reader finds the old or the new content, never a mixture. */
export async function replaceDurable(
  disk: Disk,
  path: string,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  try {
    await place(disk, path, bytes, signal);
  } catch (error) {
    throw translated(path, error, signal);
  }
}

async function place(disk: Disk, path: string, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  const part = `${path}${PART}`;
  signal.throwIfAborted();
  const file = await createOver(disk, part);
  try {
    await moveInPlace(disk, { file, part, path, bytes, signal });
  } finally {
    await file.close();
  }
  await disk.syncFolder(dirname(path));
}

interface Placing {
  readonly file: DiskFile;
  readonly part: string;
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly signal: AbortSignal;
}

async function moveInPlace(disk: Disk, { file, part, path, bytes, signal }: Placing): Promise<void> {
  try {
    await file.write(bytes);
    await file.sync();
    signal.throwIfAborted();
    await disk.rename(part, path);
  } catch (error) {
    // Only tidiness: a part that stays is replaced by the next attempt. The first error is the one that matters.
    await disk.remove(part).catch(() => undefined);
    throw error;
  }
  await file.sync();
}

// A part with this name was left by a crash; nobody else writes here.
async function createOver(disk: Disk, part: string): Promise<DiskFile> {
  try {
    return await disk.create(part);
  } catch (error) {
    if (systemCodeOf(error) !== "EEXIST") throw error;
    await disk.remove(part);
    return disk.create(part);
  }
}

function translated(path: string, error: unknown, signal: AbortSignal): unknown {
  return signal.aborted && error === signal.reason ? error : asDiskError(path, error);
}

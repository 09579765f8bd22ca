// Small files that survive a power cut: whole ones, replaced by `name.part`, fsync, rename to `name`, fsync again, fsync of
// the folder; and lists, to whose end is added; folders. Spectra files are written in groups (commit-group.ts).
// The second fsync is for vfat: its rename makes an entry of size 0 and leaves the true size in memory.

import { dirname } from "node:path";
import { systemCodeOf, VscopeError } from "../../base/errors.ts";
import { asDiskError, type Disk, type DiskFile, onDisk } from "./disk.ts";

/** At the end of the name while a file is written. Such a file is never data. */
export const PART = ".part";

/**
 * Writes a file that may replace an older one; resolves when it survives a power cut. A reader finds the old or the new
 * content, never a mixture. After a failure nothing of it is left, except when only a step after the rename failed: then
 * the file is whole, but may not survive. Throws DATADIR_FULL, DATADIR_NOT_MOUNTED, DATADIR_IO.
 */
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

/**
 * Gives a file that is written another name on the same medium; resolves when content and name survive a power cut. Throws
 * DATADIR_FULL, DATADIR_NOT_MOUNTED, DATADIR_IO.
 */
export async function moveDurable(disk: Disk, from: string, to: string): Promise<void> {
  await onDisk(to, async () => {
    const file = await disk.extend(from);
    try {
      await file.sync();
      await disk.rename(from, to);
      await file.sync();
    } finally {
      await file.close();
    }
    await disk.syncFolder(dirname(to));
  });
}

/** Adds to the end of a file, made if necessary; resolves when the bytes are on the medium. Throws what the disk throws. */
export async function appendDurable(disk: Disk, path: string, bytes: Uint8Array): Promise<void> {
  const file = await disk.extend(path);
  try {
    await writeAll(file, bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes a folder and its parents unless they are there; what was made survives a power cut. Throws what the disk throws. */
export async function makeFolders(disk: Disk, path: string): Promise<void> {
  const parent = dirname(path);
  try {
    await disk.makeFolder(path);
  } catch (error) {
    const code = systemCodeOf(error);
    if (code === "EEXIST") return;
    // The system answers ENOENT below an existing folder, too, as in /proc.
    if (code !== "ENOENT" || parent === path || (await disk.stat(parent)) !== undefined) throw error;
    await makeFolders(disk, parent);
    await disk.makeFolder(path);
  }
  await disk.syncFolder(parent);
}

/** Creates the file for a part; one that a crash has left is replaced: nobody else writes here. */
export async function createPart(disk: Disk, part: string): Promise<DiskFile> {
  try {
    return await disk.create(part);
  } catch (error) {
    if (systemCodeOf(error) !== "EEXIST") throw error;
    await disk.remove(part);
    return disk.create(part);
  }
}

/** The system may take a part of the bytes, such as those that still have space: the next call tells why. */
export async function writeAll(file: DiskFile, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const written = await file.write(bytes.subarray(done));
    if (written <= 0) throw new VscopeError("DATADIR_IO", "a file: the medium takes no bytes");
    done += written;
  }
}

async function place(disk: Disk, path: string, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  const part = `${path}${PART}`;
  signal.throwIfAborted();
  const file = await createPart(disk, part);
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
    await writeAll(file, bytes);
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

function translated(path: string, error: unknown, signal: AbortSignal): unknown {
  return signal.aborted && error === signal.reason ? error : asDiskError(path, error);
}

// Spectra files that become durable together: a card that needs 20 ms to flush needs them once for the group.
// All parts are written, then flushed, then renamed, then the folder is flushed, then their lines in the manifest. A power
// cut between any two calls leaves whole files only, and each line behind its file; only then anybody is told.
// The look for an older file and the rename are two steps because vfat has neither link(2) nor a rename that refuses to
// replace; they are safe because one process at a time writes a data directory (lock.ts).

import { createHash } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { VscopeError } from "../../base/errors.ts";
import { grouped } from "../../base/grouped.ts";
import { asDiskError, type Disk, type DiskFile, shownPath } from "./disk.ts";
import { createPart, PART, writeAll } from "./durable-file.ts";
import { manifestOf } from "../checksums/manifest.ts";
import { addLines, prepareManifest } from "../checksums/manifest-file.ts";

export interface Placement {
  readonly path: string;
  readonly bytes: Uint8Array;
}

export interface GroupFacts {
  /** Whether a rename makes the file's size unsafe again (`flushesTwice` of file-system.ts). */
  readonly flushesTwice: boolean;
}

/** Flushes at once: a dying stick holds a thread for each, and Node.js has 4 for all files. */
const FLUSHES = 3;

/** A placement on its way; `error` once it has failed. */
interface Item extends Placement {
  readonly part: string;
  file?: DiskFile;
  error?: VscopeError;
}

/**
 * Writes new files, never over an older one. Per placement undefined, or why it failed: STATE_CONFLICT, DATADIR_FULL,
 * DATADIR_NOT_MOUNTED, DATADIR_IO. Resolves when all that succeeded survive a power cut, their manifest lines too.
 * What fails up to its rename leaves nothing; what fails after it is whole, but may not survive.
 */
export async function commitGroup(
  disk: Disk,
  placements: readonly Placement[],
  { flushesTwice }: GroupFacts,
): Promise<readonly (VscopeError | undefined)[]> {
  const items: readonly Item[] = placements.map((placement) => ({
    ...placement,
    part: `${placement.path}${PART}`,
  }));
  refuseTwins(items);
  for (const item of items) await attempt(item, () => writePart(disk, item));
  await flush(disk, items);
  for (const item of items) await attempt(item, () => moveInPlace(disk, item));
  for (const item of items) if (!isAlive(item)) await dropPart(disk, item);
  if (flushesTwice) await flush(disk, items);
  for (const item of items) await close(item);
  // Not before: an empty manifest without a file would stay, which sha256sum complains of.
  await forEachPlace(items, manifestFileOf, (path) => prepareManifest(disk, path));
  await forEachPlace(items, folderOf, (path) => disk.syncFolder(path));
  await forEachPlace(items, manifestFileOf, (path, safe) => addLines(disk, path, safe.map(lineOf)));
  return items.map(({ error }) => error);
}

function refuseTwins(items: readonly Item[]): void {
  const paths = new Set<string>();
  for (const item of items) {
    if (paths.has(item.path)) item.error = conflict(item.path);
    paths.add(item.path);
  }
}

async function writePart(disk: Disk, item: Item): Promise<void> {
  item.file = await createPart(disk, item.part);
  await writeAll(item.file, item.bytes);
}

async function flush(disk: Disk, items: readonly Item[]): Promise<void> {
  const alive = items.filter(isAlive);
  const [first] = alive;
  if (first === undefined) return;
  if (alive.length > 1) await disk.hastenSyncs(dirname(first.path)).catch(() => undefined);
  const flushNext = async (): Promise<void> => {
    for (let item = alive.shift(); item !== undefined; item = alive.shift()) {
      const { file } = item;
      await attempt(item, async () => file?.sync());
    }
  };
  await Promise.all(Array.from({ length: FLUSHES }, flushNext));
}

async function moveInPlace(disk: Disk, { part, path }: Item): Promise<void> {
  if ((await disk.stat(path)) !== undefined) throw conflict(path);
  await disk.rename(part, path);
}

// Only tidiness: a part that stays is replaced by the next attempt. The first error is the one that matters.
async function dropPart(disk: Disk, { file, part }: Item): Promise<void> {
  if (file !== undefined) await disk.remove(part).catch(() => undefined);
}

async function close(item: Item): Promise<void> {
  const { file } = item;
  // A file that has failed is closed all the same.
  try {
    await file?.close();
  } catch (error) {
    item.error ??= asDiskError(item.path, error);
  }
}

async function attempt(item: Item, step: () => Promise<void>): Promise<void> {
  if (!isAlive(item)) return;
  try {
    await step();
  } catch (error) {
    item.error = asDiskError(item.path, error);
  }
}

// One step for all files of a folder or manifest, which fail together.
async function forEachPlace(
  items: readonly Item[],
  placeOf: (item: Item) => string,
  step: (path: string, items: readonly Item[]) => Promise<unknown>,
): Promise<void> {
  for (const [path, members] of grouped(items.filter(isAlive), placeOf)) {
    try {
      await step(path, members);
    } catch (error) {
      for (const item of members) item.error = asDiskError(path, error);
    }
  }
}

const folderOf = ({ path }: Placement): string => dirname(path);
const manifestFileOf = ({ path }: Placement): string => join(dirname(path), manifestOf(basename(path)));
const isAlive = ({ error }: Item): boolean => error === undefined;

function lineOf({ path, bytes }: Item): { readonly sha256: Uint8Array; readonly name: string } {
  return { sha256: createHash("sha256").update(bytes).digest(), name: basename(path) };
}

function conflict(path: string): VscopeError {
  return new VscopeError(
    "STATE_CONFLICT",
    `${shownPath(path)}: there is one already, nothing is overwritten`,
  );
}

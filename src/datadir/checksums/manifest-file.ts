// Manifests on the disk. To be called by the one that writes the data directory, in its turn.

import { NEVER } from "../../base/abort.ts";
import { type Clock, isoUtc } from "../../base/clock.ts";
import type { Disk } from "../disk/disk.ts";
import { appendDurable, replaceDurable } from "../disk/durable-file.ts";
import {
  isHole,
  type Manifest,
  manifestComment,
  type ManifestLine,
  manifestText,
  readManifest,
} from "./manifest.ts";

const NEWLINE = 0x0a;

/**
 * Makes the manifest unless it is there, and drops a torn last line. True when it is new: the next sync of the folder
 * makes its name safe.
 */
export async function prepareManifest(disk: Disk, path: string): Promise<boolean> {
  const stat = await disk.stat(path);
  if (stat === undefined) {
    const file = await disk.extend(path);
    await file.close();
    return true;
  }
  if (stat.bytes === 0) return false;
  const { bytes } = await disk.readRange(path, stat.bytes - 1, 1);
  if (bytes[0] !== NEWLINE) await dropTorn(disk, path);
  return false;
}

/** Adds lines of files that are safe; resolves when the lines are. `comment` goes before them. */
export async function addLines(
  disk: Disk,
  path: string,
  lines: readonly ManifestLine[],
  comment?: string,
): Promise<void> {
  const before = comment === undefined ? "" : manifestComment(comment);
  await appendDurable(disk, path, Buffer.from(before + manifestText(lines)));
}

/** What is in a manifest; nothing without it. A last line that a power cut has torn is dropped, on the disk too. */
export async function wholeManifest(disk: Disk, path: string): Promise<Manifest> {
  if ((await disk.stat(path)) === undefined) return readManifest("");
  const manifest = readManifest(String(await disk.read(path)));
  if (manifest.isTorn) await dropTorn(disk, path);
  return manifest;
}

/** What is said in the place of zeros. */
export function zerosComment(clock: Clock): string {
  return `zeros in the place of lines, replaced ${isoUtc(clock.utcUs())}`;
}

/** Puts a comment in the place of each row with zeros; all other bytes stay. */
export async function fillHoles(disk: Disk, path: string, comment: string): Promise<void> {
  const rows = (await disk.read(path)).toString("latin1").split("\n");
  const filled = rows.map((row) => (isHole(row) ? manifestComment(comment).trimEnd() : row));
  await replaceDurable(disk, path, Buffer.from(filled.join("\n"), "latin1"), NEVER);
}

async function dropTorn(disk: Disk, path: string): Promise<void> {
  const bytes = await disk.read(path);
  await replaceDurable(disk, path, bytes.subarray(0, bytes.lastIndexOf(NEWLINE) + 1), NEVER);
}

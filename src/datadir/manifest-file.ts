// Manifests on the disk. To be called by the one that writes the data directory, in its turn.

import { NEVER } from "../base/abort.ts";
import type { Disk } from "./disk.ts";
import { appendDurable, replaceDurable } from "./durable-file.ts";
import { manifestComment, type ManifestLine, manifestText, readManifest } from "./manifest.ts";

const NEWLINE = 0x0a;

/** Makes the manifest unless it is there, and drops a torn last line. The next sync of the folder makes its name safe. */
export async function prepareManifest(disk: Disk, path: string): Promise<void> {
  const stat = await disk.stat(path);
  if (stat === undefined) {
    const file = await disk.extend(path);
    await file.close();
    return;
  }
  if (stat.bytes === 0) return;
  const { bytes } = await disk.readRange(path, stat.bytes - 1, 1);
  if (bytes[0] !== NEWLINE) await mendManifest(disk, path);
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

/** The lines of a manifest; none without it. What a power cut has torn is dropped, on the disk too. */
export async function wholeLines(disk: Disk, path: string): Promise<readonly ManifestLine[]> {
  if ((await disk.stat(path)) === undefined) return [];
  const { lines, isTorn } = readManifest(String(await disk.read(path)));
  if (isTorn) await mendManifest(disk, path);
  return lines;
}

async function mendManifest(disk: Disk, path: string): Promise<void> {
  const { lines } = readManifest(String(await disk.read(path)));
  await replaceDurable(disk, path, Buffer.from(manifestText(lines)), NEVER);
}

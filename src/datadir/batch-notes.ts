// The notes about batches that are under way, were interrupted, or have a white reference in use, as far as those must know them who only ask whether a run
// has one: their contents are the business of whoever records.

import { join } from "node:path";
import type { Disk } from "./disk/disk.ts";

export const BATCH_NOTE = { prefix: ".batch-under-way", suffix: ".json" } as const;

/** Names the batches of the white references in use. */
export const WHITE_REFERENCES_NOTE = ".white-references.json";

/** The name of a note with the name of the run in it; one too many does no harm. Throws what the disk throws. */
export async function batchNoteOf(disk: Disk, path: string, run: string): Promise<string | undefined> {
  for (const { name, isFile } of await disk.list(path)) {
    const isUnderWay = name.startsWith(BATCH_NOTE.prefix) && name.endsWith(BATCH_NOTE.suffix);
    if (!isFile || !(isUnderWay || name === WHITE_REFERENCES_NOTE)) continue;
    if (String(await disk.read(join(path, name))).includes(JSON.stringify(run))) return name;
  }
  return undefined;
}

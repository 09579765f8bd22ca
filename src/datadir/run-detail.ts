// A run with its files and batches, as clients list it.

import type { Catalogue } from "./catalogue.ts";
import type { RunFolders } from "./run-folders.ts";
import { parseSpectraFileName } from "./spectra-file-name.ts";

export interface RunFile {
  readonly file: string;
  readonly bytes: number;
}

export interface BatchSummary {
  readonly number: number;
  readonly files: number;
}

export interface RunDetail {
  readonly name: string;
  /** Newest first; files with names of their own last. */
  readonly files: readonly RunFile[];
  /** Newest first. */
  readonly batches: readonly BatchSummary[];
  readonly bytes: number;
}

/** Throws RESOURCE_NOT_FOUND or DATADIR_IO. */
export async function readRunDetail(
  run: string,
  folders: RunFolders,
  catalogue: Catalogue,
): Promise<RunDetail> {
  const names = await folders.files(run);
  // Asking the file system for each size takes long in a run of a season; the catalogue knows most.
  const known = catalogue.files(run);
  const files: RunFile[] = [];
  for (const file of names) {
    files.push({ file, bytes: known.get(file)?.bytes ?? (await folders.stat(run, file)).bytes });
  }
  return {
    name: run,
    files,
    batches: batchesOf(names),
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

function batchesOf(names: readonly string[]): BatchSummary[] {
  const counts = new Map<number, number>();
  for (const name of names) {
    const batch = parseSpectraFileName(name)?.batch;
    if (batch !== undefined) counts.set(batch, (counts.get(batch) ?? 0) + 1);
  }
  return [...counts].map(([number, files]) => ({ number, files }));
}

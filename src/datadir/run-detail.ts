// A run with its files and batches, as clients list it, page by page.

import type { Catalogue } from "./catalogue/catalogue.ts";
import type { RunFolders, UnfinishedFile } from "./run-folders.ts";
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
  /** Number of all files of the run. */
  readonly total: number;
  /** The files asked for; newest first, files with names of their own last. */
  readonly files: readonly RunFile[];
  /** The batches these files belong to, each with the number of all its files. Newest first. */
  readonly batches: readonly BatchSummary[];
  /** Size of all files of the run that the catalogue knows. */
  readonly bytes: number;
  /** Left by a crash; no data. */
  readonly unfinished: readonly UnfinishedFile[];
}

export interface FilePage {
  readonly offset?: number;
  /** 100 when absent. */
  readonly limit?: number;
}

const DEFAULT_LIMIT = 100;

/** Throws RESOURCE_NOT_FOUND or DATADIR_IO. */
export async function readRunDetail(
  run: string,
  { folders, catalogue }: { readonly folders: RunFolders; readonly catalogue: Catalogue },
  { offset = 0, limit = DEFAULT_LIMIT }: FilePage,
): Promise<RunDetail> {
  const { names, batches } = await folders.listing(run);
  const page = names.slice(offset, offset + limit);
  const numbers = new Set(page.flatMap((name) => parseSpectraFileName(name)?.batch ?? []));
  return {
    name: run,
    total: names.length,
    files: await sizesOf(run, page, { folders, catalogue }),
    batches: [...numbers].map((number) => ({ number, files: batches.get(number) ?? 0 })),
    bytes: catalogue.bytes(run),
    unfinished: await folders.left(run),
  };
}

// Asking the file system for each size takes long; the catalogue knows most.
async function sizesOf(
  run: string,
  page: readonly string[],
  { folders, catalogue }: { readonly folders: RunFolders; readonly catalogue: Catalogue },
): Promise<RunFile[]> {
  const known = catalogue.sizes(run, page);
  const files: RunFile[] = [];
  for (const file of page) {
    const bytes = known.get(file) ?? (await folders.size(run, file));
    // Removed since the folder was listed.
    if (bytes !== undefined) files.push({ file, bytes });
  }
  return files;
}

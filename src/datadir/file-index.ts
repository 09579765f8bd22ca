// Keeps the catalogue in step with the files: adds a file, finds what is missing or gone, reads everything anew.

import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { parsePico } from "../spectra/pico-reader.ts";
import type { PicoFile } from "../spectra/pico.ts";
import type { Catalogue } from "./catalogue.ts";
import { brokenFile, cataloguedFile, type FileReference } from "./catalogue-row.ts";
import { type Disk, type DiskStat, onDisk } from "./disk.ts";
import type { RunFolders } from "./run-folders.ts";

export interface IndexProgress {
  readonly done: number;
  readonly of: number;
}

export interface IndexReport {
  /** Files whose spectra are in the catalogue now. */
  readonly indexed: number;
  /** Files dropped from the catalogue because they are gone. */
  readonly dropped: number;
  /** Files that could not be read; they stay where they are. */
  readonly broken: readonly (FileReference & { readonly problem: string })[];
}

export interface Differences {
  readonly missing: readonly FileReference[];
  readonly gone: readonly FileReference[];
}

export interface FileIndexParts {
  readonly disk: Disk;
  readonly folders: RunFolders;
  readonly catalogue: Catalogue;
  readonly log: Log;
}

export interface ReadOptions {
  readonly onProgress?: (progress: IndexProgress) => void;
  /**
   * Renames files without content, so that no reader takes them for data. A power cut leaves such on vfat, whose rename
   * shows a file under both names for a moment: fsck(8) then empties one of the two. Only for a start: a file that is
   * being copied in is empty at first, too.
   */
  readonly setsAsideEmpty?: boolean;
}

/** Added to the name of an empty file that is set aside. */
const EMPTY = ".empty";
const EMPTY_TEXT = "empty";

export class FileIndex {
  readonly #parts: FileIndexParts;

  constructor(parts: FileIndexParts) {
    this.#parts = parts;
  }

  /** What the catalogue lacks and what it has too much, by names only: a listing per run, no file is opened. */
  async differences(runs: readonly string[]): Promise<Differences> {
    const missing: FileReference[] = [];
    const gone: FileReference[] = [];
    for (const run of runs) {
      // The catalogue first: a file recorded between the two looks is then missing, never gone.
      const known = this.#parts.catalogue.files(run);
      const present = new Set(await this.#present(run));
      for (const file of present) if (!known.has(file)) missing.push({ run, file });
      for (const file of known.keys()) if (!present.has(file)) gone.push({ run, file });
    }
    return { missing, gone };
  }

  /** Runs on disk and runs the catalogue knows. */
  async runs(): Promise<string[]> {
    return [...new Set([...(await this.#parts.folders.names()), ...this.#parts.catalogue.runs()])];
  }

  /** All spectra files on disk. */
  async everything(): Promise<FileReference[]> {
    const files: FileReference[] = [];
    for (const run of await this.#parts.folders.names()) {
      for (const file of await this.#present(run)) files.push({ run, file });
    }
    return files;
  }

  /** Reads files one by one and stores their rows. A broken file is noted, logged and left alone. Throws when a row cannot be stored. */
  async read(
    files: readonly FileReference[],
    { onProgress = () => undefined, setsAsideEmpty = false }: ReadOptions,
    signal: AbortSignal,
  ): Promise<Omit<IndexReport, "dropped">> {
    const broken: (FileReference & { readonly problem: string })[] = [];
    for (const [done, reference] of files.entries()) {
      signal.throwIfAborted();
      const problem = await this.#readOne(reference, setsAsideEmpty);
      if (problem !== null) broken.push({ ...reference, problem });
      onProgress({ done: done + 1, of: files.length });
    }
    return { indexed: files.length - broken.length, broken };
  }

  /** Stores the rows of a file whose content is at hand. */
  async add(reference: FileReference, content: PicoFile): Promise<void> {
    this.#store(reference, await this.#parts.folders.stat(reference.run, reference.file), content);
  }

  async #readOne(reference: FileReference, setsAsideEmpty: boolean): Promise<string | null> {
    const { disk, folders, catalogue, log } = this.#parts;
    const path = folders.pathOf(reference.run, reference.file);
    let stat: DiskStat | undefined;
    let content: PicoFile;
    try {
      stat = await folders.stat(reference.run, reference.file);
      if (stat.bytes === 0 && setsAsideEmpty) {
        await this.#setAside(reference, path);
        return EMPTY_TEXT;
      }
      const text = String(await onDisk(path, () => disk.read(path)));
      content = parsePico(text, `${reference.run}/${reference.file}`);
    } catch (error) {
      const problem = messageOf(error);
      log.warn({ ...reference, problem }, "a spectra file cannot be indexed");
      if (stat !== undefined) catalogue.record([brokenFile(factsOf(reference, stat), problem)]);
      return problem;
    }
    // A catalogue that takes no row is no fault of the file.
    this.#store(reference, stat, content);
    return null;
  }

  async #setAside({ run, file }: FileReference, path: string): Promise<void> {
    const { disk, folders, log } = this.#parts;
    await onDisk(path, () => disk.rename(path, `${path}${EMPTY}`));
    folders.changed(run);
    log.warn({ run, file }, `an empty spectra file is renamed to ${file}${EMPTY}`);
  }

  #store(reference: FileReference, stat: DiskStat, content: PicoFile): void {
    this.#parts.catalogue.record([cataloguedFile(factsOf(reference, stat), content)]);
  }

  async #present(run: string): Promise<readonly string[]> {
    const { folders } = this.#parts;
    return (await folders.isRun(run)) ? (await folders.listing(run)).names : [];
  }
}

function factsOf(reference: FileReference, { bytes, modifiedUtcUs }: DiskStat) {
  return { ...reference, bytes, modifiedUtcUs, sha256: null };
}

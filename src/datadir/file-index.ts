// Keeps the catalogue in step with the files: finds what is missing or gone, and reads files into it, in slices.

import { createHash } from "node:crypto";
import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { parsePico } from "../spectra/pico-reader.ts";
import type { PicoFile } from "../spectra/pico.ts";
import type { Catalogue } from "./catalogue/catalogue.ts";
import {
  brokenFile,
  type CataloguedFile,
  cataloguedFile,
  type FileReference,
  type FileRow,
} from "./catalogue/catalogue-row.ts";
import { type Disk, type DiskStat, onDisk } from "./disk/disk.ts";
import type { RunFolders } from "./run-folders.ts";

export interface IndexProgress {
  readonly done: number;
  readonly of: number;
}

export interface IndexReport {
  /** Files whose spectra are in the catalogue now. */
  readonly indexed: number;
  /** Files that were read as spectra for it; the others are as the catalogue knew them. */
  readonly parsed: number;
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
  /** Leaves the rows of a file as they are whose size, time and hash are as catalogued. */
  readonly passesOverKnown?: boolean;
}

/** A file that was stored, to be catalogued. */
export interface StoredFile extends FileReference {
  readonly content: PicoFile;
  readonly sha256: Uint8Array;
}

/** What came of reading a file: rows to store, or none where those in the catalogue are right or there is nothing to store. */
interface FileRead {
  readonly rows?: CataloguedFile;
  readonly isKnown?: true;
}

/** Added to the name of an empty file that is set aside. */
export const EMPTY = ".empty";

/** Files of one transaction: exposures wait for it, 10 ms at most on a small computer. */
const SLICE = 25;

export class FileIndex {
  readonly #parts: FileIndexParts;
  #filesRead = 0;

  constructor(parts: FileIndexParts) {
    this.#parts = parts;
  }

  /** Those that `read` has found whole so far. */
  get filesRead(): number {
    return this.#filesRead;
  }

  /** What the catalogue lacks and what it has too much, by names only: a listing per run, no file is opened. */
  async differences(runs: readonly string[]): Promise<Differences> {
    const missing: FileReference[] = [];
    const gone: FileReference[] = [];
    for (const run of runs) {
      // The catalogue first: a file recorded between the two looks is then missing, never gone.
      const known = await this.#parts.catalogue.files(run);
      const names = await this.#present(run);
      if (names === undefined) continue;
      const present = new Set(names);
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
      for (const file of (await this.#present(run)) ?? []) files.push({ run, file });
    }
    return files;
  }

  /**
   * Reads files one by one and stores their rows, a transaction for each slice. A broken file is noted, logged and left
   * alone. Throws when rows cannot be stored.
   */
  async read(
    files: readonly FileReference[],
    { onProgress = () => undefined, ...how }: ReadOptions,
    signal: AbortSignal,
  ): Promise<Pick<IndexReport, "parsed">> {
    let parsed = 0;
    for (let done = 0; done < files.length; ) {
      const slice = files.slice(done, done + SLICE);
      const rows: CataloguedFile[] = [];
      const known: FileReference[] = [];
      for (const reference of slice) {
        signal.throwIfAborted();
        const read = await this.#readOne(reference, how);
        if (read.rows !== undefined) rows.push(read.rows);
        if (read.isKnown === true) known.push(reference);
        done += 1;
        onProgress({ done, of: files.length });
      }
      this.#parts.catalogue.record(rows);
      this.#parts.catalogue.generations.confirm(known);
      parsed += rows.length;
      this.#filesRead += rows.filter(({ file }) => file.problem === null).length;
    }
    return { parsed };
  }

  /** Stores the rows of files whose content is at hand. */
  async add(files: readonly StoredFile[]): Promise<void> {
    const rows: CataloguedFile[] = [];
    for (const { run, file, content, sha256 } of files) {
      const { bytes, modifiedUtcUs } = await this.#parts.folders.stat(run, file);
      rows.push(cataloguedFile({ run, file, bytes, modifiedUtcUs, sha256 }, content));
    }
    this.#parts.catalogue.record(rows);
  }

  async #readOne(
    reference: FileReference,
    { setsAsideEmpty = false, passesOverKnown = false }: Omit<ReadOptions, "onProgress">,
  ): Promise<FileRead> {
    const { disk, folders, log } = this.#parts;
    const { run, file } = reference;
    const path = folders.pathOf(run, file);
    let stat: DiskStat | undefined;
    let sha256: Uint8Array | null = null;
    try {
      stat = await folders.stat(run, file);
      if (stat.bytes === 0 && setsAsideEmpty) {
        await this.#setAside(reference, path);
        return {};
      }
      const bytes = await onDisk(path, () => disk.read(path));
      sha256 = createHash("sha256").update(bytes).digest();
      const row = { run, file, bytes: stat.bytes, modifiedUtcUs: stat.modifiedUtcUs, sha256 };
      if (passesOverKnown && this.#isKnown(row)) return { isKnown: true };
      return { rows: cataloguedFile(row, parsePico(String(bytes), `${run}/${file}`)) };
    } catch (error) {
      const problem = messageOf(error);
      log.warn({ run, file, problem }, "a spectra file cannot be indexed");
      if (stat === undefined) return {};
      const { bytes, modifiedUtcUs } = stat;
      return { rows: brokenFile({ run, file, bytes, modifiedUtcUs, sha256 }, problem) };
    }
  }

  #isKnown({
    run,
    file,
    bytes,
    modifiedUtcUs,
    sha256,
  }: Omit<FileRow, "spectra" | "failures" | "problem">): boolean {
    const row = this.#parts.catalogue.rowsOf(run, [file]).get(file);
    if (row === undefined || row.problem !== null || row.sha256 === null || sha256 === null) return false;
    const isSameStat = row.bytes === bytes && row.modifiedUtcUs === modifiedUtcUs;
    return isSameStat && Buffer.compare(row.sha256, sha256) === 0;
  }

  async #setAside({ run, file }: FileReference, path: string): Promise<void> {
    const { disk, folders, log } = this.#parts;
    await onDisk(path, () => disk.rename(path, `${path}${EMPTY}`));
    folders.changed(run);
    log.warn({ run, file }, `an empty spectra file is renamed to ${file}${EMPTY}`);
  }

  /** The files of a run; undefined where its medium fails: nobody knows what is missing or gone. */
  #present(run: string): Promise<readonly string[] | undefined> {
    const { folders } = this.#parts;
    const listed = async (): Promise<readonly string[]> =>
      (await folders.isRun(run)) ? (await folders.listing(run)).names : [];
    return folders.passingOver(run, listed, () => undefined);
  }
}

// The catalogue: one row per file and one per spectrum, in SQLite. It is an index only; the files are the truth.
// What is synchronous is short; searches run in a thread of their own (reader.ts). Nothing else here reads spectra files than the digest of a day, which does so there.

import { existsSync } from "node:fs";
import { readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Database } from "better-sqlite3";
import { breath, type Clock, isoUtc } from "../../base/clock.ts";
import { messageOf, VscopeError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { isDamage, type OpenedDatabase, openDatabase } from "./catalogue-database.ts";
import { filesToCopy, hasEarlier } from "./catalogue-migration.ts";
import type { CataloguedFile, FileReference, FileRow, SpectrumRow } from "./catalogue-row.ts";
import {
  type CatalogueAnswer,
  type CatalogueTask,
  type FoundSlice,
  perform,
  required,
} from "./catalogue-task.ts";
import { CatalogueWriter } from "./catalogue-writer.ts";
import { Checkpoints } from "./checkpoints.ts";
import type { Day } from "./day.ts";
import type { DigestOfDay } from "./digest.ts";
import { EventRows } from "./event-rows.ts";
import { Generations } from "./generations.ts";
import { Reader } from "./reader.ts";
import type { Criteria, Found, Search, Slice } from "./search.ts";
import { Searcher } from "./searcher.ts";

export const CATALOGUE_FILE = "catalogue.sqlite";
/** Beside a catalogue that was found damaged while the server worked: the next start makes a new one. */
const DAMAGED = ".damaged";

export interface CatalogueParts {
  readonly clock: Clock;
  readonly log: Log;
}

/** A file as the catalogue has it; `generation` is that of the reindexing that has read it last. */
export interface KnownFile extends FileRow {
  readonly generation: number;
}

interface Options extends OpenedDatabase {
  /** Absent where no thread can open it, too: in memory, or had by this one alone. */
  readonly path?: string;
  readonly log: Log;
}

const FILE_COLUMNS =
  "runs.name AS run, files.name AS file, bytes, modifiedUtcUs, sha256, spectra, failures, problem, generation";
const FILES = `SELECT ${FILE_COLUMNS} FROM files JOIN runs ON runs.id = files.run`;
/** Read in a few milliseconds. */
const SLICE = 500;
const FILES_AFTER = `${FILES} WHERE runs.name = ? AND files.name > ? ORDER BY files.name LIMIT ${SLICE}`;

export class Catalogue {
  readonly events: EventRows;
  readonly generations: Generations;
  readonly #database: Database;
  readonly #writer: CatalogueWriter;
  readonly #reader: Reader | undefined;
  readonly #checkpoints: Checkpoints | undefined;
  /** A check takes long: searches do not wait for it. */
  readonly #checker: Reader | undefined;

  private constructor({ database, isDoubtful, path, log }: Options) {
    this.#database = database;
    this.#writer = new CatalogueWriter(database);
    this.events = new EventRows(database, this.#writer);
    this.#reader = path === undefined ? undefined : new Reader(path);
    this.#checkpoints = this.#reader && new Checkpoints(database, this.#reader);
    this.#checker = path === undefined ? undefined : new Reader(path);
    this.generations = new Generations(database);
    if (isDoubtful && path !== undefined) void this.#check(path, log);
  }

  /**
   * Opens or creates a catalogue; the caller fills what is missing. One that is damaged or of another version is moved
   * aside and an empty one takes its place. One that cannot be opened now (disk full, I/O error, read-only, in use) stays
   * as it is: where SQLite cannot have it to itself either, the catalogue lives in memory.
   */
  static async open(path: string, { clock, log }: CatalogueParts): Promise<Catalogue> {
    try {
      if (existsSync(`${path}${DAMAGED}`)) throw new VscopeError("DATADIR_IO", "found by the last check");
      return new Catalogue({ ...openDatabase(path), path, log });
    } catch (error) {
      if (!isDamage(error)) return Catalogue.#openAlone(path, error, log);
      log.warn({ path, reason: messageOf(error) }, "the catalogue is damaged and is made anew");
    }
    try {
      await moveAside(path, clock);
      return new Catalogue({ ...openDatabase(path), path, log });
    } catch (error) {
      return Catalogue.#inMemory(path, error, log);
    }
  }

  // Without the memory that SQLite shares with other programs, which is a file on the medium.
  static #openAlone(path: string, cause: unknown, log: Log): Catalogue {
    try {
      const catalogue = new Catalogue({ ...openDatabase(path, { isAlone: true }), log });
      log.warn({ path, reason: messageOf(cause) }, "no other program can read the catalogue");
      return catalogue;
    } catch (error) {
      return Catalogue.#inMemory(path, error, log);
    }
  }

  static #inMemory(path: string, cause: unknown, log: Log): Catalogue {
    const reason = messageOf(cause);
    log.error({ path, reason }, "the catalogue cannot be used, it is kept in memory until the next start");
    return new Catalogue({ ...openDatabase(":memory:"), log });
  }

  /** Stores files with their spectra, all or none; replaces what was known about them. Throws DATADIR_IO. */
  record(files: readonly CataloguedFile[]): void {
    this.#guard(() => {
      this.#writer.record(files, this.generations.present);
      this.#checkpoints?.look();
    });
  }

  /** Drops files and their spectra. */
  drop(files: readonly FileReference[]): void {
    this.#guard(() => {
      const find = this.#database.prepare<[string, string], { id: number }>(
        "SELECT files.id FROM files JOIN runs ON runs.id = files.run WHERE runs.name = ? AND files.name = ?",
      );
      const spectra = this.#database.prepare<[number]>("DELETE FROM measurements WHERE file = ?");
      const row = this.#database.prepare<[number]>("DELETE FROM files WHERE id = ?");
      this.#writer.transaction(() => {
        for (const id of files.flatMap(({ run, file }) => find.get(run, file)?.id ?? [])) {
          spectra.run(id);
          row.run(id);
        }
      });
    });
  }

  /** Runs that have files. */
  runs(): string[] {
    return this.#guard(() =>
      this.#database
        .prepare<[], { name: string }>(
          "SELECT name FROM runs WHERE EXISTS (SELECT 1 FROM files WHERE files.run = runs.id)",
        )
        .all()
        .map(({ name }) => name),
    );
  }

  /** The known files of a run, by name and in its order; other work goes on meanwhile. */
  async files(run: string): Promise<Map<string, KnownFile>> {
    const known = new Map<string, KnownFile>();
    for (let last = ""; ; await breath()) {
      const slice = this.#guard(() =>
        this.#database.prepare<[string, string], KnownFile>(FILES_AFTER).all(run, last),
      );
      for (const row of slice) known.set((last = row.file), row);
      if (slice.length < SLICE) return known;
    }
  }

  /** Those of the files of a run that are known, by name. */
  rowsOf(run: string, files: readonly string[]): Map<string, KnownFile> {
    return this.#guard(() => {
      const statement = this.#database.prepare<[string, string], KnownFile>(
        `${FILES} WHERE runs.name = ? AND files.name = ?`,
      );
      return new Map(files.flatMap((file) => statement.all(run, file).map((row) => [file, row])));
    });
  }

  /** The bytes of those of the files that are known. */
  sizes(run: string, files: readonly string[]): Map<string, number> {
    return this.#guard(() => {
      const statement = this.#database.prepare<[string, string], { bytes: number }>(
        "SELECT bytes FROM files WHERE run = (SELECT id FROM runs WHERE name = ?) AND name = ?",
      );
      const rows = files.map((file) => ({ file, bytes: statement.get(run, file)?.bytes }));
      return new Map(rows.flatMap(({ file, bytes }) => (bytes === undefined ? [] : [[file, bytes]])));
    });
  }

  /** The bytes of all known files of a run. */
  bytes(run: string): number {
    return this.#guard(() => {
      const statement = this.#database.prepare<[string], { bytes: number }>(
        "SELECT total(bytes) AS bytes FROM files WHERE run = (SELECT id FROM runs WHERE name = ?)",
      );
      return statement.get(run)?.bytes ?? 0;
    });
  }

  /** Files that could not be read, with the reason. */
  brokenFiles(): FileRow[] {
    return this.#guard(() =>
      this.#database
        .prepare<[], FileRow>(`${FILES} WHERE problem IS NOT NULL ORDER BY runs.name, files.name`)
        .all(),
    );
  }

  /** A page of the spectra that fit. Throws VALUE_INVALID for a text without words and for what is no cursor, DATADIR_IO. */
  async search(search: Search): Promise<Found> {
    return required((await this.#ask({ kind: "search", search })).search);
  }

  /** A slice of what fits, newest first. Throws as `search`. */
  async slice(criteria: Criteria, slice: Slice): Promise<FoundSlice> {
    return required((await this.#ask({ kind: "slice", criteria, slice })).slice);
  }

  /** What a day has brought. Throws DATADIR_IO. */
  async digest(day: Day): Promise<DigestOfDay> {
    return required((await this.#ask({ kind: "digest", day })).digest);
  }

  /** A spectrum by its id, or undefined. */
  spectrum(id: string): SpectrumRow | undefined {
    return this.#guard(() => new Searcher(this.#database).spectrum(id));
  }

  /** Whether spectra are still in the table of an earlier version. */
  get isOld(): boolean {
    return this.#guard(() => hasEarlier(this.#database));
  }

  /** Files whose spectra are still in it. */
  filesToCopy(): number {
    return this.#guard(() => filesToCopy(this.#database));
  }

  /** Copies the spectra of an earlier version, step by step; tells after each how many files are left. Throws DATADIR_IO. */
  async copyEarlier(onLeft: (files: number) => void, signal: AbortSignal): Promise<void> {
    while (this.isOld) {
      signal.throwIfAborted();
      onLeft(required((await this.#ask({ kind: "copy" })).copy));
    }
  }

  /** Ends the thread first: who closes the database last takes its journal away. */
  async close(): Promise<void> {
    await Promise.all([this.#reader?.close(), this.#checker?.close()]);
    this.#database.close();
  }

  async #ask(task: CatalogueTask): Promise<CatalogueAnswer> {
    if (this.#reader !== undefined) return this.#reader.ask(task);
    const database = this.#database;
    const writing = () => ({ database, writer: this.#writer });
    return this.#guard(() => perform(task, { reading: database, writing }));
  }

  async #check(path: string, log: Log): Promise<void> {
    try {
      await this.#checker?.ask({ kind: "check" });
    } catch (error) {
      const reason = messageOf(error);
      if (!reason.includes("integrity")) return;
      log.error({ path, reason }, "the catalogue is damaged, the next start makes it anew");
      await writeFile(`${path}${DAMAGED}`, "").catch(() => undefined);
    }
  }

  #guard<T>(call: () => T): T {
    try {
      return call();
    } catch (error) {
      if (error instanceof VscopeError) throw error;
      throw new VscopeError("DATADIR_IO", `catalogue: ${messageOf(error)}`, { cause: error });
    }
  }
}

// The journal belongs to the database; with a new one it would be taken for its own. One catalogue is kept aside, no more:
// they are large, and the files have all that is in them.
async function moveAside(path: string, clock: Clock): Promise<void> {
  await removeAside(path).catch(() => undefined);
  const aside = `${path}.${isoUtc(clock.utcUs()).replaceAll(/[-:.]/g, "")}`;
  await rename(path, aside).catch(() => undefined);
  for (const ending of ["-wal", "-shm", "-journal", DAMAGED]) await rm(`${path}${ending}`, { force: true });
}

async function removeAside(path: string): Promise<void> {
  const [folder, name] = [dirname(path), basename(path)];
  const aside = (await readdir(folder)).filter(
    (one) => one.startsWith(name) && /^\.\d{8}T\d+Z$/.test(one.slice(name.length)),
  );
  for (const one of aside) await rm(join(folder, one), { force: true });
}

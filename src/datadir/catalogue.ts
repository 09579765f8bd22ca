// The catalogue: one row per file and one per spectrum, in SQLite. It is an index only; the files are the truth.
// Calls are synchronous and short (a row takes well under a millisecond); nothing here reads spectra files.

import { rename, rm } from "node:fs/promises";
import Database from "better-sqlite3";
import { type Clock, isoUtc } from "../base/clock.ts";
import { messageOf, VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import {
  type FileReference,
  type FileRow,
  fromStored,
  parseSpectrumId,
  type SpectrumRow,
  type StoredSpectrum,
  toStored,
} from "./catalogue-row.ts";
import { KNOWN_VERSIONS, SCHEMA, SPECTRUM_COLUMNS } from "./schema.ts";
import { conditionsOf, type SpectrumQuery } from "./spectrum-query.ts";

export const CATALOGUE_FILE = "catalogue.sqlite";

const DEFAULT_LIMIT = 100;
const NEWEST_FIRST = "exposureStartUtcUs DESC, run, file, position";
const COLUMNS = Object.keys(SPECTRUM_COLUMNS);
/** Another program may be reading; everything waits meanwhile. */
const BUSY_MS = 500;

export interface CatalogueParts {
  readonly clock: Clock;
  readonly log: Log;
}

export class Catalogue {
  readonly #database: Database.Database;
  readonly #record: (file: FileRow, spectra: readonly SpectrumRow[]) => void;

  private constructor(database: Database.Database) {
    this.#database = database;
    this.#record = prepareRecord(database);
  }

  /**
   * Opens or creates a catalogue; the caller fills what is missing. One that is damaged or of another version is moved
   * aside and an empty one takes its place. One that cannot be opened now (disk full, I/O error, read-only, in use) stays
   * as it is: where SQLite cannot have it to itself either, the catalogue lives in memory.
   */
  static async open(path: string, { clock, log }: CatalogueParts): Promise<Catalogue> {
    try {
      return new Catalogue(openDatabase(path));
    } catch (error) {
      if (!isDamaged(error)) return Catalogue.#openAlone(path, error, log);
      log.warn({ path, reason: messageOf(error) }, "the catalogue is damaged and is made anew");
    }
    try {
      await moveAside(path, clock);
      return new Catalogue(openDatabase(path));
    } catch (error) {
      return Catalogue.#inMemory(path, error, log);
    }
  }

  // Without the memory that SQLite shares with other programs, which is a file on the medium.
  static #openAlone(path: string, cause: unknown, log: Log): Catalogue {
    try {
      const catalogue = new Catalogue(openDatabase(path, { isAlone: true }));
      log.warn({ path, reason: messageOf(cause) }, "no other program can read the catalogue");
      return catalogue;
    } catch (error) {
      return Catalogue.#inMemory(path, error, log);
    }
  }

  static #inMemory(path: string, cause: unknown, log: Log): Catalogue {
    const reason = messageOf(cause);
    log.error({ path, reason }, "the catalogue cannot be used, it is kept in memory until the next start");
    return new Catalogue(openDatabase(":memory:"));
  }

  /** Stores a file with its spectra; replaces what was known about it. */
  record(file: FileRow, spectra: readonly SpectrumRow[]): void {
    this.#guard(() => this.#record(file, spectra));
  }

  /** Drops files and their spectra. */
  drop(files: readonly FileReference[]): void {
    this.#guard(() => {
      const statements = ["spectra", "files"].map((table) =>
        this.#database.prepare<[string, string]>(`DELETE FROM ${table} WHERE run = ? AND file = ?`),
      );
      this.#database.transaction(() => {
        for (const { run, file } of files) for (const statement of statements) statement.run(run, file);
      })();
    });
  }

  runs(): string[] {
    return this.#guard(() =>
      this.#database
        .prepare<[], { run: string }>("SELECT DISTINCT run FROM files")
        .all()
        .map(({ run }) => run),
    );
  }

  /** The known files of a run, by name. */
  files(run: string): Map<string, FileRow> {
    return this.#guard(() => {
      const rows = this.#database.prepare<[string], FileRow>("SELECT * FROM files WHERE run = ?").all(run);
      return new Map(rows.map((row) => [row.file, row]));
    });
  }

  /** The bytes of those of the files that are known. */
  sizes(run: string, files: readonly string[]): Map<string, number> {
    return this.#guard(() => {
      const statement = this.#database.prepare<[string, string], { bytes: number }>(
        "SELECT bytes FROM files WHERE run = ? AND file = ?",
      );
      const rows = files.map((file) => ({ file, bytes: statement.get(run, file)?.bytes }));
      return new Map(rows.flatMap(({ file, bytes }) => (bytes === undefined ? [] : [[file, bytes]])));
    });
  }

  /** The bytes of all known files of a run. */
  bytes(run: string): number {
    return this.#guard(() => {
      const statement = this.#database.prepare<[string], { bytes: number }>(
        "SELECT total(bytes) AS bytes FROM files WHERE run = ?",
      );
      return statement.get(run)?.bytes ?? 0;
    });
  }

  /** Files that could not be read, with the reason. */
  brokenFiles(): FileRow[] {
    return this.#guard(() =>
      this.#database
        .prepare<[], FileRow>("SELECT * FROM files WHERE problem IS NOT NULL ORDER BY run, file")
        .all(),
    );
  }

  /** The spectra that fit a query, newest first, and how many there are in all. */
  search(query: SpectrumQuery): { readonly total: number; readonly spectra: SpectrumRow[] } {
    const { where, values } = conditionsOf(query);
    const page = { limit: query.limit ?? DEFAULT_LIMIT, offset: query.offset ?? 0 };
    return this.#guard(() => {
      const counted = this.#database
        .prepare<[object], { total: number }>(`SELECT count(*) AS total FROM spectra ${where}`)
        .get(values);
      // Rows are wide: what the offset skips is skipped in the index.
      const keys = `SELECT run, file, position FROM spectra ${where} ORDER BY ${NEWEST_FIRST} LIMIT @limit OFFSET @offset`;
      const rows = this.#database
        .prepare<[object], StoredSpectrum>(
          `SELECT ${COLUMNS.join(", ")} FROM (${keys}) JOIN spectra USING (run, file, position) ORDER BY ${NEWEST_FIRST}`,
        )
        .all({ ...values, ...page });
      return { total: counted?.total ?? 0, spectra: rows.map(fromStored) };
    });
  }

  /** A spectrum by its id, or undefined. */
  spectrum(id: string): SpectrumRow | undefined {
    const key = parseSpectrumId(id);
    if (key === undefined) return undefined;
    return this.#guard(() => {
      const row = this.#database
        .prepare<[object], StoredSpectrum>(
          `SELECT ${COLUMNS.join(", ")} FROM spectra WHERE run = @run AND file = @file AND position = @position`,
        )
        .get(key);
      return row === undefined ? undefined : fromStored(row);
    });
  }

  close(): void {
    this.#database.close();
  }

  #guard<T>(call: () => T): T {
    try {
      return call();
    } catch (error) {
      throw new VscopeError("DATADIR_IO", `catalogue: ${messageOf(error)}`, { cause: error });
    }
  }
}

function openDatabase(path: string, { isAlone = false } = {}): Database.Database {
  const database = new Database(path, { timeout: BUSY_MS });
  try {
    if (isAlone) database.pragma("locking_mode = EXCLUSIVE");
    // A file system without shared memory refuses WAL and keeps its journal: slower, as safe.
    database.pragma("journal_mode = WAL");
    // The newest rows may be lost with the power, the catalogue stays whole: the files bring them back.
    database.pragma("synchronous = NORMAL");
    const version = Number(database.pragma("user_version", { simple: true }));
    const isNew = version === 0 && database.prepare("SELECT 1 FROM sqlite_schema").get() === undefined;
    if (isNew) database.transaction(() => database.exec(SCHEMA))();
    else if (!KNOWN_VERSIONS.includes(version))
      throw new VscopeError(
        "DATADIR_IO",
        `version ${version} of the catalogue, ${KNOWN_VERSIONS.join()} are known`,
      );
    const check = String(database.pragma("quick_check(1)", { simple: true }));
    if (check !== "ok") throw new VscopeError("DATADIR_IO", `integrity check: ${check}`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

// What another try cannot mend: no catalogue, or none that is whole.
function isDamaged(error: unknown): boolean {
  if (!(error instanceof Database.SqliteError)) return error instanceof VscopeError;
  return /^SQLITE_(NOTADB|CORRUPT|ERROR)/.test(error.code);
}

function prepareRecord(
  database: Database.Database,
): (file: FileRow, spectra: readonly SpectrumRow[]) => void {
  const clear = database.prepare<[FileRow]>("DELETE FROM spectra WHERE run = @run AND file = @file");
  const insertFile = database.prepare<[FileRow]>(
    "INSERT OR REPLACE INTO files (run, file, bytes, modifiedUtcUs, spectra, failures, problem) " +
      "VALUES (@run, @file, @bytes, @modifiedUtcUs, @spectra, @failures, @problem)",
  );
  const insertSpectrum = database.prepare<[StoredSpectrum]>(
    `INSERT INTO spectra (${COLUMNS.join(", ")}) VALUES (${COLUMNS.map((column) => `@${column}`).join(", ")})`,
  );
  return database.transaction((file: FileRow, spectra: readonly SpectrumRow[]) => {
    clear.run(file);
    insertFile.run(file);
    for (const row of spectra) insertSpectrum.run(toStored(row));
  });
}

// The journal belongs to the database; with a new one it would be taken for its own.
async function moveAside(path: string, clock: Clock): Promise<void> {
  const aside = `${path}.${isoUtc(clock.utcUs()).replaceAll(/[-:.]/g, "")}`;
  await rename(path, aside).catch(() => undefined);
  for (const ending of ["-wal", "-shm", "-journal"]) await rm(`${path}${ending}`, { force: true });
}

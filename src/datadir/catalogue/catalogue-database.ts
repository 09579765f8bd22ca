// Opens the catalogue's database, and makes its tables where there are none.

import { existsSync, statSync } from "node:fs";
import Database from "better-sqlite3";
import { VscopeError } from "../../base/errors.ts";
import { CORRUPT, sqliteCause } from "./catalogue-fault.ts";
import { setEarlierAside, takeFilesOver } from "./catalogue-migration.ts";
import { EARLIER_VERSIONS, SCHEMA, SCHEMA_VERSION } from "./schema.ts";

/** Another program may be reading; everything waits meanwhile. */
const BUSY_MS = 500;
/** A catalogue of this size is checked in 0.1 s on a computer, in 1 s from a card. */
const CHECKED_AT_ONCE_BYTES = 32e6;
const CACHE_KB = 8000;

export interface OpenedDatabase {
  readonly database: Database.Database;
  /** Whether it was not checked, though it may be damaged: what used it last has not closed it, or has failed. */
  readonly isDoubtful: boolean;
}

export interface HowToOpen {
  readonly isAlone?: boolean;
  /** Leaves the check of a small one to somebody else, too. */
  readonly isBrief?: boolean;
}

/** Throws VscopeError where the database is no catalogue, or a damaged one; else what SQLite throws. */
export function openDatabase(
  path: string,
  { isAlone = false, isBrief = false }: HowToOpen = {},
): OpenedDatabase {
  // Whoever closes it last takes its journal away.
  const wasLeft = existsSync(`${path}-wal`) || existsSync(`${path}-journal`);
  const isSmall = !existsSync(path) || statSync(path).size <= CHECKED_AT_ONCE_BYTES;
  const database = new Database(path, { timeout: BUSY_MS });
  try {
    if (isAlone) database.pragma("locking_mode = EXCLUSIVE");
    // A file system without shared memory refuses WAL and keeps its journal: slower, as safe.
    database.pragma("journal_mode = WAL");
    // The newest rows may be lost with the power, the catalogue stays whole: the files bring them back.
    database.pragma("synchronous = NORMAL");
    database.pragma(`cache_size = ${-CACHE_KB}`);
    if (isSmall && !isBrief) requireWhole(database);
    makeTables(database);
    return { database, isDoubtful: isBrief || (wasLeft && !isSmall) };
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Beside the one that was opened before. Throws what SQLite throws. */
export function openAnother(path: string, { readonly }: { readonly readonly: boolean }): Database.Database {
  const database = new Database(path, { readonly, timeout: BUSY_MS });
  database.pragma(`cache_size = ${-CACHE_KB}`);
  return database;
}

/** Throws DATADIR_IO when pages of the database contradict each other. */
export function requireWhole(database: Database.Database): void {
  requireOk(database, "1");
}

/** As `requireWhole`, table by table: a thread that does this can be ended between them. */
export function requireTablesWhole(database: Database.Database): void {
  const tables = database
    .prepare<[], { name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0")
    .all();
  for (const { name } of [{ name: "sqlite_schema" }, ...tables]) requireOk(database, `'${name}'`);
}

function requireOk(database: Database.Database, checked: string): void {
  const check = String(database.pragma(`quick_check(${checked})`, { simple: true }));
  if (check === "ok") return;
  throw new VscopeError("DATADIR_IO", `integrity check: ${check}`, { cause: sqliteCause(CORRUPT) });
}

/** What another try cannot mend: no catalogue, or none that is whole. */
export function isDamage(error: unknown): boolean {
  if (!(error instanceof Database.SqliteError)) return error instanceof VscopeError;
  return /^SQLITE_(NOTADB|CORRUPT|ERROR)/.test(error.code);
}

function makeTables(database: Database.Database): void {
  const version = Number(database.pragma("user_version", { simple: true }));
  if (version === SCHEMA_VERSION) return;
  const isNew = version === 0 && database.prepare("SELECT 1 FROM sqlite_schema").get() === undefined;
  if (!isNew && !EARLIER_VERSIONS.includes(version)) {
    const known = [...EARLIER_VERSIONS, SCHEMA_VERSION].join();
    throw new VscopeError("DATADIR_IO", `version ${version} of the catalogue, ${known} are known`);
  }
  database.transaction(() => {
    if (!isNew) setEarlierAside(database);
    database.exec(SCHEMA);
    if (!isNew) takeFilesOver(database);
  })();
}

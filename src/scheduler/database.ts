// Opens the scheduler's file and brings it up to date, or reads it into memory where it cannot be written. One that is
// damaged is moved aside.

import { copyFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import Database from "better-sqlite3";
import { type Clock, isoUtc } from "../base/clock.ts";
import { messageOf, VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { MIGRATIONS } from "./schema.ts";

const ENDINGS = ["-wal", "-shm", "-journal"];
// Where a copy can be made when the disk of the file is full or read-only.
const COPY_FOLDERS = ["/dev/shm", tmpdir()];
/** Numbers of what begins in memory while nobody knows which the file has given. */
const UNREAD_FIRST_ID = 1_000_000;

export interface DatabaseParts {
  readonly clock: Clock;
  readonly log: Log;
}

/** Throws what is in the way, SqliteError or VscopeError; waits for another program up to `busyMs`, and all others with it. */
export function openFile(path: string, { clock, log }: DatabaseParts, busyMs: number): Database.Database {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  try {
    return open(path, busyMs);
  } catch (error) {
    if (!isDamaged(error)) throw error;
    log.error({ path, reason: messageOf(error) }, "the scheduler's file is damaged and is moved aside");
  }
  moveAside(path, clock);
  return open(path, busyMs);
}

/** What the file holds, in memory; the file may be locked, or lie where nothing can be written. Throws when it cannot be read. */
export function readIntoMemory(path: string): Database.Database {
  let failure: unknown;
  for (const folder of COPY_FOLDERS) {
    try {
      return readCopy(path, mkdtempSync(join(folder, "vscope-")));
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

export function intoMemory(database: Database.Database): Database.Database {
  const bytes = database.serialize();
  // The header says that there is a write-ahead log, which memory has not.
  bytes.fill(1, 18, 20);
  return new Database(bytes);
}

export function emptyMemory(): Database.Database {
  const database = new Database(":memory:");
  migrate(database);
  for (const table of ["jobs", "history"])
    database.prepare("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)").run(table, UNREAD_FIRST_ID);
  return database;
}

/** Of two servers with one folder for their state only one carries out its jobs. The kernel lets go of the lock with the process. */
export function lockFor(path: string): { release(): void } {
  let database: Database.Database | undefined;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    database = new Database(`${path}.lock`, { timeout: 0 });
    database.exec("BEGIN EXCLUSIVE");
    const held = database;
    return { release: () => void held.close() };
  } catch (error) {
    database?.close();
    if (codeOf(error).startsWith("SQLITE_BUSY"))
      throw new VscopeError("SERVER_CONFLICT", `${path}: another server carries out its jobs`, {
        cause: error,
      });
    // Where nothing can be written, no other server writes either.
    return { release: () => undefined };
  }
}

/** Whether the disk, or another program, keeps a change from being written; not the change itself. */
export function isDiskFailure(error: unknown): boolean {
  return /^SQLITE_(BUSY|CANTOPEN|CORRUPT|FULL|IOERR|NOTADB|READONLY)/.test(codeOf(error));
}

function open(path: string, busyMs: number): Database.Database {
  const database = new Database(path, { timeout: busyMs });
  try {
    database.pragma("locking_mode = EXCLUSIVE");
    // A file system without shared memory refuses WAL and keeps its journal: slower, as safe.
    database.pragma("journal_mode = WAL");
    const check = String(database.pragma("quick_check(1)", { simple: true }));
    if (check !== "ok")
      throw new VscopeError("DATADIR_IO", `integrity check: ${check}`, { details: { damaged: true } });
    migrate(database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function readCopy(path: string, folder: string): Database.Database {
  try {
    const copy = join(folder, "copy");
    copyFileSync(path, copy);
    for (const ending of ["-wal", "-journal"])
      if (existsSync(path + ending)) copyFileSync(path + ending, copy + ending);
    const database = open(copy, 0);
    try {
      return intoMemory(database);
    } finally {
      database.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function migrate(database: Database.Database): void {
  const version = Number(database.pragma("user_version", { simple: true }));
  if (version > MIGRATIONS.length)
    throw new VscopeError("DATADIR_IO", `version ${version} of the file, ${MIGRATIONS.length} is known`);
  // An up-to-date file is not written: its disk may be full.
  if (version === MIGRATIONS.length) return;
  database
    .transaction(() => {
      for (const step of MIGRATIONS.slice(version)) database.exec(step);
      database.pragma(`user_version = ${MIGRATIONS.length}`);
    })
    .immediate();
}

function isDamaged(error: unknown): boolean {
  if (error instanceof VscopeError) return error.details["damaged"] === true;
  return /^SQLITE_(NOTADB|CORRUPT)/.test(codeOf(error));
}

function codeOf(error: unknown): string {
  return error instanceof Database.SqliteError ? error.code : "";
}

// The journal belongs to the database; with a new one it would be taken for its own.
function moveAside(path: string, clock: Clock): void {
  const aside = `${path}.${isoUtc(clock.utcUs()).replaceAll(/[-:.]/g, "")}`;
  if (existsSync(path)) renameSync(path, aside);
  for (const ending of ENDINGS) rmSync(`${path}${ending}`, { force: true });
}

// Opens the scheduler's file and brings it up to date. One that is damaged is moved aside; where none can be written the
// jobs live in memory, and the log says so: a box that cannot keep its schedule still measures.

import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import Database from "better-sqlite3";
import { type Clock, isoUtc } from "../base/clock.ts";
import { messageOf, VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { MIGRATIONS } from "./schema.ts";

const IN_MEMORY = ":memory:";
const BUSY_MS = 500;

export function openDatabase(
  path: string,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Database.Database {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    return open(path);
  } catch (error) {
    log.error({ path, reason: messageOf(error) }, "the scheduler's file cannot be used");
    if (!isDamaged(error)) return openInMemory(path, log);
  }
  try {
    moveAside(path, clock);
    return open(path);
  } catch (error) {
    log.error({ path, reason: messageOf(error) }, "the scheduler's file cannot be made anew");
    return openInMemory(path, log);
  }
}

function openInMemory(path: string, log: Log): Database.Database {
  log.error({ path }, "scheduled jobs are kept in memory and end with the server");
  return open(IN_MEMORY);
}

function open(path: string): Database.Database {
  const database = new Database(path, { timeout: BUSY_MS });
  try {
    // Of two servers with one folder for their state only one carries out its jobs.
    database.pragma("locking_mode = EXCLUSIVE");
    // A file system without shared memory refuses WAL and keeps its journal: slower, as safe.
    database.pragma("journal_mode = WAL");
    // What was planned and what was done outlives a power cut; there are a few rows a minute.
    database.pragma("synchronous = FULL");
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

function migrate(database: Database.Database): void {
  const version = Number(database.pragma("user_version", { simple: true }));
  if (version > MIGRATIONS.length)
    throw new VscopeError("DATADIR_IO", `version ${version} of the file, ${MIGRATIONS.length} is known`);
  database
    .transaction(() => {
      for (const step of MIGRATIONS.slice(version)) database.exec(step);
      database.pragma(`user_version = ${MIGRATIONS.length}`);
    })
    .immediate();
}

function isDamaged(error: unknown): boolean {
  if (error instanceof VscopeError) return error.details["damaged"] === true;
  if (!(error instanceof Database.SqliteError)) return false;
  return error.code === "SQLITE_NOTADB" || error.code.startsWith("SQLITE_CORRUPT");
}

// The journal belongs to the database; with a new one it would be taken for its own.
function moveAside(path: string, clock: Clock): void {
  const aside = `${path}.${isoUtc(clock.utcUs()).replaceAll(/[-:.]/g, "")}`;
  if (existsSync(path)) renameSync(path, aside);
  for (const ending of ["-wal", "-shm", "-journal"]) rmSync(`${path}${ending}`, { force: true });
}

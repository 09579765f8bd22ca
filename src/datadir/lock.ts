// One process at a time writes a data directory. The lock is SQLite's own on an empty file: the kernel drops it when
// the process ends, however it ends, so that no stale lock exists. Works on vfat, too.

import { join } from "node:path";
import Database from "better-sqlite3";
import { messageOf, systemCodeOf, VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";

const LOCK_FILE = ".vscope.lock";

export interface DirectoryLock {
  release(): void;
}

/** Takes the lock. Throws SERVER_CONFLICT when another server has it; on a read-only medium there is nothing to lock. */
export function lockDirectory(path: string, log: Log): DirectoryLock {
  let database: Database.Database | undefined;
  try {
    database = new Database(join(path, LOCK_FILE), { timeout: 0 });
    database.exec("BEGIN EXCLUSIVE");
    const held = database;
    return { release: () => void held.close() };
  } catch (error) {
    database?.close();
    if (systemCodeOf(error) === "SQLITE_BUSY") {
      throw new VscopeError("SERVER_CONFLICT", `${path}: another server uses this data directory`, {
        cause: error,
      });
    }
    log.warn({ path, reason: messageOf(error) }, "the data directory cannot be locked");
    return { release: () => undefined };
  }
}

// One process at a time writes a data directory. The lock is SQLite's own on an empty file: the kernel drops it when
// the process ends, however it ends, so that no stale lock exists. Works on vfat, too.

import { join } from "node:path";
import Database from "better-sqlite3";
import { messageOf, systemCodeOf, VscopeError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { lockHolder } from "./lock-holder.ts";

const LOCK_FILE = ".vscope.lock";

export interface DirectoryLock {
  release(): void;
}

/** Takes the lock. Throws SERVER_CONFLICT when another server has it; on a read-only medium there is nothing to lock. */
export async function lockDirectory(path: string, log: Log): Promise<DirectoryLock> {
  const file = join(path, LOCK_FILE);
  let database: Database.Database | undefined;
  try {
    database = new Database(file, { timeout: 0 });
    database.exec("BEGIN EXCLUSIVE");
    const held = database;
    return { release: () => void held.close() };
  } catch (error) {
    database?.close();
    if (systemCodeOf(error) === "SQLITE_BUSY") {
      const holder = await lockHolder(file);
      const fact = `${path}: another server uses this data directory${holder === undefined ? "" : `, ${holder}`}`;
      throw new VscopeError("SERVER_CONFLICT", fact, { cause: error });
    }
    log.warn({ path, reason: messageOf(error) }, "the data directory cannot be locked");
    return { release: () => undefined };
  }
}

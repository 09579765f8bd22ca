// The scheduler's file while it can be written, else its content in memory: a full or read-only disk, or another program
// that locks the file, must not cost a night. It is tried again, and what happened meanwhile is written then.
//
// What a power cut can cost: nothing of what clients have ordered (jobs, quiet time), as the disk has it before they get
// their answer. The newest rows of runs, of the last second or so: they are written at once and made durable behind the
// scenes, as a commit that waits for an SD card holds up the whole server for 10 to 100 ms. So a run that began just before
// the cut can be recorded once more after it, under its policy for missed runs. The file itself stays whole.

import { open } from "node:fs/promises";
import type Database from "better-sqlite3";
import { Cell, type ReadableCell } from "../base/cell.ts";
import { SECOND } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import {
  type DatabaseParts,
  emptyMemory,
  intoMemory,
  isDiskFailure,
  lockFor,
  openFile,
  readIntoMemory,
} from "./database.ts";
import { Meanwhile } from "./meanwhile.ts";

export interface Lasting {
  /** Whether what is kept outlives the server. */
  readonly isLasting: boolean;
  /** Why not. */
  readonly reason?: string;
}

const BUSY_MS = 1_000;
const AGAIN_US = [1, 2, 5, 10, 30, 60].map((seconds) => seconds * SECOND);
/** Commits after which the write-ahead log goes into the file, and pages with which it does even while something is measured. */
const TIDY_COMMITS = 250;
const MOST_PAGES = 8_000;

export class Connection {
  readonly #path: string;
  readonly #parts: DatabaseParts;
  readonly #state = new Cell<Lasting>({ isLasting: false });
  #database: Database.Database;
  #meanwhile: Meanwhile | undefined;
  #lock = { release: (): void => {} };
  #isOwner = false;
  #isWal = false;
  #tries = 0;
  #cancelTimer = (): void => {};
  #commits = 0;
  #tidiedCommits = 0;
  #sync: Promise<void> | undefined;

  /** Never throws. */
  constructor(path: string, parts: DatabaseParts) {
    this.#path = path;
    this.#parts = parts;
    try {
      this.#database = this.#openFile(BUSY_MS);
      this.#relax();
      this.#state.set({ isLasting: true });
    } catch (error) {
      this.#database = this.#read(error);
    }
  }

  get database(): Database.Database {
    return this.#database;
  }

  get state(): ReadableCell<Lasting> {
    return this.#state;
  }

  /** All changes of `task`, or none of them. It is done again in memory when the disk does not take them. */
  write<T>(task: () => T): T {
    if (this.#database.inTransaction) return task();
    const written = this.#write(task);
    this.#syncSoon();
    return written;
  }

  /** As `write`; the disk has it at the return. */
  writeThrough<T>(task: () => T): T {
    if (this.#database.inTransaction) return task();
    this.#database.pragma("synchronous = FULL");
    try {
      return this.#write(task);
    } finally {
      this.#relax();
    }
  }

  /** Moves the write-ahead log into the file, which waits for the disk: for moments in which nothing is measured. */
  tidy(): void {
    if (!this.#isWal || this.#commits - this.#tidiedCommits < TIDY_COMMITS) return;
    this.#tidiedCommits = this.#commits;
    this.#database.pragma("wal_checkpoint(TRUNCATE)");
  }

  async close(): Promise<void> {
    this.#cancelTimer();
    if (this.#meanwhile !== undefined && this.#isOwner) this.#tryAgain();
    this.#cancelTimer();
    // The folders of the runs do not tell which of them a job has planned.
    if (this.#isOwner && this.#meanwhile?.isChanged === true)
      this.#parts.log.error(
        { path: this.#path },
        "what the scheduler has done is not in its file, runs may be recorded once more",
      );
    this.#database.close();
    this.#lock.release();
    await this.#sync;
  }

  #write<T>(task: () => T): T {
    try {
      return this.#database.transaction(task)();
    } catch (error) {
      if (this.#meanwhile !== undefined || !isDiskFailure(error)) throw error;
      const file = this.#database;
      this.#database = intoMemory(file);
      this.#remember(this.#database, error);
      file.close();
      return this.#database.transaction(task)();
    }
  }

  #openFile(busyMs: number): Database.Database {
    if (!this.#isOwner) {
      this.#lock = lockFor(this.#path);
      this.#isOwner = true;
    }
    const database = openFile(this.#path, this.#parts, busyMs);
    this.#isWal = database.pragma("journal_mode", { simple: true }) === "wal";
    database.pragma("synchronous = FULL");
    database.pragma(`wal_autocheckpoint = ${MOST_PAGES}`);
    return database;
  }

  // Without a write-ahead log the file itself would be at stake.
  #relax(): void {
    if (this.#isWal) this.#database.pragma("synchronous = NORMAL");
  }

  // Jobs of a file that another server has are its own to carry out, as long as it lives.
  #read(reason: unknown): Database.Database {
    try {
      return this.#remember(this.#isOwner ? readIntoMemory(this.#path) : emptyMemory(), reason);
    } catch (error) {
      this.#parts.log.error({ path: this.#path, reason: messageOf(error) }, "the scheduler's file is unread");
      return this.#remember(emptyMemory(), reason);
    }
  }

  #remember(memory: Database.Database, error: unknown): Database.Database {
    this.#meanwhile = new Meanwhile(memory);
    this.#isWal = false;
    this.#tries = 0;
    this.#tell(error);
    this.#tryLater();
    return memory;
  }

  #tell(error: unknown): void {
    const reason = `scheduler.sqlite: ${messageOf(error)}, jobs and history are kept in memory`;
    if (this.#state.value.reason === reason) return;
    this.#state.set({ isLasting: false, reason });
    this.#parts.log.error({ path: this.#path, reason }, "the scheduler's file cannot be written");
  }

  // A server that is closing still may have the file for a while; one that runs on is the one whose jobs these are, even
  // when it is started again.
  #tryLater(): void {
    if (!this.#isOwner && this.#tries >= AGAIN_US.length) return;
    const us = AGAIN_US[Math.min(this.#tries, AGAIN_US.length - 1)] ?? SECOND;
    this.#tries += 1;
    this.#cancelTimer = this.#parts.clock.after(us, () => this.#tryAgain());
  }

  // Nobody waits here for another program: exposures go on meanwhile.
  #tryAgain(): void {
    let file: Database.Database | undefined;
    try {
      file = this.#openFile(0);
      this.#meanwhile?.writeTo(file);
    } catch (error) {
      file?.close();
      this.#isWal = false;
      this.#tell(error);
      this.#tryLater();
      return;
    }
    this.#database.close();
    this.#database = file;
    this.#meanwhile = undefined;
    this.#relax();
    this.#parts.log.info({ path: this.#path }, "the scheduler's file is written again");
    this.#state.set({ isLasting: true });
  }

  #syncSoon(): void {
    if (!this.#isWal) return;
    this.#commits += 1;
    this.#sync ??= this.#syncAll().finally(() => {
      this.#sync = undefined;
    });
  }

  async #syncAll(): Promise<void> {
    for (let synced = 0; synced < this.#commits; ) {
      synced = this.#commits;
      try {
        await syncFile(`${this.#path}-wal`);
      } catch (error) {
        // Closing the database writes and removes the log.
        if (this.#database.open && this.#isWal)
          this.#parts.log.warn(
            { reason: messageOf(error) },
            "a power cut may take the scheduler's newest rows",
          );
      }
    }
  }
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
}

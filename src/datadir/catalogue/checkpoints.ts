// Moves what was written from the catalogue's journal into its database, in the thread of the searches: that waits for the
// medium, and a slow one would hold up exposures.

import type { Database, Statement } from "better-sqlite3";
import type { Reader } from "./reader.ts";

/** Some 4 MB, as SQLite itself has it. */
const PAGES = 1000;
/** Where the thread does not keep up, or cannot be had, the writer does it itself. */
const PAGES_AT_MOST = 8000;

export class Checkpoints {
  readonly #reader: Reader;
  readonly #journal: Statement<[], { log: number; checkpointed: number }>;
  #isUnderWay = false;

  /** `database` is the connection that writes. */
  constructor(database: Database, reader: Reader) {
    this.#reader = reader;
    database.pragma(`wal_autocheckpoint = ${PAGES_AT_MOST}`);
    // Tells the pages, and does nothing.
    this.#journal = database.prepare("PRAGMA wal_checkpoint(NOOP)");
  }

  /** After what was written. */
  look(): void {
    if (this.#isUnderWay) return;
    const { log, checkpointed } = this.#journal.get() ?? { log: 0, checkpointed: 0 };
    if (log - checkpointed < PAGES) return;
    this.#isUnderWay = true;
    void this.#move();
  }

  // What fails is tried again after the next rows.
  async #move(): Promise<void> {
    await this.#reader.ask({ kind: "checkpoint" }).catch(() => undefined);
    this.#isUnderWay = false;
  }
}

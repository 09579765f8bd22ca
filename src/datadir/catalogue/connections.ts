// The connections to one catalogue: the one that writes, in this thread, and those of the threads that search and check.

import type { Database } from "better-sqlite3";
import type { OpenedDatabase } from "./catalogue-database.ts";
import { CatalogueWriter } from "./catalogue-writer.ts";
import { Checkpoints } from "./checkpoints.ts";
import { EventRows } from "./event-rows.ts";
import { Generations } from "./generations.ts";
import { Reader } from "./reader.ts";

export interface ConnectionsParts extends OpenedDatabase {
  /** Absent where no thread can open it, too: in memory, or had by this one alone. */
  readonly path?: string;
  /** Why it is in memory; absent where it is not. */
  readonly notOnDisk?: string;
}

export class Connections {
  readonly database: Database;
  readonly writer: CatalogueWriter;
  readonly events: EventRows;
  readonly generations: Generations;
  readonly reader: Reader | undefined;
  readonly checkpoints: Checkpoints | undefined;
  /** A check takes long: searches do not wait for it. */
  readonly checker: Reader | undefined;
  readonly isDoubtful: boolean;
  readonly notOnDisk: string | undefined;
  /** No other connection can open the file. */
  readonly isAlone: boolean;

  /** Throws what SQLite throws where tables are missing. */
  constructor({ database, isDoubtful, path, notOnDisk }: ConnectionsParts) {
    this.database = database;
    this.writer = new CatalogueWriter(database);
    this.events = new EventRows(database, this.writer);
    this.reader = path === undefined ? undefined : new Reader(path);
    this.checkpoints = this.reader && new Checkpoints(database, this.reader);
    this.checker = path === undefined ? undefined : new Reader(path);
    this.generations = new Generations(database);
    this.isDoubtful = isDoubtful;
    this.notOnDisk = notOnDisk;
    this.isAlone = path === undefined && notOnDisk === undefined;
  }

  /**
   * Ends the threads first: who closes the database last takes its journal away. False when one is still within SQLite
   * after some seconds, with the file open.
   */
  async close(): Promise<boolean> {
    const ended = await Promise.all([this.reader?.close() ?? true, this.checker?.close() ?? true]);
    this.database.close();
    return ended.every(Boolean);
  }
}

// How far a reindexing is, kept in the catalogue: each file has the number of the reindexing that has read it last, so that
// one that was interrupted goes on with the others.

import type { Database } from "better-sqlite3";
import { messageOf, VscopeError } from "../../base/errors.ts";
import type { FileReference } from "./catalogue-row.ts";

/** What a reindexing parses that has begun and not ended: all files, or those that have changed. */
const UNDER_WAY = "reindexing";
type Extent = "all" | "changed";
/** It was cancelled by somebody: it waits until somebody asks for it again. */
const CANCELLED = "reindexingCancelled";

export class Generations {
  readonly #database: Database;
  #present: number;

  constructor(database: Database) {
    this.#database = database;
    this.#present = Number(this.#meta("generation") ?? 0);
  }

  /** What files have that are recorded or read from now on. */
  get present(): number {
    return this.#present;
  }

  /**
   * Begins a reindexing, or goes on with one that was interrupted unless that parses less than is asked for. Tells whether
   * all files are parsed. Throws DATADIR_IO.
   */
  begin(isAll: boolean): boolean {
    const before = this.#meta(UNDER_WAY);
    this.#change(() => this.#delete(CANCELLED));
    if (before === "all" || (before === "changed" && !isAll)) return before === "all";
    const next = this.#present + 1;
    const extent: Extent = isAll ? "all" : "changed";
    this.#change(() => {
      this.#set("generation", next);
      this.#set(UNDER_WAY, extent);
    });
    this.#present = next;
    return isAll;
  }

  /** Throws DATADIR_IO. */
  end(): void {
    this.#change(() => this.#delete(UNDER_WAY));
  }

  /** What is left of the one under way is not begun again unless somebody asks. Throws DATADIR_IO. */
  cancel(): void {
    this.#change(() => this.#set(CANCELLED, 1));
  }

  /** Whether one has begun that neither ended nor was cancelled. Throws what SQLite throws. */
  get isInterrupted(): boolean {
    return this.#meta(UNDER_WAY) !== undefined && this.#meta(CANCELLED) === undefined;
  }

  /** Files whose rows are right as they are. Throws DATADIR_IO. */
  confirm(files: readonly FileReference[]): void {
    const statement = this.#database.prepare<[number, string, string]>(
      "UPDATE files SET generation = ? WHERE run = (SELECT id FROM runs WHERE name = ?) AND name = ?",
    );
    this.#change(() => {
      for (const { run, file } of files) statement.run(this.#present, run, file);
    });
  }

  #meta(key: string): unknown {
    return this.#database
      .prepare<[string], { value: unknown }>("SELECT value FROM meta WHERE key = ?")
      .get(key)?.value;
  }

  #set(key: string, value: string | number): void {
    this.#database.prepare("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)").run(key, value);
  }

  #delete(key: string): void {
    this.#database.prepare("DELETE FROM meta WHERE key = ?").run(key);
  }

  #change(task: () => void): void {
    try {
      this.#database.transaction(task)();
    } catch (error) {
      throw new VscopeError("DATADIR_IO", `catalogue: ${messageOf(error)}`, { cause: error });
    }
  }
}

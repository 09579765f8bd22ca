// What became of every planned run: recorded, or not and why. Runs of a job that are skipped one after the other for the
// same reason share a row, so that a night is one line; the oldest rows go.

import type Database from "better-sqlite3";
import { Cell, type ReadableCell } from "../base/cell.ts";
import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Connection } from "./connection.ts";

export type Outcome =
  | "waiting"
  | "running"
  | "done"
  | "failed"
  | "cancelled"
  | "interrupted"
  | "skipped"
  | "note";

export interface HistoryRow {
  readonly id: number;
  /** Absent for what the scheduler itself does: power of quiet time, a clock that was set. */
  readonly job: number | null;
  /** What was to be done, such as `record`. */
  readonly what: string;
  readonly plannedUtcUs: number;
  /** Of the last of several runs; the same for one. */
  readonly lastPlannedUtcUs: number;
  readonly runs: number;
  readonly outcome: Outcome;
  /** Why it was skipped, in a word, such as `quiet-time`. */
  readonly reason: string | null;
  readonly message: string | null;
  readonly startedUtcUs: number | null;
  readonly endedUtcUs: number | null;
  readonly operation: string | null;
  /** JSON of what it produced. */
  readonly result: string | null;
}

/** Runs that come to nothing. */
export interface Skip {
  readonly job: number | null;
  readonly what: string;
  readonly plannedUtcUs: number;
  readonly lastPlannedUtcUs: number;
  readonly runs: number;
  readonly reason: string;
  readonly message: string;
}

export interface HistoryQuery {
  readonly job?: number;
  readonly outcome?: Outcome;
  readonly offset: number;
  readonly limit: number;
}

/** Runs of which nothing came. */
export interface FailedRuns {
  /** Rows in all. */
  readonly total: number;
  readonly skipped: number;
  /** Those that were interrupted, too. */
  readonly failed: number;
  readonly rows: readonly HistoryRow[];
}

export interface RunEnd {
  readonly outcome: Outcome;
  readonly endedUtcUs: number;
  readonly message?: string | undefined;
  readonly result?: unknown;
}

/** A season of a run every five minutes. */
const MOST_ROWS = 50_000;
const PRUNE_EVERY = 100;
const LONGEST_TEXT = 4_000;
const UNFINISHED = "outcome IN ('waiting', 'running')";
const COLUMNS = "job, what, plannedUtcUs, lastPlannedUtcUs, runs, outcome, reason, message";

export class History {
  readonly #connection: Pick<Connection, "database" | "write">;
  readonly #log: Log;
  readonly #mostRows: number;
  readonly #changes = new Cell(0);
  #inserted = 0;

  constructor(connection: Pick<Connection, "database" | "write">, log: Log, mostRows = MOST_ROWS) {
    this.#connection = connection;
    this.#log = log;
    this.#mostRows = mostRows;
  }

  /** Counts the changes; for whoever watches. */
  get changes(): ReadableCell<number> {
    return this.#changes;
  }

  /** A run that will be begun as soon as possible. The row's number. */
  plan(job: number | null, what: string, plannedUtcUs: number): number {
    return this.#insert({ job, what, plannedUtcUs, outcome: "waiting" });
  }

  /** Something that happened, at a moment. */
  note(what: string, utcUs: number, message: string): void {
    this.#insert({ job: null, what, plannedUtcUs: utcUs, outcome: "note", message });
  }

  /** Joins the job's newest row when that was skipped for the same reason. */
  skip(skip: Skip): void {
    this.#connection.write(() => {
      if (!this.#join(skip, Number.MAX_SAFE_INTEGER)) this.#insert({ outcome: "skipped", ...skip });
    });
  }

  /** A row that was planned comes to nothing. */
  turnToSkipped(id: number, skip: Skip): void {
    this.#connection.write(() => {
      if (this.#join(skip, id)) this.#database.prepare<[number]>("DELETE FROM history WHERE id = ?").run(id);
      else this.#set(id, { outcome: "skipped", reason: skip.reason, message: skip.message });
    });
    this.#changed();
  }

  start(id: number, startedUtcUs: number, operation: string | undefined): void {
    this.#set(id, { outcome: "running", startedUtcUs, operation: operation ?? null });
    this.#changed();
  }

  end(id: number, { outcome, endedUtcUs, message, result }: RunEnd): void {
    const text = result === undefined ? null : JSON.stringify(result);
    const kept = text !== null && text.length > LONGEST_TEXT ? null : text;
    this.#set(id, { outcome, endedUtcUs, message: message ?? null, result: kept });
    this.#changed();
  }

  /** A run that an earlier process has left; what the message tells already comes after the new one. */
  interrupt(id: number, endedUtcUs: number, message: string): void {
    const told = this.#database
      .prepare<[number], HistoryRow>("SELECT * FROM history WHERE id = ?")
      .get(id)?.message;
    this.end(id, { outcome: "interrupted", endedUtcUs, message: told ? `${message}; ${told}` : message });
  }

  /**
   * Adds to the message of the job's newest run that had begun by then and was interrupted, by a press of the power button or
   * the loss of its medium also. One that an earlier process has left is told to be so later where the clock cannot be gone by yet.
   */
  addToInterrupted(job: number, utcUs: number, message: string): void {
    const outcomes = "'interrupted', 'cancelled', 'failed', 'running'";
    const begun = `job = @job AND outcome IN (${outcomes}) AND startedUtcUs <= @utcUs`;
    this.#connection.write(() =>
      this.#database
        .prepare<[object]>(
          "UPDATE history SET message = concat_ws('; ', message, @message) " +
            `WHERE id = (SELECT max(id) FROM history WHERE ${begun})`,
        )
        .run({ job, utcUs, message }),
    );
    this.#changed();
  }

  /** Rows of runs that have not ended, oldest first. */
  unfinished(): readonly HistoryRow[] {
    return this.#database
      .prepare<[], HistoryRow>(`SELECT * FROM history WHERE ${UNFINISHED} ORDER BY id`)
      .all();
  }

  /** Newest first. */
  page({ job, outcome, offset, limit }: HistoryQuery): {
    readonly total: number;
    readonly rows: readonly HistoryRow[];
  } {
    const filters = [
      job === undefined ? "" : "job = @job",
      outcome === undefined ? "" : "outcome = @outcome",
    ];
    const where = filters.filter((text) => text !== "").join(" AND ") || "1";
    const values = { job: job ?? null, outcome: outcome ?? null, offset, limit };
    const counted = this.#database
      .prepare<[object], { total: number }>(`SELECT count(*) AS total FROM history WHERE ${where}`)
      .get(values);
    const rows = this.#database
      .prepare<[object], HistoryRow>(
        `SELECT * FROM history WHERE ${where} ORDER BY id DESC LIMIT @limit OFFSET @offset`,
      )
      .all(values);
    return { total: counted?.total ?? 0, rows };
  }

  /** What came to nothing and was planned within a half-open range, newest first; the runs of all such rows. */
  failed(fromUtcUs: number, toUtcUs: number, limit: number): FailedRuns {
    const where = `outcome IN ('skipped', 'failed', 'interrupted') AND lastPlannedUtcUs >= @fromUtcUs AND plannedUtcUs < @toUtcUs`;
    const range = { fromUtcUs, toUtcUs, limit };
    const counted = this.#database
      .prepare<[object], { total: number; skipped: number; failed: number }>(
        "SELECT count(*) AS total, ifnull(sum(iif(outcome = 'skipped', runs, 0)), 0) AS skipped, " +
          `ifnull(sum(iif(outcome = 'skipped', 0, runs)), 0) AS failed FROM history WHERE ${where}`,
      )
      .get(range);
    const rows = this.#database
      .prepare<[object], HistoryRow>(`SELECT * FROM history WHERE ${where} ORDER BY id DESC LIMIT @limit`)
      .all(range);
    return { total: 0, skipped: 0, failed: 0, ...counted, rows };
  }

  #join({ job, reason, runs, lastPlannedUtcUs, message }: Skip, beforeId: number): boolean {
    const newest = "SELECT max(id) FROM history WHERE job IS @job AND id < @beforeId";
    const { changes } = this.#database
      .prepare<[object]>(
        "UPDATE history SET runs = runs + @runs, lastPlannedUtcUs = @lastPlannedUtcUs, message = @message " +
          `WHERE id = (${newest}) AND outcome = 'skipped' AND reason = @reason`,
      )
      .run({ job, reason, runs, lastPlannedUtcUs, message, beforeId });
    if (changes > 0) this.#changed();
    return changes > 0;
  }

  #insert(row: Pick<HistoryRow, "job" | "what" | "plannedUtcUs" | "outcome"> & Partial<HistoryRow>): number {
    const complete = { lastPlannedUtcUs: row.plannedUtcUs, runs: 1, reason: null, message: null, ...row };
    const values = COLUMNS.replaceAll(/(\w+)/g, "@$1");
    this.#inserted += 1;
    const id = this.#connection.write(() => {
      const { lastInsertRowid } = this.#database
        .prepare<[object]>(`INSERT INTO history (${COLUMNS}) VALUES (${values})`)
        .run(complete);
      if (this.#inserted % PRUNE_EVERY === 0) this.#prune(Number(lastInsertRowid) - this.#mostRows);
      return Number(lastInsertRowid);
    });
    this.#changed();
    return id;
  }

  // A run that still waits, or runs, must be found after a restart.
  #prune(lastId: number): void {
    this.#database.prepare<[number]>(`DELETE FROM history WHERE id <= ? AND NOT ${UNFINISHED}`).run(lastId);
  }

  #set(id: number, change: Partial<Omit<HistoryRow, "id">>): void {
    const columns = Object.keys(change).map((column) => `${column} = @${column}`);
    this.#connection.write(() =>
      this.#database
        .prepare<[object]>(`UPDATE history SET ${columns.join(", ")} WHERE id = @id`)
        .run({ ...change, id }),
    );
  }

  // Who watches must not keep a row from being written.
  #changed(): void {
    try {
      this.#changes.set(this.#changes.value + 1);
    } catch (error) {
      this.#log.error({ reason: messageOf(error) }, "nobody could be told of a change of the history");
    }
  }

  get #database(): Database.Database {
    return this.#connection.database;
  }
}

// What of the scheduler outlives the server: jobs, quiet time and the history, in one SQLite file of its own.

import type Database from "better-sqlite3";
import type { ReadableCell } from "../base/cell.ts";
import { messageOf, VscopeError } from "../base/errors.ts";
import { parsedJson } from "../base/json.ts";
import type { Log } from "../base/log.ts";
import { Connection, type Lasting } from "./connection.ts";
import type { DatabaseParts } from "./database.ts";
import { History } from "./history.ts";
import { type Job, type JobDefinition, type JobState, jobDefinition } from "./job.ts";
import { NO_QUIET_TIME, type QuietTime, quietTime } from "./quiet-time.ts";

export const SCHEDULER_FILE = "scheduler.sqlite";

export interface StoredJob {
  readonly job: Job;
  /** Planned runs up to this moment have been dealt with. */
  readonly settledUtcUs: number;
}

interface JobRow {
  readonly id: number;
  readonly state: JobState;
  readonly definition: string;
  readonly settledUtcUs: number;
}

/** Finished and deleted jobs that are kept to be looked at. */
const MOST_PAST_JOBS = 1_000;

export class SchedulerStore {
  readonly history: History;
  readonly #connection: Connection;
  readonly #log: Log;

  private constructor(connection: Connection, log: Log) {
    this.#connection = connection;
    this.#log = log;
    this.history = new History(connection, log);
  }

  /** Never throws: see connection.ts. */
  static open(path: string, parts: DatabaseParts): SchedulerStore {
    return new SchedulerStore(new Connection(path, parts), parts.log);
  }

  /** Whether jobs outlive the server. What the file holds is there as soon as it does. */
  get lasting(): ReadableCell<Lasting> {
    return this.#connection.state;
  }

  /** What a client has ordered: all changes of `task`, on the disk, or none of them. Throws DATADIR_IO. */
  order<T>(task: () => T): T {
    try {
      return this.#connection.writeThrough(task);
    } catch (error) {
      throw asIoError(error);
    }
  }

  /** What becomes of runs: all changes of `task`, soon on the disk, or none of them. Throws DATADIR_IO. */
  transaction<T>(task: () => T): T {
    try {
      return this.#connection.write(task);
    } catch (error) {
      throw asIoError(error);
    }
  }

  /** For moments in which nothing is measured: it waits for the disk. */
  tidy(): void {
    this.#connection.tidy();
  }

  /** Jobs that can still run, in the order in which they were added. */
  liveJobs(): readonly StoredJob[] {
    return this.#database
      .prepare<[], JobRow>("SELECT * FROM jobs WHERE state IN ('active', 'suspended') ORDER BY id")
      .all()
      .flatMap((row) => this.#read(row) ?? []);
  }

  /** A job in any state. */
  job(id: number): Job | undefined {
    const row = this.#database.prepare<[number], JobRow>("SELECT * FROM jobs WHERE id = ?").get(id);
    return row === undefined ? undefined : this.#read(row)?.job;
  }

  addJob(definition: JobDefinition, settledUtcUs: number): Job {
    const { lastInsertRowid } = this.#database
      .prepare<[string, number]>("INSERT INTO jobs (state, definition, settledUtcUs) VALUES ('active', ?, ?)")
      .run(JSON.stringify(definition), settledUtcUs);
    return { ...definition, id: Number(lastInsertRowid), state: "active" };
  }

  setState(id: number, state: JobState): void {
    this.#database.prepare<[string, number]>("UPDATE jobs SET state = ? WHERE id = ?").run(state, id);
    if (state === "active" || state === "suspended") return;
    const past = "SELECT id FROM jobs WHERE state IN ('finished', 'deleted') ORDER BY id DESC";
    this.#database
      .prepare<[number]>(`DELETE FROM jobs WHERE id IN (${past} LIMIT -1 OFFSET ?)`)
      .run(MOST_PAST_JOBS);
  }

  settle(id: number, settledUtcUs: number): void {
    this.#connection.write(() =>
      this.#database
        .prepare<[number, number]>("UPDATE jobs SET settledUtcUs = ? WHERE id = ?")
        .run(settledUtcUs, id),
    );
  }

  get quietTime(): QuietTime {
    const parsed = quietTime.safeParse(this.#setting("quietTime"));
    return parsed.success ? parsed.data : NO_QUIET_TIME;
  }

  set quietTime(value: QuietTime) {
    this.#set("quietTime", value);
  }

  /** The latest time that a scheduler has seen; 0 before the first. */
  get seenUtcUs(): number {
    return Number(this.#setting("seenUtcUs") ?? 0);
  }

  set seenUtcUs(utcUs: number) {
    this.#set("seenUtcUs", utcUs);
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  get #database(): Database.Database {
    return this.#connection.database;
  }

  // A row that cannot be read is another program's doing; it must not keep the others from running.
  #read({ id, state, definition, settledUtcUs }: JobRow): StoredJob | undefined {
    const parsed = jobDefinition.safeParse(parsedJson(definition));
    if (parsed.success) return { job: { ...parsed.data, id, state }, settledUtcUs };
    this.#log.error({ job: id, reason: parsed.error.message }, "a stored job cannot be read");
    return undefined;
  }

  #setting(name: string): unknown {
    const row = this.#database
      .prepare<[string], { value: string }>("SELECT value FROM settings WHERE name = ?")
      .get(name);
    return row === undefined ? undefined : parsedJson(row.value);
  }

  #set(name: string, value: unknown): void {
    this.#connection.write(() =>
      this.#database
        .prepare<[string, string]>("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)")
        .run(name, JSON.stringify(value)),
    );
  }
}

function asIoError(error: unknown): VscopeError {
  if (error instanceof VscopeError) return error;
  return new VscopeError("DATADIR_IO", `scheduler: ${messageOf(error)}`, { cause: error });
}

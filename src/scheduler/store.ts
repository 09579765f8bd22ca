// What of the scheduler outlives the server: jobs, quiet time and the history, in one SQLite file of its own.

import type Database from "better-sqlite3";
import type { Clock } from "../base/clock.ts";
import { messageOf, VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { openDatabase } from "./database.ts";
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
  readonly #database: Database.Database;
  readonly #log: Log;

  private constructor(database: Database.Database, log: Log) {
    this.#database = database;
    this.#log = log;
    this.history = new History(database);
  }

  /** Never throws: see database.ts. */
  static open(path: string, parts: { readonly clock: Clock; readonly log: Log }): SchedulerStore {
    return new SchedulerStore(openDatabase(path, parts), parts.log);
  }

  /** Whether jobs outlive the server. */
  get isLasting(): boolean {
    return !this.#database.memory;
  }

  /** All changes of `task`, or none of them. Throws DATADIR_IO. */
  transaction<T>(task: () => T): T {
    try {
      return this.#database.transaction(task)();
    } catch (error) {
      if (error instanceof VscopeError) throw error;
      throw new VscopeError("DATADIR_IO", `scheduler: ${messageOf(error)}`, { cause: error });
    }
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
    this.#database
      .prepare<[number, number]>("UPDATE jobs SET settledUtcUs = ? WHERE id = ?")
      .run(settledUtcUs, id);
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

  close(): void {
    this.#database.close();
  }

  // A row that cannot be read is another program's doing; it must not keep the others from running.
  #read({ id, state, definition, settledUtcUs }: JobRow): StoredJob | undefined {
    const parsed = jobDefinition.safeParse(parseJson(definition));
    if (parsed.success) return { job: { ...parsed.data, id, state }, settledUtcUs };
    this.#log.error({ job: id, reason: parsed.error.message }, "a stored job cannot be read");
    return undefined;
  }

  #setting(name: string): unknown {
    const row = this.#database
      .prepare<[string], { value: string }>("SELECT value FROM settings WHERE name = ?")
      .get(name);
    return row === undefined ? undefined : parseJson(row.value);
  }

  #set(name: string, value: unknown): void {
    this.#database
      .prepare<[string, string]>("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)")
      .run(name, JSON.stringify(value));
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

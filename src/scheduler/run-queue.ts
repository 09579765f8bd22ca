// Runs whose time has come, one after the other, oldest first: instruments are shared with clients and with each other. No
// run, whatever becomes of it, ends the queue.

import { orAborted } from "../base/abort.ts";
import { type Clock, SECOND } from "../base/clock.ts";
import { ERRORS, isVscopeError, messageOf, VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Operations } from "../acquisition/operations.ts";
import type { Begun } from "./actions.ts";
import type { History, Skip } from "./history.ts";
import type { Action, Job } from "./job.ts";
import { LATE_US } from "./missed.ts";
import { MOST_DUE } from "./plan.ts";

export interface Run {
  /** Of the history; 0 when it could not be written. */
  readonly row: number;
  /** Absent for what the scheduler itself does. */
  readonly job: number | null;
  readonly action: Action;
  readonly plannedUtcUs: number;
  readonly onBusy: Job["onBusy"];
  readonly onMissed: Job["onMissed"];
  readonly when: Job["when"];
}

/** Why a run comes to nothing. */
export type WhyNot = Pick<Skip, "reason" | "message">;

export interface RunQueueOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly history: History;
  readonly operations: Pick<Operations, "running">;
  /** Why a run must not begin now, or nothing. */
  readonly refusal: (run: Run, signal: AbortSignal) => Promise<WhyNot | undefined>;
  /** Throws when it cannot be begun. */
  readonly begin: (run: Run) => Begun;
  /** Another run has its turn, or none. */
  readonly changed: () => void;
}

/** What cannot be begun now may be possible in a moment. */
const PATIENCE_US = 60 * SECOND;
const TRY_EVERY_US = 5 * SECOND;
const AGAIN_US = SECOND;

export class RunQueue {
  readonly #options: RunQueueOptions;
  readonly #waiting: Run[] = [];
  readonly #closing = new AbortController();
  #current: Run | undefined;
  /** Why the current run must not begin any more. */
  #dropped: WhyNot | undefined;
  #work: Promise<void> = Promise.resolve();
  #isWorking = false;

  constructor(options: RunQueueOptions) {
    this.#options = options;
  }

  get current(): Run | undefined {
    return this.#current;
  }

  get waiting(): readonly Run[] {
    return this.#waiting;
  }

  /** Takes the place of earlier runs that wait and that `replaces` names. */
  add(run: Run, replaces: (earlier: Run) => boolean = () => false): void {
    this.drop(replaces, { reason: "overtaken", message: "a newer run took its place while it waited" });
    const isBusy = this.#options.operations.running !== undefined || this.#occupant() !== undefined;
    if (run.onBusy === "skip" && isBusy) {
      this.#skip(run, this.#busy());
      return;
    }
    this.#waiting.push(run);
    this.#bound(run.job);
    if (!this.#isWorking) this.#work = this.#drain();
  }

  // More than that are not made up for, as after a time in which the server was off.
  #bound(job: number | null): void {
    const own = this.#waiting.filter((run) => run.job === job);
    const [oldest] = own;
    if (own.length <= MOST_DUE || oldest === undefined) return;
    const message = `${MOST_DUE} newer runs of the job wait, no more are made up for`;
    this.drop((run) => run === oldest, { reason: "overtaken", message });
  }

  /** Takes runs out of the queue that have not begun. */
  drop(isMeant: (run: Run) => boolean, why: WhyNot): void {
    if (this.#current !== undefined && isMeant(this.#current)) this.#dropped = why;
    for (const run of this.#waiting.filter(isMeant)) {
      this.#waiting.splice(this.#waiting.indexOf(run), 1);
      this.#skip(run, why);
    }
  }

  /** Follows no further what runs; what waits stays in the history as it is, for the next start. */
  async close(): Promise<void> {
    this.#closing.abort(new VscopeError("OPERATION_CANCELLED", "scheduler: the server is stopping"));
    await this.#work;
  }

  async #drain(): Promise<void> {
    const { signal } = this.#closing;
    const { clock, log } = this.#options;
    this.#isWorking = true;
    while (!signal.aborted && this.#waiting.length > 0) {
      try {
        await this.#next(signal);
      } catch (error) {
        if (signal.aborted) break;
        log.error({ reason: messageOf(error) }, "the queue of scheduled runs goes on after a fault");
        await clock.delay(AGAIN_US, signal).catch(() => {});
      }
    }
    this.#isWorking = false;
  }

  async #next(signal: AbortSignal): Promise<void> {
    const { operations, changed } = this.#options;
    const { running } = operations;
    if (running !== undefined) return await orAborted(running.finished, signal);
    const run = this.#waiting.shift();
    this.#current = run;
    this.#dropped = undefined;
    changed();
    try {
      if (run !== undefined) await this.#attempt(run, signal);
    } finally {
      this.#current = undefined;
      changed();
    }
  }

  async #attempt(run: Run, signal: AbortSignal): Promise<void> {
    const { clock, log, refusal } = this.#options;
    try {
      const why = lateness(run, clock.utcUs()) ?? (await refusal(run, signal));
      if (why === undefined) await this.#begin(run, signal);
      else this.#skip(run, why);
    } catch (error) {
      if (signal.aborted) return;
      log.warn({ job: run.job, reason: messageOf(error) }, "a scheduled run failed");
      this.#keep((history) =>
        history.end(run.row, { outcome: "failed", endedUtcUs: clock.utcUs(), message: messageOf(error) }),
      );
    }
  }

  // Spectrometers need a moment after the start of the server, and when they come back.
  async #begin(run: Run, signal: AbortSignal): Promise<void> {
    const { clock, operations } = this.#options;
    const untilUs = clock.nowUs() + (run.onMissed === "skip" ? LATE_US : PATIENCE_US);
    for (;;) {
      if (this.#dropped !== undefined) return this.#skip(run, this.#dropped);
      // A client may have been faster.
      if (operations.running !== undefined) return this.#step(run);
      const begun = this.#tryToBegin(run, clock.nowUs() < untilUs);
      if (begun !== undefined) return this.#follow(run, begun, signal);
      await clock.delay(TRY_EVERY_US, signal);
    }
  }

  #tryToBegin(run: Run, isPatient: boolean): Begun | undefined {
    try {
      return this.#options.begin(run);
    } catch (error) {
      if (isPatient && isVscopeError(error) && ERRORS[error.code].again) return undefined;
      throw error;
    }
  }

  // Aside, for somebody else's operation.
  #step(run: Run): void {
    if (run.onBusy === "skip") this.#skip(run, this.#busy());
    else this.#waiting.unshift(run);
  }

  async #follow(run: Run, { operation, ended }: Begun, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    this.#keep((history) => history.start(run.row, clock.utcUs(), operation));
    log.info({ job: run.job, operation, do: run.action.do }, "a scheduled run begins");
    const end = await orAborted(ended, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
      return {
        outcome: "interrupted",
        endedUtcUs: clock.utcUs(),
        message: "the server was stopped",
      } as const;
    });
    this.#keep((history) => history.end(run.row, end));
  }

  #occupant(): Run | undefined {
    return this.#current ?? this.#waiting[0];
  }

  #busy(): WhyNot {
    const running = this.#options.operations.running?.status.value;
    const occupant = this.#occupant();
    if (running?.paused === true)
      return { reason: "paused", message: `operation ${running.id} (${running.kind}) is paused` };
    if (running !== undefined)
      return { reason: "busy", message: `operation ${running.id} (${running.kind}) is running` };
    return { reason: "busy", message: `job ${occupant?.job ?? "of quiet time"} has its turn` };
  }

  #skip({ row, job, action, plannedUtcUs }: Run, { reason, message }: WhyNot): void {
    this.#options.log.info({ job, do: action.do, reason, message }, "a scheduled run is skipped");
    const planned = { plannedUtcUs, lastPlannedUtcUs: plannedUtcUs, runs: 1 };
    this.#keep((history) =>
      history.turnToSkipped(row, { job, what: action.do, ...planned, reason, message }),
    );
  }

  // A disk that takes no row must not keep anything from being recorded.
  #keep(write: (history: History) => void): void {
    try {
      write(this.#options.history);
    } catch (error) {
      this.#options.log.error({ reason: messageOf(error) }, "the scheduler's history cannot be written");
    }
  }
}

// A run that has waited behind another is as late as one that was due while the server was off.
function lateness({ onMissed, plannedUtcUs }: Run, utcUs: number): WhyNot | undefined {
  const lateUs = utcUs - plannedUtcUs;
  if (onMissed !== "skip" || lateUs <= LATE_US) return undefined;
  return {
    reason: "missed",
    message: `it would have begun ${Math.round(lateUs / SECOND)} s late, after another`,
  };
}

// An operation is a long action with an id: its status can be observed, it can be cancelled, its end is kept for a while.

import { Cell, type ReadableCell } from "../base/cell.ts";
import { type Clock, isoUtc, SECOND } from "../base/clock.ts";
import { definedOnly } from "../base/defined-only.ts";
import { asVscopeError, isVscopeError, VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Origin } from "./origin.ts";

export type OperationState = "running" | "done" | "failed" | "cancelled";

/** When a job should end. */
export interface Estimate {
  readonly remainingS: number;
  readonly endsUtc: string;
}

export interface OperationStatus {
  readonly id: string;
  /** What was asked for, such as `record`. */
  readonly kind: string;
  readonly state: OperationState;
  readonly progress: { readonly done: number; readonly of: number };
  /** While it runs and is not paused, as soon as it is known. */
  readonly estimate?: Estimate;
  readonly paused?: true;
  /** What made it begin, of recordings. */
  readonly origin?: Origin;
  readonly startedUtc: string;
  readonly endedUtc?: string;
  /** Nobody wanted to end it: it may be taken up again after the next start of the server. */
  readonly interrupted?: true;
  /** Why it failed or was cancelled. */
  readonly error?: { readonly code: string; readonly message: string };
  /** What it produced; also present after a failure, for what was kept. */
  readonly result?: unknown;
}

/** How a job reports while it runs. */
export interface OperationReport {
  /** Number of steps done so far, of all, and how long the others should take. */
  progress(done: number, of: number, remainingUs?: number): void;
  /** Nobody knows the end of a job that is paused. */
  paused(isPaused: boolean): void;
  /** The result so far; kept even when the job fails later. */
  result(value: unknown): void;
}

export type OperationJob = (report: OperationReport, signal: AbortSignal) => Promise<void>;

export interface OperationFacts {
  readonly id: string;
  readonly kind: string;
  readonly steps: number;
  readonly origin?: Origin;
}

/** Left half-way, these would leave spectrometers without power until somebody finds out. */
const UNDIVIDED: ReadonlySet<string> = new Set(["power"]);

export class Operation {
  readonly #status: Cell<OperationStatus>;
  readonly #abort = new AbortController();
  readonly #clock: Clock;
  readonly #log: Log;
  #remainingUs: number | undefined;
  #isPaused = false;
  /** Resolves when the job has settled; never rejects. */
  readonly finished: Promise<void>;

  constructor(
    { id, kind, steps, origin }: OperationFacts,
    job: OperationJob,
    { clock, log }: { readonly clock: Clock; readonly log: Log },
  ) {
    this.#clock = clock;
    this.#log = log.child({ operation: id, kind, ...definedOnly({ origin }) });
    this.#status = new Cell<OperationStatus>({
      id,
      kind,
      state: "running",
      progress: { done: 0, of: steps },
      ...definedOnly({ origin }),
      startedUtc: isoUtc(clock.utcUs()),
    });
    this.finished = this.#run(job);
  }

  get id(): string {
    return this.#status.value.id;
  }

  get status(): ReadableCell<OperationStatus> {
    return this.#status;
  }

  /** Whether it must not be ended half-way by those who can wait for its end. */
  get isUndivided(): boolean {
    return UNDIVIDED.has(this.#status.value.kind);
  }

  /**
   * Ends the job at its next wait; `finished` tells when that has happened. A finished operation stays as it is.
   * Throws STATE_CONFLICT when it must not be ended half-way.
   */
  cancel(reason: string): void {
    const { id, kind, state } = this.#status.value;
    if (this.isUndivided && state === "running")
      throw new VscopeError("STATE_CONFLICT", `abort: operation ${id} (${kind}) is not left half-way`);
    this.#cancel(reason, {});
  }

  /** As `cancel`, for work that nobody wanted to end: it may be taken up again. */
  interrupt(reason: string): void {
    this.#cancel(reason, { isInterruption: true });
  }

  #cancel(reason: string, details: Readonly<Record<string, unknown>>): void {
    const text = `operation ${this.id}: cancelled, ${reason}`;
    this.#abort.abort(new VscopeError("OPERATION_CANCELLED", text, { details }));
  }

  async #run(job: OperationJob): Promise<void> {
    const report: OperationReport = {
      progress: (done, of, remainingUs) => {
        this.#remainingUs = remainingUs;
        this.#update({ progress: { done, of } });
      },
      paused: (isPaused) => {
        this.#isPaused = isPaused;
        this.#update({});
      },
      result: (result) => this.#update({ result }),
    };
    try {
      // The caller gets the operation before its job begins.
      await Promise.resolve();
      await job(report, this.#abort.signal);
      this.#end({ state: "done" });
    } catch (error) {
      const { code, message } = asVscopeError(error);
      const state = this.#abort.signal.aborted ? "cancelled" : "failed";
      const interrupted = isInterruption(this.#abort.signal) ? { interrupted: true as const } : {};
      this.#end({ state, ...interrupted, error: { code, message } });
      if (code === "INTERNAL") this.#log.error({ err: error }, "operation met an internal error");
    }
  }

  #update(change: Partial<OperationStatus>): void {
    const { estimate, paused: _, ...rest } = this.#status.value;
    // Results come between steps: they tell nothing about the end.
    const isSame = change.progress === undefined && !this.#isPaused && estimate !== undefined;
    const outlook = isSame ? { estimate } : this.#outlook();
    this.#status.set({ ...rest, ...(change.endedUtc === undefined ? outlook : {}), ...change });
  }

  #outlook(): Pick<OperationStatus, "estimate" | "paused"> {
    if (this.#isPaused) return { paused: true };
    const us = this.#remainingUs;
    if (us === undefined) return {};
    const remainingS = Math.round((10 * us) / SECOND) / 10;
    return { estimate: { remainingS, endsUtc: isoUtc(this.#clock.utcUs() + us) } };
  }

  #end(change: Partial<OperationStatus>): void {
    this.#update({ ...change, endedUtc: isoUtc(this.#clock.utcUs()) });
    const { state, error } = this.#status.value;
    if (state === "failed") this.#log.warn({ error }, "operation failed");
    else this.#log.info({ state }, "operation ended");
  }
}

/** Whether a signal was aborted by `interrupt`. */
export function isInterruption({ reason }: AbortSignal): boolean {
  return isVscopeError(reason, "OPERATION_CANCELLED") && reason.details.isInterruption === true;
}

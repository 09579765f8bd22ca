// An operation is a long action with an id: its status can be observed, it can be cancelled, its end is kept for a while.

import { Cell, type ReadableCell } from "../base/cell.ts";
import { type Clock, isoUtc } from "../base/clock.ts";
import { asVscopeError, VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";

export type OperationState = "running" | "done" | "failed" | "cancelled";

export interface OperationStatus {
  readonly id: string;
  /** What was asked for, such as `record`. */
  readonly kind: string;
  readonly state: OperationState;
  readonly progress: { readonly done: number; readonly of: number };
  readonly startedUtc: string;
  readonly endedUtc?: string;
  /** Why it failed or was cancelled. */
  readonly error?: { readonly code: string; readonly message: string };
  /** What it produced; also present after a failure, for what was kept. */
  readonly result?: unknown;
}

/** How a job reports while it runs. */
export interface OperationReport {
  /** Number of steps done so far, of all. */
  progress(done: number, of: number): void;
  /** The result so far; kept even when the job fails later. */
  result(value: unknown): void;
}

export type OperationJob = (report: OperationReport, signal: AbortSignal) => Promise<void>;

export class Operation {
  readonly #status: Cell<OperationStatus>;
  readonly #abort = new AbortController();
  readonly #clock: Clock;
  readonly #log: Log;
  /** Resolves when the job has settled; never rejects. */
  readonly finished: Promise<void>;

  constructor(
    { id, kind, steps }: { readonly id: string; readonly kind: string; readonly steps: number },
    job: OperationJob,
    { clock, log }: { readonly clock: Clock; readonly log: Log },
  ) {
    this.#clock = clock;
    this.#log = log.child({ operation: id, kind });
    this.#status = new Cell<OperationStatus>({
      id,
      kind,
      state: "running",
      progress: { done: 0, of: steps },
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

  /** Ends the job at its next wait; `finished` tells when that has happened. A finished operation stays as it is. */
  cancel(reason: string): void {
    this.#abort.abort(new VscopeError("OPERATION_CANCELLED", `operation ${this.id}: cancelled, ${reason}`));
  }

  async #run(job: OperationJob): Promise<void> {
    const report: OperationReport = {
      progress: (done, of) => this.#update({ progress: { done, of } }),
      result: (result) => this.#update({ result }),
    };
    try {
      // The caller gets the operation before its job begins.
      await Promise.resolve();
      await job(report, this.#abort.signal);
      this.#end({ state: "done" });
    } catch (error) {
      const { code, message } = asVscopeError(error);
      this.#end({ state: this.#abort.signal.aborted ? "cancelled" : "failed", error: { code, message } });
      if (code === "INTERNAL") this.#log.error({ err: error }, "operation met an internal error");
    }
  }

  #update(change: Partial<OperationStatus>): void {
    this.#status.set({ ...this.#status.value, ...change });
  }

  #end(change: Partial<OperationStatus>): void {
    this.#update({ ...change, endedUtc: isoUtc(this.#clock.utcUs()) });
    const { state, error } = this.#status.value;
    if (state === "failed") this.#log.warn({ error }, "operation failed");
    else this.#log.info({ state }, "operation ended");
  }
}

// A long task beside the recordings, such as reading all files: one of its kind at a time, watched and cancelled by whoever
// asks. Its last report stays.

import { Cell, type ReadableCell } from "../base/cell.ts";
import { type Clock, isoUtc, SECOND } from "../base/clock.ts";
import { isVscopeError, messageOf, VscopeError } from "../base/errors.ts";

export interface TaskProgress {
  readonly done: number;
  readonly of: number;
}

export interface TaskWatch {
  readonly onProgress: (progress: TaskProgress) => void;
  readonly signal: AbortSignal;
}

export const TASK_STATES = ["idle", "running", "done", "failed", "cancelled"] as const;

export interface TaskStatus<R> extends TaskProgress {
  readonly state: (typeof TASK_STATES)[number];
  readonly startedUtc?: string;
  readonly endedUtc?: string;
  /** Of the last one that was done. */
  readonly report?: R;
  /** Why it failed. */
  readonly error?: string;
}

/** Observers of a task with 100,000 steps need no more. */
const TOLD_EVERY_US = SECOND / 2;

export class LongTask<O, R> {
  readonly #name: string;
  readonly #clock: Clock;
  readonly #work: (options: O, watch: TaskWatch) => Promise<R>;
  readonly #status = new Cell<TaskStatus<R>>({ state: "idle", done: 0, of: 0 });
  #running: { readonly cancel: AbortController; readonly ended: Promise<void> } | undefined;

  constructor(name: string, clock: Clock, work: (options: O, watch: TaskWatch) => Promise<R>) {
    this.#name = name;
    this.#clock = clock;
    this.#work = work;
  }

  get status(): ReadableCell<TaskStatus<R>> {
    return this.#status;
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** Throws STATE_CONFLICT while one runs. */
  start(options: O): void {
    if (this.#running !== undefined)
      throw new VscopeError("STATE_CONFLICT", `${this.#name}: it is under way`);
    const cancel = new AbortController();
    this.#status.set({ state: "running", done: 0, of: 0, startedUtc: isoUtc(this.#clock.utcUs()) });
    this.#running = { cancel, ended: this.#run(options, cancel.signal) };
  }

  /** Resolves when what runs has ended, at once when nothing does. */
  async cancel(): Promise<void> {
    this.#running?.cancel.abort(new VscopeError("OPERATION_CANCELLED", `${this.#name}: cancelled`));
    await this.#running?.ended;
  }

  /** Resolves when what runs has ended by itself. */
  async ended(): Promise<void> {
    await this.#running?.ended;
  }

  async #run(options: O, signal: AbortSignal): Promise<void> {
    let toldUs = this.#clock.nowUs();
    const onProgress = (progress: TaskProgress): void => {
      if (this.#clock.nowUs() - toldUs < TOLD_EVERY_US) return;
      toldUs = this.#clock.nowUs();
      this.#status.set({ ...this.#status.value, ...progress });
    };
    try {
      let last: TaskProgress = { done: 0, of: 0 };
      const report = await this.#work(options, {
        signal,
        onProgress: (progress) => {
          last = progress;
          onProgress(progress);
        },
      });
      this.#end({ state: "done", report, ...last });
    } catch (error) {
      const isCancelled = isVscopeError(error, "OPERATION_CANCELLED");
      this.#end({ state: isCancelled ? "cancelled" : "failed", error: messageOf(error) });
    }
  }

  #end(change: Partial<TaskStatus<R>>): void {
    this.#running = undefined;
    this.#status.set({ ...this.#status.value, ...change, endedUtc: isoUtc(this.#clock.utcUs()) });
  }
}

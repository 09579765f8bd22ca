// One queue per device: first in first out, bounded, one job at a time.
// Laws (tested against a model): every promise settles; at most one job runs; order is kept; a cancelled waiter
// rejects at once and never runs; close() rejects the waiters and awaits the running job; after a job has failed
// or was aborted, `recover` runs before the next one. The turn is handed over, never dropped and taken again.
// The owner's own jobs go before those that wait, and there is always room for them.

import { withAny } from "./abort.ts";
import { VscopeError } from "./errors.ts";

export type Job<T> = (signal: AbortSignal) => Promise<T>;

export interface QueueOptions {
  /** Begins every message, such as a serial number. */
  readonly name: string;
  /** Jobs that may wait besides the running one; further ones are refused with DEVICE_BUSY. */
  readonly capacity?: number;
  /** Runs after a failed or aborted job, before the next. Its own failure fails that next job. */
  readonly recover?: (reason: unknown) => Promise<void>;
}

interface Waiter {
  readonly start: () => Promise<void>;
  readonly reject: (reason: unknown) => void;
}

export class Queue {
  readonly #name: string;
  readonly #capacity: number;
  readonly #recover: (reason: unknown) => Promise<void>;
  readonly #waiters: Waiter[] = [];
  /** The owner's own. */
  readonly #urgent: Waiter[] = [];
  readonly #closing = new AbortController();
  #running: Promise<void> | undefined;
  #failure: { readonly reason: unknown } | undefined;

  constructor({ name, capacity = 16, recover = async () => {} }: QueueOptions) {
    this.#name = name;
    this.#capacity = capacity;
    this.#recover = recover;
  }

  /** Jobs that wait for their turn. */
  get waiting(): number {
    return this.#waiters.length;
  }

  get isBusy(): boolean {
    return this.#running !== undefined;
  }

  /** Runs `job` when its turn comes. Throws what the job throws, the signal's reason, or DEVICE_BUSY when full. */
  run<T>(job: Job<T>, signal: AbortSignal): Promise<T> {
    const waiting = this.#waiters.length;
    if (waiting < this.#capacity) return this.runAlways(job, signal);
    const fact = `${waiting} jobs are waiting, ${this.#capacity} are allowed`;
    return Promise.reject(new VscopeError("DEVICE_BUSY", `${this.#name}: ${fact}`));
  }

  /** As `run`, and never refused: for one that hands in one job at a time and cannot come again. */
  runAlways<T>(job: Job<T>, signal: AbortSignal): Promise<T> {
    return this.#enqueue(this.#waiters, job, signal);
  }

  /** As `run`, for the owner of the queue: its turn is the next one, and it is never refused. */
  runNext<T>(job: Job<T>, signal: AbortSignal): Promise<T> {
    return this.#enqueue(this.#urgent, job, signal);
  }

  /** Rejects those that wait, but for the owner's own; what runs goes on. */
  turnAway(reason: unknown): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(reason);
  }

  #enqueue<T>(waiters: Waiter[], job: Job<T>, signal: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#closing.signal.aborted) return reject(this.#closing.signal.reason);
      if (signal.aborted) return reject(signal.reason);
      const waiter: Waiter = {
        start: async () => {
          signal.removeEventListener("abort", onAbort);
          try {
            resolve(await this.#perform(job, signal));
          } catch (error) {
            reject(error);
          }
        },
        reject: (reason) => {
          signal.removeEventListener("abort", onAbort);
          reject(reason);
        },
      };
      const onAbort = (): void => {
        waiters.splice(waiters.indexOf(waiter), 1);
        reject(signal.reason);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      waiters.push(waiter);
      if (this.#running === undefined) this.#running = this.#drain();
    });
  }

  /** Rejects all waiters, aborts the running job and resolves when it has settled. */
  async close(
    reason: unknown = new VscopeError("DEVICE_NOT_CONNECTED", `${this.#name}: closed`),
  ): Promise<void> {
    if (!this.#closing.signal.aborted) this.#closing.abort(reason);
    for (const waiter of this.#urgent.splice(0)) waiter.reject(reason);
    this.turnAway(reason);
    await this.#running;
  }

  // Holds the turn from the first job to the last: no gap in which a newcomer could run beside a waiter.
  async #drain(): Promise<void> {
    for (let next = this.#next(); next !== undefined; next = this.#next()) await next.start();
    this.#running = undefined;
  }

  #next(): Waiter | undefined {
    return this.#urgent.shift() ?? this.#waiters.shift();
  }

  async #perform<T>(job: Job<T>, signal: AbortSignal): Promise<T> {
    try {
      return await withAny([signal, this.#closing.signal], async (joined) => {
        await this.#recoverIfNeeded();
        joined.throwIfAborted();
        return await job(joined);
      });
    } catch (error) {
      this.#failure = { reason: error };
      throw error;
    }
  }

  async #recoverIfNeeded(): Promise<void> {
    if (this.#failure === undefined) return;
    await this.#recover(this.#failure.reason);
    this.#failure = undefined;
  }
}

// The queue between acquisition and the disk: one file at a time, in order, and a bound on what waits in memory.

import { Cell, until } from "../base/cell.ts";
import { NEVER } from "../base/abort.ts";
import { Queue } from "../base/queue.ts";

// Two sets hide the latency of a card; a caller that waits for room() never has more on their way.
const ROOMY = 2;
// About 2 MB of four spectra each: a caller that does not wait is refused here with DEVICE_BUSY.
const MOST = 64;

export class Writer {
  readonly #queue: Queue;
  readonly #pending = new Cell(0);

  constructor(name: string) {
    this.#queue = new Queue({ name, capacity: MOST });
  }

  /** Runs `job` after the ones before it. A disk call cannot be taken back, so nothing cancels a job. */
  async run<T>(job: () => Promise<T>): Promise<T> {
    this.#pending.set(this.#pending.value + 1);
    try {
      return await this.#queue.run(job, NEVER);
    } finally {
      this.#pending.set(this.#pending.value - 1);
    }
  }

  /** Resolves when at most one more job is waiting. */
  async room(signal: AbortSignal): Promise<void> {
    await until(this.#pending, (pending) => pending < ROOMY, signal);
  }

  /** Resolves when everything handed in has settled. */
  async idle(): Promise<void> {
    await until(this.#pending, (pending) => pending === 0, NEVER);
  }
}

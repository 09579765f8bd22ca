// The turn to write: one job at a time, in order. Files of spectra take theirs in groups (gathering.ts).

import { NEVER } from "../base/abort.ts";
import { Cell, until } from "../base/cell.ts";
import { Queue } from "../base/queue.ts";

const MOST = 64;

export class Writer {
  readonly #queue: Queue;
  readonly #pending = new Cell(0);

  constructor(name: string) {
    this.#queue = new Queue({ name, capacity: MOST });
  }

  /** Runs `job` after the ones before it. A disk call cannot be taken back, so nothing cancels a job. Throws DEVICE_BUSY. */
  run<T>(job: () => Promise<T>): Promise<T> {
    return this.#counted(this.#queue.run(job, NEVER));
  }

  /** As `run`, in the same order, and never refused: what is recorded has a place whoever else writes. */
  runAlways<T>(job: () => Promise<T>): Promise<T> {
    return this.#counted(this.#queue.runAlways(job, NEVER));
  }

  /** Resolves when everything handed in has settled. */
  async idle(): Promise<void> {
    await until(this.#pending, (pending) => pending === 0, NEVER);
  }

  async #counted<T>(job: Promise<T>): Promise<T> {
    this.#pending.set(this.#pending.value + 1);
    try {
      return await job;
    } finally {
      this.#pending.set(this.#pending.value - 1);
    }
  }
}

// Hands finished sets to the data directory without waiting for the disk, but never gets far ahead of it.

import type { Batch, WrittenFile } from "../datadir/batch.ts";
import type { SpectraSet } from "../spectra/spectrum.ts";

// Two sets on their way hide the disk's latency; more would only use memory on a stuck disk.
const MOST_PENDING = 2;

export interface WriterEvents {
  /** The set is durable on disk. */
  written(file: WrittenFile, set: SpectraSet): void;
  /** A set could not be written: the recording can stop at once. */
  failed(error: unknown): void;
}

export class BatchWriter {
  readonly #batch: Batch;
  readonly #events: WriterEvents;
  readonly #pending: Promise<void>[] = [];
  #count = 0;
  #newest: WrittenFile | undefined;
  #darks: Promise<void> = Promise.resolve();

  constructor(batch: Batch, events: WriterEvents) {
    this.#batch = batch;
    this.#events = events;
  }

  /** Number of files that are durable on disk. */
  get count(): number {
    return this.#count;
  }

  get newest(): WrittenFile | undefined {
    return this.#newest;
  }

  /** Takes a set; resolves as soon as there is room for the next one. */
  async write(set: SpectraSet): Promise<void> {
    const written = this.#batch.write(set).then(
      (file) => {
        this.#count += 1;
        this.#newest = file;
        this.#events.written(file, set);
      },
      (error: unknown) => this.#events.failed(error),
    );
    if (set.kind === "dark") this.#darks = written;
    this.#pending.push(written);
    if (this.#pending.length > MOST_PENDING) await this.#pending.shift();
  }

  /** Resolves when the newest darks, and those before, are on disk or have failed. */
  darksSettled(): Promise<void> {
    return this.#darks;
  }

  /** Resolves when everything handed in is on disk or has failed. */
  async flush(): Promise<void> {
    await Promise.all(this.#pending.splice(0));
    await this.#batch.finish();
  }
}

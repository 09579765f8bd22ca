// Hands finished sets to the data directory without waiting for the disk, until its memory for them is full.

import { NEVER } from "../base/abort.ts";
import type { Batch, WrittenFile } from "../datadir/batch.ts";
import type { SpectraSet } from "../spectra/spectrum.ts";

export interface WriterEvents {
  /** The set is durable on disk. */
  written(file: WrittenFile, set: SpectraSet): void;
  /** A set could not be written: the recording can stop at once. */
  failed(error: unknown, set: SpectraSet): void;
}

export class BatchWriter {
  readonly #batch: Batch;
  readonly #events: WriterEvents;
  readonly #pending = new Set<Promise<void>>();
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
      (error: unknown) => this.#events.failed(error, set),
    );
    if (set.kind === "dark") this.#darks = written;
    this.#pending.add(written);
    void written.then(() => this.#pending.delete(written));
    // A disk call cannot be taken back, so nobody cancels the wait for it.
    await this.#batch.room(NEVER);
  }

  /** Resolves when the newest darks, and those before, are on disk or have failed. */
  darksSettled(): Promise<void> {
    return this.#darks;
  }

  /** Resolves when everything handed in is on disk or has failed. */
  async flush(): Promise<void> {
    await Promise.all(this.#pending);
    await this.#batch.finish();
  }
}

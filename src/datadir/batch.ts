// One batch of a run, open for writing: its number is taken for good, its files are added set by set.

import { Cell, type ReadableCell } from "../base/cell.ts";
import { VscopeError } from "../base/errors.ts";
import type { SpectraSet } from "../spectra/spectrum.ts";

export interface WrittenFile {
  readonly run: string;
  /** Name within the run, such as `b000003_s000012_light.pico`. */
  readonly file: string;
  readonly path: string;
  readonly bytes: number;
}

export interface BatchParts {
  readonly run: string;
  readonly number: number;
  /** Puts a set on the disk; `isNew` when none with its name was tried before. */
  readonly store: (set: SpectraSet, isNew: boolean) => Promise<WrittenFile>;
  /** Resolves when the disk is not too far behind. */
  readonly room: (signal: AbortSignal) => Promise<void>;
  readonly finished: () => Promise<void>;
  readonly isCutOff: () => boolean;
}

export class Batch {
  readonly run: string;
  readonly #parts: BatchParts;
  readonly #pending = new Set<Promise<WrittenFile>>();
  readonly #tried = new Set<string>();
  readonly #number: Cell<number>;
  #finished: Promise<void> | undefined;

  constructor(parts: BatchParts) {
    this.run = parts.run;
    this.#number = new Cell(parts.number);
    this.#parts = parts;
  }

  /** Changes only when files with this number were added by hand while it is recorded. */
  get number(): number {
    return this.#number.value;
  }

  /** For those who want to know when it changes. */
  get numberCell(): ReadableCell<number> {
    return this.#number;
  }

  /** The sets that are not on disk yet get another number. */
  renumber(number: number): void {
    this.#number.set(number);
  }

  /**
   * Writes a set to a file of its own, after the sets before it; resolves when the file survives a power cut, its line in the manifest too.
   * The caller may go on meanwhile, and must look at the promise. Throws STATE_CONFLICT (finished, or that sequence
   * is recorded already), DATADIR_FULL, DATADIR_NOT_MOUNTED, DATADIR_IO, DEVICE_BUSY (64 sets wait).
   */
  async write(set: SpectraSet): Promise<WrittenFile> {
    if (this.#finished !== undefined) {
      throw new VscopeError("STATE_CONFLICT", `run ${this.run}: batch ${this.number} is finished`);
    }
    const name = `${set.sequence} ${set.kind}`;
    const isNew = !this.#tried.has(name);
    this.#tried.add(name);
    const written = this.#parts.store(set, isNew);
    this.#pending.add(written);
    try {
      return await written;
    } finally {
      this.#pending.delete(written);
    }
  }

  /** Whether its medium went away or could not be written when a set was to be: that may have passed by now. */
  get isCutOff(): boolean {
    return this.#parts.isCutOff();
  }

  /** Resolves as soon as less than 48 sets are on their way: the way to keep the memory bounded. */
  room(signal: AbortSignal): Promise<void> {
    return this.#parts.room(signal);
  }

  /** Resolves when every set handed in is on disk or has failed. The failures are the writes' own. */
  finish(): Promise<void> {
    this.#finished ??= this.#settle();
    return this.#finished;
  }

  async #settle(): Promise<void> {
    await Promise.allSettled(this.#pending);
    await this.#parts.finished();
  }
}

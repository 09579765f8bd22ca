// What a batch has come to so far.

import { addCounts, countFlags } from "../spectra/flags.ts";
import type { Spectrum, SpectrumFailure } from "../spectra/spectrum.ts";
import type { BatchResult } from "./batch-parts.ts";

type Counts = Omit<BatchResult, "run" | "batch" | "files" | "newestFile" | "warmUp" | "goesOnWith">;

// A season has thousands of sequences: the status tells the newest failures and counts the rest; each file has its own.
const FAILURES_SHOWN = 8;

export class Tally {
  #counts: Counts = {
    spectra: 0,
    saturated: 0,
    flags: {},
    failed: 0,
    failures: [],
    retried: 0,
    startSkewUs: {},
  };

  get counts(): Counts {
    return this.#counts;
  }

  /** Spectra that go into a file. */
  kept(spectra: readonly Spectrum[]): void {
    const saturated = spectra.filter(({ kind, flags }) => kind === "light" && flags.includes("saturated"));
    this.#add({
      spectra: this.#counts.spectra + spectra.length,
      saturated: this.#counts.saturated + saturated.length,
      flags: addCounts(this.#counts.flags, countFlags(spectra)),
    });
  }

  failed(failures: readonly SpectrumFailure[]): void {
    this.#add({
      failed: this.#counts.failed + failures.length,
      failures: [...this.#counts.failures, ...failures].slice(-FAILURES_SHOWN),
    });
  }

  retried(count: number): void {
    this.#add({ retried: this.#counts.retried + count });
  }

  /** The spectrometers of a turn began within `us`. */
  skewed(channel: string, us: number): void {
    const { startSkewUs } = this.#counts;
    const largest = Math.max(us, startSkewUs[channel] ?? 0);
    this.#add({ startSkewUs: { ...startSkewUs, [channel]: largest } });
  }

  #add(change: Partial<Counts>): void {
    this.#counts = { ...this.#counts, ...change };
  }
}

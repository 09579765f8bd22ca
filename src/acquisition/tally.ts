// What a batch has come to so far.

import { addCounts, countFlags } from "../spectra/flags.ts";
import { compareText } from "../spectra/pico.ts";
import type { Spectrum, SpectrumFailure } from "../spectra/spectrum.ts";
import type { BatchResult, Delivered } from "./batch-parts.ts";

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
    spectrometers: {},
    retried: 0,
    startSkewUs: {},
  };

  get counts(): Counts {
    return this.#counts;
  }

  /** Spectra that go into a file: counted at once, since people watch their flags. */
  kept(spectra: readonly Spectrum[]): void {
    this.#count(spectra, 1);
    for (const { instrument } of spectra) this.#deliver(instrument.serial, { spectra: 1, missing: 0 });
  }

  /** Spectra that were on their way into a file that could not be written. */
  lost(spectra: readonly Spectrum[]): void {
    this.#count(spectra, -1);
    for (const { instrument } of spectra) this.#deliver(instrument.serial, { spectra: -1, missing: 1 });
  }

  /** Spectra that no file has. */
  missing(failures: readonly SpectrumFailure[]): void {
    for (const { serial } of failures) this.#deliver(serial, { spectra: 0, missing: 1 });
  }

  /** "FLMS01859 2 of 4, QEP00709 all 4" */
  get deliveredText(): string {
    return Object.entries(this.#counts.spectrometers)
      .sort(([a], [b]) => compareText(a, b))
      .map(([serial, { spectra, missing }]) =>
        missing === 0 ? `${serial} all ${spectra}` : `${serial} ${spectra} of ${spectra + missing}`,
      )
      .join(", ");
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

  #count(spectra: readonly Spectrum[], sign: 1 | -1): void {
    const saturated = spectra.filter(({ kind, flags }) => kind === "light" && flags.includes("saturated"));
    const flags = Object.entries(countFlags(spectra)).map(([flag, count]) => [flag, sign * count] as const);
    const sums = Object.entries(addCounts(this.#counts.flags, Object.fromEntries(flags)));
    this.#add({
      spectra: this.#counts.spectra + sign * spectra.length,
      saturated: this.#counts.saturated + sign * saturated.length,
      flags: Object.fromEntries(sums.filter(([, count]) => count > 0)),
    });
  }

  #deliver(serial: string, more: Delivered): void {
    const { spectrometers } = this.#counts;
    const { spectra = 0, missing = 0 } = spectrometers[serial] ?? {};
    const delivered = { spectra: spectra + more.spectra, missing: missing + more.missing };
    this.#add({ spectrometers: { ...spectrometers, [serial]: delivered } });
  }

  #add(change: Partial<Counts>): void {
    this.#counts = { ...this.#counts, ...change };
  }
}

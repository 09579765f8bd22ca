// Several scans as one spectrum: mean, standard deviation, smallest and largest counts of every pixel, in one pass and
// with the memory of one scan (Welford's method, which does not lose digits as the sum of squares does).

import type { ScanStatistics } from "./spectrum.ts";

export class ScanAverage {
  readonly #mean: Float64Array;
  readonly #squares: Float64Array;
  readonly #min: Uint32Array;
  readonly #max: Uint32Array;
  #scans = 0;

  constructor(pixels: number) {
    this.#mean = new Float64Array(pixels);
    this.#squares = new Float64Array(pixels);
    this.#min = new Uint32Array(pixels).fill(2 ** 32 - 1);
    this.#max = new Uint32Array(pixels);
  }

  add(counts: Uint32Array): void {
    this.#scans += 1;
    for (const [pixel, value] of counts.entries()) {
      const before = this.#mean[pixel] ?? 0;
      const mean = before + (value - before) / this.#scans;
      this.#mean[pixel] = mean;
      this.#squares[pixel] = (this.#squares[pixel] ?? 0) + (value - before) * (value - mean);
      if (value < (this.#min[pixel] ?? 0)) this.#min[pixel] = value;
      if (value > (this.#max[pixel] ?? 0)) this.#max[pixel] = value;
    }
  }

  /** Mean of the scans so far, in thousandths of a count: no noise is smaller, and files stay readable. */
  get mean(): Float64Array {
    return this.#mean.map(thousandths);
  }

  /** Standard deviation with n - 1; zeros for a single scan. */
  get statistics(): ScanStatistics {
    const divisor = Math.max(1, this.#scans - 1);
    return {
      scans: this.#scans,
      standardDeviation: this.#squares.map((sum) => thousandths(Math.sqrt(sum / divisor))),
      min: this.#min,
      max: this.#max,
    };
  }
}

function thousandths(value: number): number {
  return Math.round(value * 1000) / 1000;
}

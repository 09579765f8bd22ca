// How much light a spectrum holds, as one number: the mean over the optical pixels, above what the detector gives in the
// dark. Good enough to compare two spectra of one channel; calibration it is not.

import type { Spectrum } from "./spectrum.ts";

export interface SignalLevel {
  /** Counts without light: the mean of the dark pixels, or the lowest counts where there are none. */
  readonly base: number;
  /** Mean counts above it. */
  readonly signal: number;
}

export function signalLevel({ counts, instrument }: Spectrum): SignalLevel {
  const [from, to] = instrument.opticalPixelRange;
  const optical = sumOf(counts, from, to);
  const dark = instrument.darkPixelRanges.reduce(
    (all, [first, end]) => {
      const part = sumOf(counts, first, end);
      return { sum: all.sum + part.sum, pixels: all.pixels + part.pixels };
    },
    { sum: 0, pixels: 0 },
  );
  const base = dark.pixels > 0 ? dark.sum / dark.pixels : optical.min;
  return { base, signal: optical.sum / Math.max(1, optical.pixels) - base };
}

function sumOf(counts: ArrayLike<number>, from: number, to: number) {
  const end = Math.min(to, counts.length);
  let [sum, min] = [0, Number.POSITIVE_INFINITY];
  for (let pixel = from; pixel < end; pixel++) {
    const value = counts[pixel] ?? 0;
    sum += value;
    min = Math.min(min, value);
  }
  return { sum, min, pixels: Math.max(0, end - from) };
}

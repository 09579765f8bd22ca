// The electric dark level of a frame and its subtraction. Not the subtraction of a dark spectrum: that one also takes
// away what differs from pixel to pixel.

import { type Correction, type Counts, notApplied, type PixelRange } from "./correction.ts";

export type DarkFacts = {
  /** Mean of the dark pixels. */
  readonly darkCounts: number;
  /** Pixels in the mean. */
  readonly darkPixels: number;
  /** Pixels that the ranges name but the mean leaves out. */
  readonly rejectedPixels: number;
};

/**
 * y = x - mean(x over the dark pixels of the same frame), in the unit of `counts`; not clipped at 0, as that would
 * shift the mean of the noise. python-seabreeze does the same. A pixel of `ranges` is left out of the mean, and
 * counted, when it lies outside the frame, is not finite, or reaches `saturationLevel` (it sees light then, or is broken).
 */
export function correctElectricDark(
  counts: Counts,
  ranges: readonly PixelRange[],
  saturationLevel: number = Number.POSITIVE_INFINITY,
): Correction<DarkFacts> {
  if (ranges.length === 0) return notApplied("no-dark-pixels", "the model has no dark pixels");
  const facts = darkLevelOf(counts, ranges, saturationLevel);
  if (facts.darkPixels === 0)
    return notApplied("no-dark-pixels", `no one of ${facts.rejectedPixels} dark pixels is usable`);
  const { darkCounts } = facts;
  const result = new Float64Array(counts.length);
  for (let pixel = 0; pixel < result.length; pixel++) result[pixel] = (counts[pixel] ?? 0) - darkCounts;
  return { applied: true, counts: result, facts };
}

function darkLevelOf(counts: Counts, ranges: readonly PixelRange[], saturationLevel: number): DarkFacts {
  let sum = 0;
  let darkPixels = 0;
  let named = 0;
  for (const [from, to] of ranges) {
    named += Math.max(0, to - from);
    for (let pixel = Math.max(0, from); pixel < Math.min(to, counts.length); pixel++) {
      const value = counts[pixel] ?? Number.NaN;
      if (!Number.isFinite(value) || value >= saturationLevel) continue;
      sum += value;
      darkPixels += 1;
    }
  }
  return { darkCounts: sum / darkPixels, darkPixels, rejectedPixels: named - darkPixels };
}

// Light that reaches pixels it does not belong to, as an even background: all that one constant can describe.
// The maker publishes the constant's place (EEPROM slot 5) but no formula; docs/corrections.md weighs the uncertainty.

import { type Correction, type Counts, notApplied, type PixelRange } from "./correction.ts";

export type StrayLightFacts = {
  readonly strayLightConstant: number;
  /** What was subtracted from every pixel. */
  readonly strayCounts: number;
  /** Pixels in the mean. */
  readonly averagedPixels: number;
};

/**
 * y = s - c mean(s over the pixels that see light): `signal` s is dark-subtracted, linear counts; `constant` c is the
 * share of all light that is spread evenly over the detector, 0..1 without unit. Pixels that are not finite are left
 * out of the mean. The constant's meaning is inferred, not published: a spectrum corrected by it is not comparable
 * with the maker's software.
 */
export function correctStrayLight(
  signal: Counts,
  constant: number | undefined,
  opticalPixelRange: PixelRange,
): Correction<StrayLightFacts> {
  if (constant === undefined || constant === 0)
    return notApplied(
      "no-constant",
      constant === 0 ? "the stray light constant is 0" : "the device stores no stray light constant",
    );
  if (!(constant > 0 && constant < 1))
    return notApplied("constant-unusable", `stray light constant ${constant} is outside 0..1`);
  const { mean, pixels } = meanOf(signal, opticalPixelRange);
  if (pixels === 0)
    return notApplied("no-optical-pixels", `no usable pixel in ${opticalPixelRange.join("..")}`);
  const strayCounts = constant * mean;
  const counts = new Float64Array(signal.length);
  for (let pixel = 0; pixel < counts.length; pixel++) counts[pixel] = (signal[pixel] ?? 0) - strayCounts;
  return {
    applied: true,
    counts,
    facts: { strayLightConstant: constant, strayCounts, averagedPixels: pixels },
  };
}

function meanOf(values: Counts, [from, to]: PixelRange): { readonly mean: number; readonly pixels: number } {
  let sum = 0;
  let pixels = 0;
  for (let pixel = Math.max(0, from); pixel < Math.min(to, values.length); pixel++) {
    const value = values[pixel] ?? Number.NaN;
    if (!Number.isFinite(value)) continue;
    sum += value;
    pixels += 1;
  }
  return { mean: sum / pixels, pixels };
}

// What all spectra of a product are uncertain by together, because they share their calibrations: standard uncertainties with
// k = 1 as a share of the values, pixel by pixel. No mean of spectra makes it less. Pure.

import { valueAt } from "../curve.ts";
import type { Panel } from "../panel.ts";
import type { RadiometricCalibration } from "../radiometric.ts";

/** What tells how uncertain it is, or does not. */
export type Uncertain =
  | Pick<Panel, "systematicUncertainty">
  | Pick<RadiometricCalibration, "systematicUncertainty" | "factorNoise" | "factors" | "axis">;

/** Why they are not known; undefined when they are. A part alone would look like the whole, so all have to tell. */
export function systematicObstacle(parts: readonly Uncertain[]): string | undefined {
  if (parts.length === 0) return "a ratio of counts: what the foreoptics differ by is not known";
  const isTold = parts.every(({ systematicUncertainty }) => systematicUncertainty !== undefined);
  return isTold ? undefined : "not every calibration tells its uncertainty";
}

/** Of values on these wavelengths, as independent parts; NaN where a calibration does not reach. */
export function systematicErrorOf(
  values: Float64Array,
  wavelengthsNm: Float64Array,
  parts: readonly Uncertain[],
): Float64Array {
  return values.map((value, pixel) => {
    const nm = wavelengthsNm[pixel] ?? Number.NaN;
    return Math.abs(value) * Math.hypot(...parts.flatMap((part) => sharesAt(part, nm, pixel)));
  });
}

function sharesAt(part: Uncertain, nm: number, pixel: number): readonly number[] {
  const { systematicUncertainty = Number.NaN } = part;
  if (!("factorNoise" in part) || part.factorNoise === undefined) return [systematicUncertainty];
  const { factors, factorNoise, axis } = part;
  const noise = { wavelengthsNm: factors.wavelengthsNm, values: factorNoise };
  return [systematicUncertainty, valueAt(noise, axis === "pixel" ? pixel : nm)];
}

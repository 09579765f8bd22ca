// Wavelengths of the pixels, or the reason why there are none. The polynomial itself is wavelengthsNm of spectrum.ts.

import { wavelengthsNm } from "../spectrum.ts";
import { type NotApplied, notApplied } from "./correction.ts";

export interface Wavelengths {
  readonly applied: true;
  /** One value in nm a pixel. */
  readonly wavelengthsNm: Float64Array;
}

/**
 * lambda(i) = sum of c_k i^k in nm for pixel index i, coefficients ascending. The driver has moved an origin other than
 * the first pixel (QE65000: i - 10) into the coefficients. Not applied without a slope or with the pixel index itself:
 * what instruments hold that were never calibrated.
 */
export function wavelengthsOrWhyNot(
  coefficients: readonly number[],
  pixels: number,
): Wavelengths | NotApplied {
  const [offset, slope, ...higher] = coefficients;
  const isStraight = higher.every((coefficient) => coefficient === 0);
  if (isStraight && (slope === undefined || slope === 0 || (offset === 0 && slope === 1)))
    return notApplied("no-coefficients", `no wavelength calibration in [${coefficients.join(", ")}]`);
  const result = wavelengthsNm(coefficients, pixels);
  if (!result.every(Number.isFinite))
    return notApplied(
      "coefficients-unusable",
      `wavelength coefficients [${coefficients.join(", ")}] give values that are not finite`,
    );
  return { applied: true, wavelengthsNm: result };
}

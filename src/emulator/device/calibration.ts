// The calibration that a device carries: polynomials as the maker would have measured them on this unit.

import type { SpectrometerModel } from "../../drivers/oceanoptics/model.ts";
import { Random, seedOf } from "../random.ts";
import type { Profile } from "./profile.ts";

export interface Calibration {
  /** Ascending powers of pixel index + `wavelengthOffset`. */
  readonly wavelengthCoefficients: readonly number[];
  /** Ascending powers of dark-subtracted raw counts: counts / polynomial is linear in light. */
  readonly nonlinearityCoefficients: readonly number[];
  readonly strayLightConstant: number;
  /** Raw counts at which the detector saturates. */
  readonly saturationCounts: number;
}

/** Curvature of a grating spectrum: share of the range that the square and the cube take. */
const CURVATURE = [-0.05, -0.025] as const;
/** Response over the share of saturation: rises by about 0.8 %, then falls. */
const NONLINEARITY = [0.994, 0.016, -0.008, -0.006, 0.001, -0.001, 0.0005, -0.0005] as const;

export function calibrationOf(model: SpectrometerModel, profile: Profile, serial: string): Calibration {
  const random = new Random(seedOf(serial, "calibration"));
  const isScaled = model.saturation !== undefined;
  const full = model.usableCounts ?? model.maxCounts;
  const saturationCounts = isScaled ? Math.round(full * (0.88 + 0.06 * random.uniform())) : full;
  return {
    wavelengthCoefficients: wavelengthPolynomial(model, profile, random),
    nonlinearityCoefficients: NONLINEARITY.map((share, power) => storable(share / saturationCounts ** power)),
    strayLightConstant: storable(0.002 * random.uniform()),
    saturationCounts,
  };
}

function wavelengthPolynomial(model: SpectrometerModel, profile: Profile, random: Random): number[] {
  const [first, end] = model.opticalPixelRange;
  const [firstNm, lastNm] = profile.rangeNm;
  const startNm = firstNm + 0.4 * random.uniform();
  const start = first + model.frame.wavelengthOffset;
  const pixels = end - 1 - first;
  const [square, cube] = CURVATURE.map((share) => share * (0.95 + 0.1 * random.uniform()));
  const span = lastNm - startNm;
  // Coefficients in the distance from the first optical pixel, then moved to the origin of the device's index.
  const shares = [
    startNm,
    span * (1 - (square ?? 0) - (cube ?? 0)),
    span * (square ?? 0),
    span * (cube ?? 0),
  ];
  return shifted(
    shares.map((share, power) => share / pixels ** power),
    start,
  ).map(storable);
}

/** Coefficients of p(x - by) for those of p(x). */
function shifted(coefficients: readonly number[], by: number): number[] {
  const result = [...coefficients];
  for (let round = 0; round < result.length; round++) {
    for (let power = result.length - 2; power >= round; power--) {
      result[power] = (result[power] ?? 0) - by * (result[power + 1] ?? 0);
    }
  }
  return result;
}

/** The number that is left after it was written as text of 15 characters, or as a 32-bit float. */
function storable(value: number): number {
  return Number(coefficientText(Math.fround(value)));
}

/** Text of a coefficient that fits an EEPROM slot. */
export function coefficientText(value: number): string {
  return value.toPrecision(7).length <= 14 ? value.toPrecision(7) : value.toExponential(6);
}

/** The polynomial's value. */
export function polynomial(coefficients: readonly number[], x: number): number {
  return coefficients.reduceRight((sum, coefficient) => sum * x + coefficient, 0);
}

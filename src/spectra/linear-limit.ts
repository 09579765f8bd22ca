// Up to which counts above the dark a nonlinearity polynomial can be used: from there on it has no positive value, or
// the corrected counts no longer rise with the raw ones, so that two amounts of light would give the same number.

import type { InstrumentIdentity } from "./spectrum.ts";

const STEPS = 512;
// Once a calibration, not once a spectrum.
const known = new WeakMap<readonly number[], { readonly maxCounts: number; readonly limit: number }>();

/** Infinity when the device holds no polynomial, or one that is good for all counts. */
export function linearLimit(instrument: InstrumentIdentity): number {
  const { maxCounts, calibration } = instrument;
  const { nonlinearityCoefficients } = calibration;
  const found = known.get(nonlinearityCoefficients);
  if (found?.maxCounts === maxCounts) return found.limit;
  const limit = limitOf(nonlinearityCoefficients, maxCounts);
  known.set(nonlinearityCoefficients, { maxCounts, limit });
  return limit;
}

function limitOf(coefficients: readonly number[], maxCounts: number): number {
  const isFlat = coefficients.slice(1).every((coefficient) => coefficient === 0);
  if (isFlat || !coefficients.every(Number.isFinite)) return Number.POSITIVE_INFINITY;
  for (let step = 1; step <= STEPS; step++) {
    const counts = (step / STEPS) * maxCounts;
    const value = valueAt(coefficients, counts);
    // Of counts / value: positive where value > counts x slope.
    if (!(value > 0 && value > counts * slopeAt(coefficients, counts)))
      return ((step - 1) / STEPS) * maxCounts;
  }
  return Number.POSITIVE_INFINITY;
}

function valueAt(coefficients: readonly number[], x: number): number {
  return coefficients.reduceRight((sum, coefficient) => sum * x + coefficient, 0);
}

function slopeAt(coefficients: readonly number[], x: number): number {
  return coefficients.reduceRight(
    (sum, coefficient, power) => (power === 0 ? sum : sum * x + power * coefficient),
    0,
  );
}

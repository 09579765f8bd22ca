// The detector's nonlinearity, by the polynomial that the device stores.

import { type Correction, type Counts, notApplied } from "./correction.ts";

export type NonlinearityFacts = {
  /** Factor from the signal to the polynomial's argument. */
  readonly argumentScale: number;
  /** Pixels without a usable value: NaN in the result. */
  readonly unusablePixels: number;
};

/**
 * y = s / p(a s) with p(x) = sum of c_k x^k: `signal` s is dark-subtracted counts, `coefficients` c ascend, and the
 * result is counts proportional to light. Source: the maker fits counts per second, normalised to 1, over counts by a
 * polynomial of order 7 and divides by it (OOINLCorrect instructions); python-seabreeze does the same.
 *
 * `argumentScale` a is 1 when the polynomial was fitted to counts of the scale of `signal`; docs/corrections.md tells
 * when it is not. A pixel whose polynomial is not above 0 or not finite becomes NaN and is counted.
 */
export function correctNonlinearity(
  signal: Counts,
  coefficients: readonly number[],
  argumentScale = 1,
): Correction<NonlinearityFacts> {
  const [constant, ...higher] = coefficients;
  const isFlat = higher.every((coefficient) => coefficient === 0);
  if (constant === undefined || (isFlat && (constant === 0 || constant === 1)))
    return notApplied("no-coefficients", `no nonlinearity polynomial in [${coefficients.join(", ")}]`);
  if (!coefficients.every(Number.isFinite) || !Number.isFinite(argumentScale))
    return notApplied(
      "coefficients-unusable",
      `nonlinearity coefficients [${coefficients.join(", ")}] are not all finite`,
    );
  const { counts, unusablePixels } = quotient(signal, Float64Array.from(coefficients), argumentScale);
  if (unusablePixels === counts.length)
    return notApplied(
      "coefficients-unusable",
      `the nonlinearity polynomial has no usable value at any of ${counts.length} pixels`,
    );
  return { applied: true, counts, facts: { argumentScale, unusablePixels } };
}

function quotient(
  signal: Counts,
  coefficients: Float64Array,
  argumentScale: number,
): { readonly counts: Float64Array; readonly unusablePixels: number } {
  const counts = new Float64Array(signal.length);
  let unusablePixels = 0;
  for (let pixel = 0; pixel < counts.length; pixel++) {
    const value = signal[pixel] ?? Number.NaN;
    const argument = value * argumentScale;
    let polynomial = 0;
    for (let power = coefficients.length - 1; power >= 0; power--)
      polynomial = polynomial * argument + (coefficients[power] ?? 0);
    const linear = value / polynomial;
    // An infinite polynomial would make 0 of any signal; written so that NaN counts as unusable too.
    const isUsable = polynomial > 0 && polynomial < Number.POSITIVE_INFINITY && Number.isFinite(linear);
    counts[pixel] = isUsable ? linear : Number.NaN;
    if (!isUsable) unusablePixels += 1;
  }
  return { counts, unusablePixels };
}

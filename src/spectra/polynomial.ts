// Polynomials as lists of coefficients in ascending powers.

/** The polynomial in x that `coefficients` are in `scale * x + offset`. As many coefficients as were given. */
export function substituted(
  coefficients: readonly number[],
  { scale = 1, offset = 0 }: { readonly scale?: number; readonly offset?: number },
): readonly number[] {
  let result: readonly number[] = [];
  // Horner's rule on polynomials: times (scale x + offset), plus the next coefficient.
  for (const coefficient of coefficients.toReversed()) {
    const times = [0, ...result].map((value, power) => scale * value + offset * (result[power] ?? 0));
    result = times
      .map((value, power) => (power === 0 ? value + coefficient : value))
      .slice(0, coefficients.length);
  }
  return result;
}

// Values over wavelength (or pixel index), and what lies between them. Nothing is ever extrapolated.

/** Values on their wavelengths in ascending order; NaN where there is no valid one. */
export interface Curve {
  readonly wavelengthsNm: Float64Array;
  readonly values: Float64Array;
}

/** Linear between the two neighbours; NaN outside of the curve, and beside a value that is NaN. */
export function valueAt({ wavelengthsNm, values }: Curve, nm: number): number {
  const last = wavelengthsNm.length - 1;
  const at = (index: number): number => wavelengthsNm[index] ?? Number.NaN;
  if (!(nm >= at(0) && nm <= at(last))) return Number.NaN;
  let [below, above] = [0, last];
  while (above - below > 1) {
    const middle = (below + above) >> 1;
    if (at(middle) <= nm) below = middle;
    else above = middle;
  }
  const [value = Number.NaN, next = Number.NaN] = [values[below], values[above]];
  if (nm === at(below)) return value;
  if (nm === at(above)) return next;
  return value + ((next - value) * (nm - at(below))) / (at(above) - at(below));
}

/** The curve on other wavelengths. */
export function resampled(curve: Curve, wavelengthsNm: Float64Array): Curve {
  return { wavelengthsNm, values: wavelengthsNm.map((nm) => valueAt(curve, nm)) };
}

/** Pixel by pixel of curves on the same wavelengths. */
export function combined(
  a: Curve,
  b: Curve,
  combine: (a: number, b: number, pixel: number) => number,
): Curve {
  const values = a.values.map((value, pixel) => combine(value, b.values[pixel] ?? Number.NaN, pixel));
  return { wavelengthsNm: a.wavelengthsNm, values };
}

// What an instrument is while its firmware bins pixels: fewer of them, each as wide as 2^binning. Pure.

import type { InstrumentIdentity } from "../../spectra/spectrum.ts";

/** The identity with `2^binning` neighbours as one pixel. Wavelengths are those of the middle of each group. */
export function binnedIdentity(identity: InstrumentIdentity, binning: number): InstrumentIdentity {
  if (binning === 0) return identity;
  const width = 2 ** binning;
  const pixels = Math.floor(identity.pixels / width);
  // Only groups that are dark, or see light, as a whole.
  const inner = ([from, to]: readonly [number, number]): readonly [number, number] => [
    Math.ceil(from / width),
    Math.min(pixels, Math.floor(to / width)),
  ];
  const { calibration, darkPixelRanges, opticalPixelRange } = identity;
  const wavelengthCoefficients = composed(calibration.wavelengthCoefficients, width, (width - 1) / 2);
  return {
    ...identity,
    pixels,
    darkPixelRanges: darkPixelRanges.map(inner).filter(([from, to]) => from < to),
    opticalPixelRange: inner(opticalPixelRange),
    calibration: { ...calibration, wavelengthCoefficients },
  };
}

/** Coefficients of p(scale x + offset), ascending powers, by Horner's scheme on polynomials. */
function composed(coefficients: readonly number[], scale: number, offset: number): readonly number[] {
  return coefficients.reduceRight<readonly number[]>((sum, coefficient) => {
    const product = Array.from({ length: sum.length + 1 }, (_, power) => {
      return (sum[power] ?? 0) * offset + (sum[power - 1] ?? 0) * scale;
    });
    return product.map((value, power) => (power === 0 ? value + coefficient : value));
  }, []);
}

// What an instrument is while its firmware bins pixels: fewer of them, each as wide as 2^binning. Pure.

import { substituted } from "../../spectra/polynomial.ts";
import type { InstrumentIdentity } from "../../spectra/spectrum.ts";
import { isUncalibrated } from "./calibration.ts";

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
  // Without a calibration the pixel index stands for one, and goes on doing so.
  const wavelengthCoefficients = isUncalibrated(calibration)
    ? calibration.wavelengthCoefficients
    : binnedCoefficients(calibration.wavelengthCoefficients, binning);
  return {
    ...identity,
    pixels,
    darkPixelRanges: darkPixelRanges.map(inner).filter(([from, to]) => from < to),
    opticalPixelRange: inner(opticalPixelRange),
    calibration: { ...calibration, wavelengthCoefficients },
    storedCalibration: calibration,
  };
}

/** A wavelength polynomial of single pixels as one of groups of 2^binning. */
export function binnedCoefficients(coefficients: readonly number[], binning: number): readonly number[] {
  const scale = 2 ** binning;
  return substituted(coefficients, { scale, offset: (scale - 1) / 2 });
}

// A light spectrum and its dark one as counts per second: what every level above raw counts is made from. Pure.

import { VscopeError } from "../base/errors.ts";
import { correctNonlinearity } from "./corrections/nonlinearity.ts";
import type { Curve } from "./curve.ts";
import type { PicoSpectrum } from "./pico.ts";
import { wavelengthsOf } from "./plot-series.ts";

/** A light spectrum with its dark one. */
export interface Exposed {
  readonly light: PicoSpectrum;
  readonly dark: PicoSpectrum;
}

/** Whether the instrument stores a polynomial to correct its nonlinearity with. */
export function isLinearizable({ nonlinearityCoefficients }: PicoSpectrum): boolean {
  return correctNonlinearity(Float64Array.of(1), nonlinearityCoefficients).applied;
}

/**
 * Dark-subtracted counts per second, corrected for nonlinearity: counts over the polynomial of the counts, as Ocean
 * Optics defines its coefficients. NaN for saturated pixels and those that see no light. Throws VALUE_INVALID when
 * the spectrometer has no wavelength calibration, or the dark is of another integration time.
 */
export function rateOf({ light, dark }: Exposed): Curve {
  const {
    counts,
    statistics,
    opticalPixelRange: [from, to],
    saturationLevel,
    integrationTimeUs,
  } = light;
  if (light.flags.includes("external_timing")) {
    const fact = "a signal from outside timed the exposure, how long it was is not known";
    throw new VscopeError("VALUE_INVALID", `${light.serial} ${light.channel}: ${fact}`);
  }
  if (dark.integrationTimeUs !== integrationTimeUs) {
    const fact = `a dark of ${dark.integrationTimeUs} us does not fit a light of ${integrationTimeUs} us`;
    throw new VscopeError("VALUE_INVALID", `${light.serial} ${light.channel}: ${fact}`);
  }
  const wavelengthsNm = wavelengthsOf(light);
  if (wavelengthsNm === undefined)
    throw new VscopeError("VALUE_INVALID", `${light.serial}: has no wavelength calibration`);
  const signal = Float64Array.from(counts, (count, pixel) => count - (dark.counts[pixel] ?? Number.NaN));
  const correction = correctNonlinearity(signal, isBinned(light) ? [] : light.nonlinearityCoefficients);
  const linear = correction.applied ? correction.counts : signal;
  // One saturated scan spoils the mean of all.
  const highest = statistics?.max ?? counts;
  const values = counts.map((_, pixel) => {
    if (pixel < from || pixel >= to || (highest[pixel] ?? 0) >= saturationLevel) return Number.NaN;
    return ((linear[pixel] ?? Number.NaN) / integrationTimeUs) * 1_000_000;
  });
  return { wavelengthsNm, values };
}

// What a firmware makes of binned pixels, no source tells.
export function isBinned({ processing }: PicoSpectrum): boolean {
  return processing !== null && processing.binning > 0;
}

/** The middle of the exposure. */
export function middleUtcUs({
  exposureStartUtcUs,
  exposureEndUtcUs,
  integrationTimeUs,
}: Pick<PicoSpectrum, "exposureStartUtcUs" | "exposureEndUtcUs" | "integrationTimeUs">): number {
  const endUtcUs = exposureEndUtcUs ?? exposureStartUtcUs + integrationTimeUs;
  return (exposureStartUtcUs + endUtcUs) / 2;
}

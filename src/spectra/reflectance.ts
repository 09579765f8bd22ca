// Reflectance of the target as a ratio of counts: (upwelling - dark) / time over (downwelling - dark) / time, where the
// downwelling light is interpolated to the time of the upwelling when it was recorded before and after. Pure.
// It is uncalibrated: a white panel or a cross-calibration of the two foreoptics is the user's.

import { VscopeError } from "../base/errors.ts";
import { correctNonlinearity } from "./corrections/nonlinearity.ts";
import type { PicoSpectrum } from "./pico.ts";
import { wavelengthsOf } from "./plot-series.ts";

/** A light spectrum with its dark one. */
export interface Exposed {
  readonly light: PicoSpectrum;
  readonly dark: PicoSpectrum;
}

/** Values on their wavelengths; NaN where there is no valid one. */
export interface Curve {
  readonly wavelengthsNm: Float64Array;
  readonly values: Float64Array;
}

export interface Band {
  readonly fromNm: number;
  readonly toNm: number;
  /** Pixels with a valid value, and those without: saturated, or too dark. */
  readonly pixels: number;
  readonly leftOut: number;
  readonly mean: number;
  readonly min: number;
  readonly max: number;
}

// Below this share of its peak the downwelling light is noise, and so would be the ratio.
const LEAST_SHARE = 0.01;

/** Whether the instrument stores a polynomial to correct its nonlinearity with. */
export function isLinearizable({ nonlinearityCoefficients }: PicoSpectrum): boolean {
  return correctNonlinearity(Float64Array.of(1), nonlinearityCoefficients).applied;
}

/**
 * Dark-subtracted counts per second, corrected for nonlinearity: counts over the polynomial of the counts, as Ocean
 * Optics defines its coefficients. NaN for saturated pixels and those that see no light. Throws VALUE_INVALID when
 * the spectrometer has no wavelength calibration, or the dark is of another integration time.
 */
function rateOf({ light, dark }: Exposed): Curve {
  const {
    counts,
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
  const values = counts.map((count, pixel) => {
    if (pixel < from || pixel >= to || count >= saturationLevel) return Number.NaN;
    return ((linear[pixel] ?? Number.NaN) / integrationTimeUs) * 1_000_000;
  });
  return { wavelengthsNm, values };
}

// What a firmware makes of binned pixels, no source tells.
function isBinned({ processing }: PicoSpectrum): boolean {
  return processing !== null && processing.binning > 0;
}

/**
 * Upwelling over downwelling on the wavelengths of the upwelling spectrum. Of several downwelling ones the nearest before
 * and after it count, by their distance in time; a single one, or one side alone, is taken as it is.
 */
export function reflectanceOf(upwelling: Exposed, downwelling: readonly Exposed[]): Curve {
  const up = rateOf(upwelling);
  const down = irradianceAt(middleUtcUs(upwelling.light), downwelling);
  const peak = down.values.reduce((largest, value) => (value > largest ? value : largest), 0);
  const values = up.values.map((value, pixel) => {
    const below = interpolated(down, up.wavelengthsNm[pixel] ?? Number.NaN, pixel);
    return below > peak * LEAST_SHARE ? value / below : Number.NaN;
  });
  return { wavelengthsNm: up.wavelengthsNm, values };
}

/** Rates at a moment, between those of the nearest spectra before and after it. Throws VALUE_INVALID without any. */
export function irradianceAt(utcUs: number, exposed: readonly Exposed[]): Curve {
  const distanceUs = ({ light }: Exposed): number => middleUtcUs(light) - utcUs;
  const byTime = [...exposed].sort((a, b) => distanceUs(a) - distanceUs(b));
  const before = byTime.findLast((one) => distanceUs(one) <= 0);
  const after = byTime.find((one) => distanceUs(one) > 0);
  const nearest = before ?? after;
  if (nearest === undefined)
    throw new VscopeError("VALUE_INVALID", "reflectance: there is no downwelling spectrum");
  if (before === undefined || after === undefined) return rateOf(nearest);
  const share = -distanceUs(before) / (distanceUs(after) - distanceUs(before));
  const [earlier, later] = [rateOf(before), rateOf(after)];
  const values = earlier.values.map((value, pixel) => {
    const end = later.values[pixel] ?? Number.NaN;
    return value + share * (end - value);
  });
  return { wavelengthsNm: earlier.wavelengthsNm, values };
}

function middleUtcUs({ exposureStartUtcUs, exposureEndUtcUs, integrationTimeUs }: PicoSpectrum): number {
  const endUtcUs = exposureEndUtcUs ?? exposureStartUtcUs + integrationTimeUs;
  return (exposureStartUtcUs + endUtcUs) / 2;
}

/** Mean and extremes of a curve in half-open bands between consecutive edges. */
export function bandsOf({ wavelengthsNm, values }: Curve, edgesNm: readonly number[]): readonly Band[] {
  return edgesNm.slice(1).map((toNm, index) => {
    const fromNm = edgesNm[index] ?? toNm;
    const all = values.filter((_, pixel) => {
      const nm = wavelengthsNm[pixel] ?? Number.NaN;
      return nm >= fromNm && nm < toNm;
    });
    const inside = all.filter(Number.isFinite);
    const leftOut = all.length - inside.length;
    const mean = inside.reduce((sum, value) => sum + value, 0) / inside.length;
    const [min, max] = [Math.min(...inside), Math.max(...inside)];
    return { fromNm, toNm, pixels: inside.length, leftOut, mean, min, max };
  });
}

// The channels can have calibrations of their own, which differ by a pixel or two: the search starts at the same pixel.
function interpolated({ wavelengthsNm, values }: Curve, nm: number, near: number): number {
  const at = (pixel: number): number => wavelengthsNm[pixel] ?? Number.NaN;
  let pixel = Math.min(near, values.length - 1);
  while (pixel > 0 && at(pixel) > nm) pixel -= 1;
  while (at(pixel + 1) <= nm) pixel += 1;
  const value = values[pixel] ?? Number.NaN;
  if (at(pixel) === nm) return value;
  const next = values[pixel + 1] ?? Number.NaN;
  return value + ((next - value) * (nm - at(pixel))) / (at(pixel + 1) - at(pixel));
}

// What a plot shows: curves over wavelength, with everything the renderers need. Pure.
// plot-terminal.ts and plot-svg.ts draw it.

import { VscopeError } from "../base/errors.ts";
import { compareText, type PicoSpectrum } from "./pico.ts";
import { wavelengthsNm } from "./spectrum.ts";

export interface PlotSeries {
  /** Such as `FLMT01859 upwelling, 250 ms`. */
  readonly label: string;
  /** Decides the colour: the same instrument and channel look the same in every plot. */
  readonly source: string;
  /** Wavelengths in nm, or pixel indices when the instrument is not calibrated. */
  readonly x: Float64Array;
  readonly counts: Float64Array;
  /** Raw counts; undefined where a line at this level would mislead, as after a subtraction. */
  readonly saturationLevel?: number;
  /** Peak of the raw counts as a share of the saturation level. */
  readonly peakShare: number;
  readonly isSimulated: boolean;
}

export interface Plot {
  readonly title: string;
  readonly xLabel: "wavelength / nm" | "pixel";
  readonly yLabel: string;
  readonly series: readonly PlotSeries[];
}

/** The raw counts of spectra. */
export function plotOf(title: string, spectra: readonly PicoSpectrum[]): Plot {
  return plot(title, "counts", spectra, (spectrum) => ({
    counts: spectrum.counts,
    saturationLevel: spectrum.saturationLevel,
  }));
}

/**
 * Light spectra minus the dark ones of the same instrument, channel and integration time that are nearest in time.
 * Throws VALUE_INVALID naming the light spectrum that has none.
 */
export function darkSubtractedPlot(
  title: string,
  lights: readonly PicoSpectrum[],
  darks: readonly PicoSpectrum[],
): Plot {
  return plot(title, "counts - dark", lights, (light) => ({
    counts: subtract(light, darkFor(light, darks)),
  }));
}

/** Spectra with counts that somebody has corrected. */
export function correctedPlot(
  title: string,
  spectra: readonly PicoSpectrum[],
  countsOf: (spectrum: PicoSpectrum) => Float64Array,
): Plot {
  return plot(title, "corrected counts", spectra, (spectrum) => ({ counts: countsOf(spectrum) }));
}

/** The dark spectrum that belongs to a light one. Throws VALUE_INVALID when there is none. */
function darkFor(light: PicoSpectrum, darks: readonly PicoSpectrum[]): PicoSpectrum {
  const distance = (dark: PicoSpectrum): number =>
    Math.abs(dark.exposureStartUtcUs - light.exposureStartUtcUs);
  const [nearest] = darks
    .filter(
      (dark) =>
        dark.serial === light.serial &&
        dark.channel === light.channel &&
        dark.integrationTimeUs === light.integrationTimeUs &&
        dark.counts.length === light.counts.length &&
        dark.processing?.boxcarHalfWidth === light.processing?.boxcarHalfWidth &&
        !light.flags.includes("external_timing"),
    )
    .sort((a, b) => distance(a) - distance(b));
  if (nearest !== undefined) return nearest;
  const { serial, channel, integrationTimeUs } = light;
  throw new VscopeError("VALUE_INVALID", `${serial} ${channel}: no dark spectrum of ${integrationTimeUs} us`);
}

/** Wavelengths of the pixels in nm, by the channel's calibration or else the device's; undefined without a usable one. */
export function wavelengthsOf(spectrum: PicoSpectrum): Float64Array | undefined {
  const coefficients = spectrum.channelWavelengthCoefficients ?? spectrum.wavelengthCoefficients;
  // A polynomial without slope, or the identity, is what instruments hold that were never calibrated.
  const isUsable =
    coefficients.slice(1).some((value) => value !== 0) && !spectrum.flags.includes("uncalibrated");
  return isUsable ? wavelengthsNm(coefficients, spectrum.counts.length) : undefined;
}

/** A number for people: four digits, no trailing zeros. */
export function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}

type Curve = Pick<PlotSeries, "counts"> & { readonly saturationLevel?: number };

function plot(
  title: string,
  yLabel: string,
  spectra: readonly PicoSpectrum[],
  curveOf: (spectrum: PicoSpectrum) => Curve,
): Plot {
  const wavelengths = spectra.map(wavelengthsOf);
  // One axis for all: when one instrument has no wavelengths, pixels are the only honest common axis.
  const isCalibrated = wavelengths.every((x) => x !== undefined);
  const series = spectra.map((spectrum, index) => {
    const x = isCalibrated ? wavelengths[index] : undefined;
    return seriesOf(
      spectrum,
      x ?? Float64Array.from(spectrum.counts, (_, pixel) => pixel),
      curveOf(spectrum),
    );
  });
  return {
    title,
    yLabel,
    xLabel: isCalibrated ? "wavelength / nm" : "pixel",
    series: series.sort((a, b) => compareText(a.label, b.label)),
  };
}

function seriesOf(spectrum: PicoSpectrum, x: Float64Array, curve: Curve): PlotSeries {
  const { serial, channel, kind, bracket, integrationTimeUs, saturationLevel, opticalPixelRange } = spectrum;
  const [from, to] = opticalPixelRange;
  const peak = spectrum.counts.slice(from, to).reduce((largest, value) => Math.max(largest, value), 0);
  return {
    label: `${serial} ${channel} ${kind}${bracket === null ? "" : ` ${bracket}`}, ${short(integrationTimeUs / 1000)} ms`,
    source: `${serial} ${channel}`,
    x,
    ...curve,
    peakShare: saturationLevel > 0 ? peak / saturationLevel : 0,
    isSimulated: spectrum.isSimulated === true,
  };
}

function subtract(light: PicoSpectrum, dark: PicoSpectrum): Float64Array {
  return light.counts.map((value, pixel) => value - (dark.counts[pixel] ?? 0));
}

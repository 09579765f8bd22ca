// Wavelength calibration of one spectrometer from spectra of lamps: peaks, their lines, and the polynomial through them.
// Lines that disagree with the others are left out, and told. Pure.

import { VscopeError } from "../../base/errors.ts";
import { substituted } from "../polynomial.ts";
import { wavelengthsNm } from "../spectrum.ts";
import { blendsOf, distinctLines, fitBlend } from "./blends.ts";
import type { EmissionLine } from "./lamp-lines.ts";
import { leastSquares } from "./least-squares.ts";
import { aligned, type Match, matchLines, typicalFwhmNm } from "./line-matching.ts";
import { findPeaks, medianOf, type Peak, type PeakSearch } from "./peaks.ts";

/** The spectrum of one lamp. */
export interface LampSpectrum extends PeakSearch {
  readonly lamp: string;
  /** Dark-subtracted. */
  readonly counts: Float64Array;
  /** Ascending. */
  readonly lines: readonly EmissionLine[];
}

export interface FittedLine {
  readonly lamp: string;
  readonly lineNm: number;
  /** All that it was fitted together with, itself too, where the instrument does not separate them. */
  readonly blendNm?: readonly number[];
  readonly pixel: number;
  readonly errorPixels: number;
  /** Fitted wavelength minus that of the line. */
  readonly residualNm: number;
  /** False: it disagrees with the others, and the fit does without it. */
  readonly isUsed: boolean;
}

export interface WavelengthFit {
  /** Ascending powers of the pixel index. */
  readonly coefficients: readonly number[];
  readonly lines: readonly FittedLine[];
  /** Over the lines that are used. */
  readonly rmsNm: number;
  readonly fwhmNm: number;
  /** From the first line to the last one; beyond, the polynomial is extrapolated. */
  readonly coveredNm: readonly [number, number];
}

export interface WavelengthFitOptions {
  readonly start: readonly number[];
  readonly degree: number;
}

/** So many lines more than the degree: a fit through as many as it has unknowns would fit anything. */
const SPARE_LINES = 5;
/** Standard error of a line, beside that of its peak: response of pixels, table, line shape; a share of the width. */
const FLOOR_FWHM = 0.005;
/** A residual of so many median deviations is an outlier, and never one below so many widths. */
const OUTLIER_MADS = 3.5;
const LEAST_OUTLIER_FWHM = 0.02;
const ROUNDS = 8;
/** The worst residuals that are believed, in widths, and the least share of the lines. */
const WORST_FWHM = 0.1;
const LEAST_SHARE = 0.5;

interface Pair extends Match {
  readonly lamp: string;
  readonly blendNm?: readonly number[];
}

/** A lamp's spectrum, and what of the lamp the instrument can tell apart. */
interface Found extends Omit<LampSpectrum, "lines"> {
  readonly lines: readonly number[];
  readonly peaks: readonly Peak[];
}

/** Throws VALUE_INVALID when the lines are too few, with those that were found, or do not agree. */
export function fitWavelengths(
  spectra: readonly LampSpectrum[],
  { start, degree }: WavelengthFitOptions,
): WavelengthFit {
  const pixels = spectra[0]?.counts.length ?? 0;
  const startNm = wavelengthsNm(start, pixels);
  const peaks = spectra.map((spectrum) => findPeaks(spectrum.counts, spectrum));
  const fwhmNm = typicalFwhmNm(peaks.flat(), startNm);
  const found = spectra.map((spectrum, index): Found => {
    const lines = distinctLines(spectrum.lines, fwhmNm);
    return { ...spectrum, lines, peaks: peaks[index] ?? [] };
  });
  // Few lines, or some wrong ones, hold a slightly bent axis better than a free one.
  const options = { fewest: degree + SPARE_LINES, pixels, fwhmNm };
  const fitted = (pixelNm: Float64Array, now: number) =>
    fitOf(singles(found, pixelNm, fwhmNm), { ...options, degree: now });
  const rough = fitted(aligned(found, startNm, fwhmNm), Math.min(2, degree));
  const better = wavelengthsNm(
    fitted(wavelengthsNm(rough.coefficients, pixels), degree).coefficients,
    pixels,
  );
  // Blends are found where lines that stand alone say that they are.
  const pairs = [...singles(found, better, fwhmNm), ...together(found, better, fwhmNm)];
  return checked(fitOf(pairs, { ...options, degree }));
}

function singles(found: readonly Found[], pixelNm: Float64Array, fwhmNm: number): readonly Pair[] {
  return found.flatMap((spectrum) =>
    matchLines(spectrum, pixelNm, fwhmNm).map((match) => ({ ...match, lamp: spectrum.lamp })),
  );
}

function together(found: readonly Found[], pixelNm: Float64Array, fwhmNm: number): readonly Pair[] {
  return found.flatMap((spectrum) =>
    blendsOf(spectrum.lines, fwhmNm).flatMap((blendNm): Pair[] => {
      const match = fitBlend(blendNm, { ...spectrum, pixelNm, fwhmNm });
      return match === undefined ? [] : [{ ...match, lamp: spectrum.lamp, blendNm }];
    }),
  );
}

/** A polynomial goes through any lines: those of the wrong lamp, or after a start too far off, agree badly. */
function checked(fit: WavelengthFit): WavelengthFit {
  const used = fit.lines.filter(({ isUsed }) => isUsed).length;
  if (fit.rmsNm <= WORST_FWHM * fit.fwhmNm && used >= LEAST_SHARE * fit.lines.length) return fit;
  const fact = `${used} of ${fit.lines.length} lines agree within ${fit.rmsNm.toFixed(3)} nm RMS`;
  const limit = `${(WORST_FWHM * fit.fwhmNm).toFixed(3)} nm and half of them are needed`;
  throw new VscopeError("VALUE_INVALID", `lamps: ${fact}, ${limit}; another lamp, or a start too far off`);
}

interface FitOf {
  readonly degree: number;
  /** Lines. */
  readonly fewest: number;
  readonly pixels: number;
  readonly fwhmNm: number;
}

function fitOf(pairs: readonly Pair[], options: FitOf): WavelengthFit {
  const { fwhmNm } = options;
  let used: readonly Pair[] = pairs;
  let coefficients = polynomialThrough(used, options);
  for (let round = 0; round < ROUNDS; round++) {
    const fit = coefficients;
    const sizes = Float64Array.from(used, (pair) => Math.abs(residualOf(pair, fit)));
    const limit = Math.max(OUTLIER_MADS * 1.4826 * medianOf(sizes), LEAST_OUTLIER_FWHM * fwhmNm);
    const kept = pairs.filter((pair) => Math.abs(residualOf(pair, fit)) <= limit);
    const isSettled = kept.length === used.length && kept.every((pair, index) => pair === used[index]);
    used = kept;
    if (isSettled) break;
    coefficients = polynomialThrough(used, options);
  }
  const lines = pairs.map((pair) => ({
    lamp: pair.lamp,
    lineNm: pair.lineNm,
    ...(pair.blendNm !== undefined && { blendNm: pair.blendNm }),
    pixel: pair.peak.pixel,
    errorPixels: pair.peak.errorPixels,
    residualNm: residualOf(pair, coefficients),
    isUsed: used.includes(pair),
  }));
  return { coefficients, lines: lines.sort((a, b) => a.lineNm - b.lineNm), ...summaryOf(lines), fwhmNm };
}

function summaryOf(lines: readonly FittedLine[]): Pick<WavelengthFit, "rmsNm" | "coveredNm"> {
  const used = lines.filter(({ isUsed }) => isUsed);
  const squares = used.reduce((sum, { residualNm }) => sum + residualNm * residualNm, 0);
  const nm = used.map(({ lineNm }) => lineNm);
  return { rmsNm: Math.sqrt(squares / used.length), coveredNm: [Math.min(...nm), Math.max(...nm)] };
}

function polynomialThrough(
  pairs: readonly Pair[],
  { degree, fewest, pixels, fwhmNm }: FitOf,
): readonly number[] {
  const listed = pairs.map(({ lamp, lineNm }) => `${lamp} ${lineNm}`).join(", ");
  const fact = `lamps: ${pairs.length} lines found that agree${listed === "" ? "" : ` (${listed})`}`;
  if (pairs.length < fewest)
    throw new VscopeError("VALUE_INVALID", `${fact}, ${fewest} are needed; a lower degree needs fewer`);
  const half = pixels / 2;
  const pixelNm = spanOf(pairs);
  const observations = pairs.map(({ peak, lineNm }) => {
    const x = (peak.pixel - half) / half;
    const errorNm = Math.hypot(peak.errorPixels * pixelNm, FLOOR_FWHM * fwhmNm);
    return {
      terms: Array.from({ length: degree + 1 }, (_, power) => x ** power),
      value: lineNm,
      weight: (fwhmNm / errorNm) ** 2,
    };
  });
  const scaled = leastSquares(observations, degree + 1);
  if (scaled === undefined)
    throw new VscopeError("VALUE_INVALID", `${fact}, but they do not determine a polynomial`);
  return substituted(scaled, { scale: 1 / half, offset: -1 });
}

/** Wavelengths that a pixel spans, on the average. */
function spanOf(pairs: readonly Pair[]): number {
  const extent = (values: readonly number[]): number => Math.max(...values) - Math.min(...values);
  return extent(pairs.map(({ lineNm }) => lineNm)) / extent(pairs.map(({ peak }) => peak.pixel));
}

function residualOf({ peak, lineNm }: Pair, coefficients: readonly number[]): number {
  return coefficients.reduceRight((sum, one) => sum * peak.pixel + one, 0) - lineNm;
}

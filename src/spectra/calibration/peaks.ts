// Narrow emission lines in a spectrum: where their centres are, to a small fraction of a pixel. Pure.
// Each is a Gaussian on a level background; neighbours are subtracted from each other until they stand alone.

import { leastSquares } from "./least-squares.ts";

export interface Peak {
  /** Centre, as a fraction between pixel indices. */
  readonly pixel: number;
  readonly height: number;
  readonly fwhmPixels: number;
  /** Standard error of the centre, from what the Gaussian leaves. */
  readonly errorPixels: number;
}

export interface PeakSearch {
  /** Half-open range of pixels that see light. */
  readonly range: readonly [number, number];
  /** Whether a pixel is at the limit of the detector: no line that it belongs to has a centre. */
  readonly isSaturated: (pixel: number) => boolean;
}

interface Bell {
  readonly height: number;
  readonly pixel: number;
  readonly sigma: number;
}

/** A maximum counts from so many standard deviations of the noise on. */
const LEAST_SIGMAS = 5;
export const FWHM_PER_SIGMA = 2 * Math.sqrt(2 * Math.LN2);
/** A Gaussian is fitted to so much on either side, in full widths at half maximum. */
const WINDOW_FWHM = 1.5;
const ROUNDS = 6;
const BACKGROUND_PIXELS = 50;
/** A hot pixel is narrower than the lines of the instrument, and what is no single line is wider. */
const WIDTHS: readonly [number, number] = [0.6, 1.45];
/** Those that tell the width of a line: the highest ones. */
const WIDTH_FROM = 12;

/** The unsaturated peaks of dark-subtracted counts, by pixel. */
export function findPeaks(counts: Float64Array, search: PeakSearch): readonly Peak[] {
  const light = withoutBackground(counts, search.range);
  const noise = noiseOf(light, search.range);
  const starts = maxima(light, search, LEAST_SIGMAS * noise);
  const sigma = typicalSigma(starts);
  const bells = starts.filter((bell) => isLine(bell, sigma)).map((bell) => ({ ...bell, sigma }));
  return settled(light, bells, search.range)
    .filter((peak) => isLine({ ...peak, sigma: peak.fwhmPixels / FWHM_PER_SIGMA }, sigma))
    .filter((peak) => peak.height > LEAST_SIGMAS * noise && !touches(peak, search));
}

/** Less the running median, which no narrow line moves. */
function withoutBackground(counts: Float64Array, [from, to]: readonly [number, number]): Float64Array {
  return counts.map((count, pixel) => {
    if (pixel < from || pixel >= to) return 0;
    const near = counts.slice(
      Math.max(from, pixel - BACKGROUND_PIXELS),
      Math.min(to, pixel + BACKGROUND_PIXELS + 1),
    );
    return count - medianOf(near);
  });
}

/** Standard deviation of a pixel, by the differences of neighbours, most of which are far from any line. */
function noiseOf(light: Float64Array, [from, to]: readonly [number, number]): number {
  const differences = light.slice(from + 1, to).map((value, index) => {
    return Math.abs(value - (light[from + index] ?? 0));
  });
  return Math.max((1.4826 * medianOf(differences)) / Math.SQRT2, Number.MIN_VALUE);
}

/** Maxima among their two neighbours on either side, with a parabola through the logarithms of three pixels. */
function maxima(light: Float64Array, search: PeakSearch, threshold: number): readonly Bell[] {
  const found: Bell[] = [];
  for (let pixel = search.range[0] + 2; pixel < search.range[1] - 2; pixel++) {
    const [a = 0, b = 0, c = 0, d = 0, e = 0] = light.slice(pixel - 2, pixel + 3);
    if (c <= threshold || c < b || c <= d || c <= a || c <= e) continue;
    const floor = threshold / (10 * LEAST_SIGMAS);
    const [left = 0, top = 0, right = 0] = [b, c, d].map((value) => Math.log(Math.max(value, floor)));
    const curvature = 2 * top - left - right;
    const shift = Math.min(Math.max((right - left) / (2 * curvature), -1), 1);
    found.push({ height: c, pixel: pixel + shift, sigma: 1 / Math.sqrt(curvature) });
  }
  return found;
}

function typicalSigma(bells: readonly Bell[]): number {
  const highest = bells.toSorted((a, b) => b.height - a.height).slice(0, WIDTH_FROM);
  return medianOf(Float64Array.from(highest, ({ sigma }) => sigma));
}

function isLine(bell: { readonly sigma: number }, sigma: number): boolean {
  return bell.sigma > WIDTHS[0] * sigma && bell.sigma < WIDTHS[1] * sigma;
}

/** Fits each Gaussian to what the others leave, until none moves any more. */
function settled(
  light: Float64Array,
  starts: readonly Bell[],
  range: readonly [number, number],
): readonly Peak[] {
  let bells = starts;
  let peaks: readonly Peak[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const rest = light.slice();
    for (const bell of bells) add(rest, bell, -1);
    const fits = bells.map((bell) => {
      add(rest, bell, 1);
      const peak = fitted(rest, bell, range);
      add(rest, bell, -1);
      return peak;
    });
    peaks = fits.flatMap((peak) => peak ?? []);
    bells = peaks.map((peak) => ({ ...peak, sigma: peak.fwhmPixels / FWHM_PER_SIGMA }));
  }
  return peaks;
}

function add(light: Float64Array, { height, pixel, sigma }: Bell, sign: 1 | -1): void {
  const reach = Math.ceil(6 * sigma);
  for (
    let at = Math.max(0, Math.floor(pixel) - reach);
    at <= Math.min(pixel + reach, light.length - 1);
    at++
  ) {
    light[at] = (light[at] ?? 0) + sign * height * Math.exp(-0.5 * ((at - pixel) / sigma) ** 2);
  }
}

/** One step of Gauss-Newton for height, centre, width and background; undefined when it leaves its line. */
function fitted(light: Float64Array, bell: Bell, [low, high]: readonly [number, number]): Peak | undefined {
  const reach = Math.max(2, Math.round(WINDOW_FWHM * FWHM_PER_SIGMA * bell.sigma));
  const centre = Math.round(bell.pixel);
  const from = Math.max(low, centre - reach);
  const to = Math.min(high, centre + reach + 1);
  const window = Array.from(light.slice(from, to), (value, index) => {
    const x = (from + index - bell.pixel) / bell.sigma;
    const shape = Math.exp(-0.5 * x * x);
    const slope = (bell.height * shape) / bell.sigma;
    return { terms: [shape, slope * x, slope * x * x, 1], value: value - bell.height * shape, weight: 1 };
  });
  const step = leastSquares(window, 4);
  if (step === undefined) return undefined;
  const [dHeight = 0, dPixel = 0, dSigma = 0] = step;
  const limit = bell.sigma / 2;
  const sigma = bell.sigma + Math.min(Math.max(dSigma, -limit), limit);
  const pixel = bell.pixel + Math.min(Math.max(dPixel, -limit), limit);
  const height = bell.height + dHeight;
  if (!(height > 0) || pixel < from || pixel > to - 1) return undefined;
  const left = window.map(
    ({ terms, value }) => value - terms.reduce((sum, term, index) => sum + term * (step[index] ?? 0), 0),
  );
  const scatter = Math.sqrt(left.reduce((sum, one) => sum + one * one, 0) / Math.max(1, left.length - 4));
  // Of the centre of a Gaussian in white noise; the background takes no part in it, being even.
  const errorPixels = (scatter / height) * Math.sqrt((2 * sigma) / Math.sqrt(Math.PI));
  return { pixel, height, fwhmPixels: sigma * FWHM_PER_SIGMA, errorPixels };
}

function touches({ pixel, fwhmPixels }: Peak, { isSaturated }: PeakSearch): boolean {
  for (let at = Math.floor(pixel - fwhmPixels); at <= Math.ceil(pixel + fwhmPixels); at++)
    if (isSaturated(at)) return true;
  return false;
}

export function medianOf(values: Float64Array): number {
  return values.toSorted()[values.length >> 1] ?? Number.NaN;
}

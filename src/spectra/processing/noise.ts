// How noisy a detector is, found from the data themselves (photon transfer): the noise of the readout, and how many electrons
// one count stands for, which sets the photon noise. Pure.

import type { PicoSpectrum } from "../pico.ts";
import { type Exposed, isBinned } from "../signal-rate.ts";
import { scansOf } from "./product.ts";

export interface NoiseModel {
  /** Standard deviation of one scan without light, in raw counts; with the noise of the dark signal. */
  readonly readNoiseCounts: number;
  readonly electronsPerCount: number;
}

/** Two spectra of one spectrometer and channel with the same settings, each with its dark; of two darks, with itself. */
export type NoisePair = readonly [Exposed, Exposed];

// y = readNoise^2 a + b / electronsPerCount, the mean of `pixels` squares.
interface Sample {
  readonly a: number;
  readonly b: number;
  readonly y: number;
}

const PIXELS_IN_SAMPLE = 64;
/** Scans from which on the spread among them tells something. */
const LEAST_SCANS = 8;
const LEAST_SAMPLES = 12;
const ROUNDS = 8;

/**
 * Fits the variance of single scans over the signal by a line. The variance comes from the scans where the host averaged
 * some, else from the differences of pairs: one spectrum less the other, scaled to the same light; and of these the
 * differences of neighbouring pixels, so that light whose colour has changed a little does not look like noise. Undefined
 * when there is too little to fit, or no line with noise above 0.
 */
export function noiseOf(pairs: readonly NoisePair[]): NoiseModel | undefined {
  const samples = pairs.flatMap(samplesOf);
  if (samples.length < LEAST_SAMPLES) return undefined;
  let model = { variance: 1, slope: 1 };
  for (let round = 0; round < ROUNDS; round++) {
    const next = fit(samples, round === 0 ? undefined : model);
    if (!(next.variance > 0 && next.slope > 0)) return undefined;
    model = next;
  }
  return { readNoiseCounts: Math.sqrt(model.variance), electronsPerCount: 1 / model.slope };
}

/** Variance of the counts of a spectrum, whose `signal` is its counts above the dark; smoothing is taken as a mean. */
export function varianceOf(
  spectrum: PicoSpectrum,
  signal: Float64Array,
  { readNoiseCounts, electronsPerCount }: NoiseModel,
): Float64Array {
  const averaged = scansOf(spectrum) * (2 * (spectrum.processing?.boxcarHalfWidth ?? 0) + 1);
  return signal.map((value) => (readNoiseCounts ** 2 + Math.max(value, 0) / electronsPerCount) / averaged);
}

function samplesOf([first, second]: NoisePair): readonly Sample[] {
  const { light } = first;
  if (isBinned(light) || (light.processing?.boxcarHalfWidth ?? 0) > 0) return [];
  const signal = signalOf(first);
  const isUsable = light.counts.map((_, pixel) => Number(isBelow(first, pixel) && isBelow(second, pixel)));
  const deviceScans = light.processing?.scans ?? 1;
  const { statistics } = light;
  if (statistics !== null && statistics.scans >= LEAST_SCANS) {
    const squares = statistics.standardDeviation.map((value) => value * value * deviceScans);
    return sampled(signal, squares, isUsable).map(({ mean, y }) => ({ a: 1, b: mean, y }));
  }
  // A spectrum does not differ from itself.
  if (light === second.light) return [];
  const share = sharesOf(signal, signalOf(second));
  if (!(share > 0.5 && share < 2)) return [];
  return pairSamples(first, second, share, isUsable);
}

// Of d = x - share x', the variance is r^2 (1 + share^2) + (s + share^2 s') / g, and share s' is s.
function pairSamples(
  first: Exposed,
  second: Exposed,
  share: number,
  isUsable: Float64Array,
): readonly Sample[] {
  const signal = signalOf(first);
  const difference = signal.map(
    (value, pixel) => value - share * ((second.light.counts[pixel] ?? 0) - (first.dark.counts[pixel] ?? 0)),
  );
  // Of d(i) - d(i-1) the variance is that of both.
  const squares = difference.map(
    (value, pixel) => ((value - (difference[pixel - 1] ?? Number.NaN)) ** 2 / 2) * scansOf(first.light),
  );
  const both = isUsable.map((usable, pixel) => usable * (isUsable[pixel - 1] ?? 0));
  const smooth = signal.map((value, pixel) => (value + (signal[pixel - 1] ?? value)) / 2);
  return sampled(smooth, squares, both).map(({ mean, y }) => ({
    a: 1 + share ** 2,
    b: mean * (1 + share),
    y,
  }));
}

function signalOf({ light, dark }: Exposed): Float64Array {
  if (light === dark) return new Float64Array(light.counts.length);
  return light.counts.map((count, pixel) => count - (dark.counts[pixel] ?? Number.NaN));
}

function isBelow({ light: { counts, statistics, saturationLevel } }: Exposed, pixel: number): boolean {
  return ((statistics?.max ?? counts)[pixel] ?? Number.POSITIVE_INFINITY) < saturationLevel;
}

/** How much brighter the first one is. */
function sharesOf(signal: Float64Array, other: Float64Array): number {
  const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);
  const [first, second] = [sum(signal), sum(other)];
  return first === 0 && second === 0 ? 1 : first / second;
}

/** Means over pixels with about the same signal. */
function sampled(
  signal: Float64Array,
  squares: Float64Array,
  isUsable: Float64Array,
): readonly { readonly mean: number; readonly y: number }[] {
  const pixels = [...signal.keys()]
    .filter((pixel) => isUsable[pixel] === 1 && Number.isFinite(squares[pixel]))
    .sort((a, b) => (signal[a] ?? 0) - (signal[b] ?? 0));
  const samples: { readonly mean: number; readonly y: number }[] = [];
  for (let from = 0; from + PIXELS_IN_SAMPLE <= pixels.length; from += PIXELS_IN_SAMPLE) {
    const group = pixels.slice(from, from + PIXELS_IN_SAMPLE);
    const meanOf = (values: Float64Array): number =>
      group.reduce((sum, pixel) => sum + (values[pixel] ?? 0), 0) / PIXELS_IN_SAMPLE;
    samples.push({ mean: Math.max(0, meanOf(signal)), y: meanOf(squares) });
  }
  return samples;
}

/** Weighted least squares; the spread of a variance is proportional to the variance, as the fit before has it. */
function fit(samples: readonly Sample[], before: { variance: number; slope: number } | undefined) {
  let [aa, ab, bb, ay, by] = [0, 0, 0, 0, 0];
  for (const { a, b, y } of samples) {
    const expected = before === undefined ? Math.max(y, 1) : before.variance * a + before.slope * b;
    const weight = 1 / expected ** 2;
    aa += weight * a * a;
    ab += weight * a * b;
    bb += weight * b * b;
    ay += weight * a * y;
    by += weight * b * y;
  }
  const determinant = aa * bb - ab * ab;
  return { variance: (ay * bb - by * ab) / determinant, slope: (by * aa - ay * ab) / determinant };
}

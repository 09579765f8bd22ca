// What a frame tells the search for an integration time: its peak, the signal in it and how sure that is. Pure.
// The largest of two thousand noisy pixels is above the light that they saw; a dim signal is therefore read from means.

import type { InstrumentIdentity } from "./spectrum.ts";

/** One exposure of the search. */
export interface Trial {
  readonly integrationTimeUs: number;
  /** Of the brightest pixel, offset included: this is what may saturate. */
  readonly peakCounts: number;
  /** What the detector gives without any light in no time. */
  readonly offsetCounts: number;
  /** Best guess of the peak above the offset: of light, not of noise. */
  readonly signalCounts: number;
  /** Standard deviation of one pixel. */
  readonly noiseCounts: number;
  /** The brightest pixel, when its neighbours have less than half of its signal: no light makes that, but a hot pixel. */
  readonly lonePixel?: number;
}

type Frame = ArrayLike<number>;
type Layout = Pick<InstrumentIdentity, "darkPixelRanges" | "opticalPixelRange">;

/** Pixels are averaged in so many groups; a group is narrower than the bands of daylight. */
const GROUPS = 128;
/** The largest of so many noisy means is this many standard errors above the true one. */
const LARGEST_OF_GROUPS = 2.3;
/** A pixel this many standard deviations above its group is a line or a hot pixel. */
const LONE_PIXEL = 5;
const FEWEST_DARK_PIXELS = 4;
/** The darkest group stands for the offset where no pixel is optically dark: this share of groups lies below it. */
const DARKEST_SHARE = 0.02;
/** Median of the distance of two neighbours with Gaussian noise of standard deviation 1. */
const MEDIAN_STEP = 0.954;

export function trialOf(counts: Frame, layout: Layout, integrationTimeUs: number): Trial {
  const [from, end] = layout.opticalPixelRange;
  const lit = Array.from(counts).slice(from, end);
  const noiseCounts = noiseOf(lit);
  const width = Math.max(1, Math.round(lit.length / GROUPS));
  const groups = meansOf(lit, width);
  const offsetCounts = darkMean(counts, layout.darkPixelRanges) ?? quantileOf(groups, DARKEST_SHARE);
  const peakCounts = largestOf(lit);
  const smooth = largestOf(groups) - (LARGEST_OF_GROUPS * noiseCounts) / Math.sqrt(width);
  const isLone = peakCounts > smooth + LONE_PIXEL * noiseCounts;
  const signalCounts = Math.max(0, (isLone ? peakCounts - noiseCounts : smooth) - offsetCounts);
  const peakPixel = lit.indexOf(peakCounts) + from;
  return {
    integrationTimeUs,
    peakCounts,
    offsetCounts,
    signalCounts,
    noiseCounts,
    ...(isHot(counts, peakPixel, offsetCounts) ? { lonePixel: peakPixel } : {}),
  };
}

// A line is wider than a pixel.
function isHot(counts: Frame, pixel: number, offsetCounts: number): boolean {
  const half = ((counts[pixel] ?? 0) - offsetCounts) / 2;
  return [pixel - 1, pixel + 1].every((beside) => (counts[beside] ?? 0) - offsetCounts < half);
}

// From the distance of neighbours: neither the shape of the light nor a hot pixel counts.
function noiseOf(values: readonly number[]): number {
  const steps = values.slice(1).map((value, index) => Math.abs(value - (values[index] ?? 0)));
  return quantileOf(steps, 0.5) / MEDIAN_STEP;
}

function meansOf(values: readonly number[], width: number): number[] {
  const groups = Math.floor(values.length / width);
  return Array.from({ length: groups }, (_, group) =>
    meanOf(values.slice(group * width, (group + 1) * width)),
  );
}

function darkMean(counts: Frame, ranges: Layout["darkPixelRanges"]): number | undefined {
  const dark = ranges.flatMap(([from, end]) => Array.from(counts).slice(from, end));
  return dark.length < FEWEST_DARK_PIXELS ? undefined : meanOf(dark);
}

function quantileOf(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(share * (values.length - 1))] ?? 0;
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

function largestOf(values: readonly number[]): number {
  return values.reduce((largest, value) => Math.max(largest, value), 0);
}

// Which line of a lamp each peak is, from wavelengths that may be some nanometres off: the shift and stretch of the
// axis under which most peaks meet a line. Pure.

import { blendsOf } from "./blends.ts";
import type { Peak } from "./peaks.ts";

export interface Match {
  readonly peak: Peak;
  readonly lineNm: number;
}

/** The peaks of one lamp's spectrum, and the lines of that lamp in nm, ascending. */
export interface LampPeaks {
  readonly peaks: readonly Peak[];
  readonly lines: readonly number[];
}

/** Straight correction of the axis: nm + shiftNm + stretch * (nm - middleNm). */
interface Correction {
  readonly shiftNm: number;
  readonly stretch: number;
}

/** How far the start may be off, and in which steps that is looked for. */
const FARTHEST_NM = 6;
const FARTHEST_STRETCH = 0.01;
const STRETCH_STEP = 0.0005;
/** A peak meets a line within so much of the width of a line. */
const NEAR_FWHM = 0.5;

/** The wavelengths `startNm` moved so that most peaks of all lamps meet a line. */
export function aligned(lamps: readonly LampPeaks[], startNm: Float64Array, fwhmNm: number): Float64Array {
  const placed = lamps.map(({ peaks, lines }) => ({
    lines,
    nm: peaks.map(({ pixel }) => nmAt(startNm, pixel)),
  }));
  const middleNm = startNm[startNm.length >> 1] ?? 0;
  const correction = bestCorrection({ placed, middleNm, nearNm: NEAR_FWHM * fwhmNm });
  return startNm.map((nm) => moved(nm, correction, middleNm));
}

/** One to one, by pixel; peaks without a line, lines without a peak and those in a blend are in no match. */
export function matchLines(
  { peaks, lines }: LampPeaks,
  pixelNm: Float64Array,
  fwhmNm: number,
): readonly Match[] {
  const placed = peaks.map((peak) => ({ peak, nm: nmAt(pixelNm, peak.pixel) }));
  const matches = oneToOne(placed, lines, NEAR_FWHM * fwhmNm);
  const blended = new Set(blendsOf(lines, fwhmNm).flat());
  return matches.filter(({ lineNm }) => !blended.has(lineNm));
}

function nmAt(pixelNm: Float64Array, pixel: number): number {
  const below = Math.floor(pixel);
  const nm = pixelNm[below] ?? Number.NaN;
  return nm + (pixel - below) * ((pixelNm[below + 1] ?? nm) - nm);
}

/** Width of a line of the instrument: the median over the peaks. */
export function typicalFwhmNm(peaks: readonly Peak[], nm: Float64Array): number {
  const widths = peaks.map(({ pixel, fwhmPixels }) => fwhmPixels * stepNm(nm, Math.round(pixel)));
  return widths.toSorted((a, b) => a - b)[widths.length >> 1] ?? Number.NaN;
}

function stepNm(nm: Float64Array, pixel: number): number {
  const [before, after] = [Math.max(0, pixel - 1), Math.min(nm.length - 1, pixel + 1)];
  return ((nm[after] ?? Number.NaN) - (nm[before] ?? Number.NaN)) / (after - before);
}

interface Search {
  readonly placed: readonly { readonly nm: readonly number[]; readonly lines: readonly number[] }[];
  readonly middleNm: number;
  readonly nearNm: number;
}

function bestCorrection(search: Search): Correction {
  const stepNm = search.nearNm / 4;
  let best: Correction = { shiftNm: 0, stretch: 0 };
  let most = 0;
  for (let stretch = -FARTHEST_STRETCH; stretch <= FARTHEST_STRETCH; stretch += STRETCH_STEP) {
    for (let shiftNm = -FARTHEST_NM; shiftNm <= FARTHEST_NM; shiftNm += stepNm) {
      const score = scoreOf({ shiftNm, stretch }, search);
      if (score > most) [most, best] = [score, { shiftNm, stretch }];
    }
  }
  return best;
}

/** Over all peaks: 1 for one that is on a line, less for one beside it, 0 from `nearNm` on. */
function scoreOf(correction: Correction, { placed, middleNm, nearNm }: Search): number {
  let score = 0;
  for (const { nm, lines } of placed) {
    for (const one of nm) {
      const wanted = moved(one, correction, middleNm);
      score += Math.max(0, 1 - Math.abs(nearest(lines, wanted) - wanted) / nearNm);
    }
  }
  return score;
}

function moved(nm: number, { shiftNm, stretch }: Correction, middleNm: number): number {
  return nm + shiftNm + stretch * (nm - middleNm);
}

/** The pairs that are nearest first; nothing is in two pairs. */
function oneToOne(
  placed: readonly { readonly peak: Peak; readonly nm: number }[],
  lines: readonly number[],
  nearNm: number,
): readonly Match[] {
  const pairs = placed
    .map(({ peak, nm }) => ({ peak, nm, lineNm: nearest(lines, nm) }))
    .filter(({ nm, lineNm }) => Math.abs(nm - lineNm) < nearNm)
    .sort((a, b) => Math.abs(a.nm - a.lineNm) - Math.abs(b.nm - b.lineNm));
  const taken = new Set<number>();
  const kept = pairs.filter(({ lineNm }) => !taken.has(lineNm) && taken.add(lineNm));
  return kept.map(({ peak, lineNm }) => ({ peak, lineNm })).sort((a, b) => a.peak.pixel - b.peak.pixel);
}

/** By bisection: this runs for every peak of every trial. */
function nearest(lines: readonly number[], nm: number): number {
  let [below, above] = [0, lines.length - 1];
  while (above - below > 1) {
    const middle = (below + above) >> 1;
    if ((lines[middle] ?? 0) <= nm) below = middle;
    else above = middle;
  }
  const [low = Number.NaN, high = Number.NaN] = [lines[below], lines[above]];
  return nm - low <= high - nm ? low : high;
}

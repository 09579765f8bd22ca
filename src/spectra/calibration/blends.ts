// Lines that an instrument does not separate, fitted together: how far they are from each other is known, so one shift
// places all of them, whatever each one's power is. Pure.

import { type Curve, valueAt } from "../curve.ts";
import type { EmissionLine } from "./lamp-lines.ts";
import { leastSquares } from "./least-squares.ts";
import { FWHM_PER_SIGMA, type Peak, type PeakSearch } from "./peaks.ts";

/** A line with a neighbour nearer than this, in widths, is in a blend: its maximum is not where it is. */
const BLEND_FWHM = 1.6;
/** Lines nearer than this are one: what each one's power is cannot be told. */
const ONE_FWHM = 0.05;
/** Over more widths the distances in pixels are not sure enough. */
const WIDEST_FWHM = 3;
/** Pixels so far beyond the outermost line count, and lines that shine into them. */
const MARGIN_FWHM = 1;
const ROUNDS = 10;
/** The wavelengths before are better than this, and a centre has to be. */
const FARTHEST_FWHM = 0.5;
const WORST_ERROR_FWHM = 0.05;

/** Lines that lie together as one, at the middle of their power. */
export function distinctLines(lines: readonly EmissionLine[], fwhmNm: number): readonly number[] {
  const groups = splitWhere(lines, (gapNm) => gapNm >= ONE_FWHM * fwhmNm);
  return groups.map((group) => {
    const [[nm] = [Number.NaN]] = group;
    if (group.length === 1) return nm;
    const power = group.reduce((sum, [, one]) => sum + one, 0);
    return group.reduce((sum, [each, one]) => sum + each * one, 0) / power;
  });
}

/** Which lines are to be fitted together, ascending; lines that stand alone are in none. */
export function blendsOf(lines: readonly number[], fwhmNm: number): readonly (readonly number[])[] {
  const chains = splitWhere(
    lines.map((nm) => [nm] as const),
    (gapNm) => gapNm >= BLEND_FWHM * fwhmNm,
  );
  return chains
    .flatMap((chain) =>
      narrowed(
        chain.map(([nm]) => nm),
        WIDEST_FWHM * fwhmNm,
      ),
    )
    .filter(({ length }) => length > 1);
}

function splitWhere<L extends readonly [nm: number, ...unknown[]]>(
  lines: readonly L[],
  isGap: (gapNm: number) => boolean,
): readonly (readonly L[])[] {
  const groups: L[][] = [];
  for (const line of lines) {
    const before = groups.at(-1);
    if (before === undefined || isGap(line[0] - (before.at(-1)?.[0] ?? 0))) groups.push([line]);
    else before.push(line);
  }
  return groups;
}

/** Split at the widest gap until no part is wider than that. */
function narrowed(lines: readonly number[], widestNm: number): readonly (readonly number[])[] {
  const [first = 0, last = 0] = [lines.at(0), lines.at(-1)];
  // Without any peak the width is no number.
  if (!(last - first > widestNm)) return [lines];
  const gaps = lines.slice(1).map((nm, index) => nm - (lines[index] ?? 0));
  const end = gaps.indexOf(Math.max(...gaps)) + 1;
  return [lines.slice(0, end), lines.slice(end)].flatMap((part) => narrowed(part, widestNm));
}

export interface BlendSearch extends PeakSearch {
  /** Dark-subtracted. */
  readonly counts: Float64Array;
  /** All that the lamp has, ascending. */
  readonly lines: readonly number[];
  /** Ascending; off by a fraction of a width at most. */
  readonly pixelNm: Float64Array;
  readonly fwhmNm: number;
}

export interface FittedBlend {
  /** Of the strongest line. */
  readonly peak: Peak;
  readonly lineNm: number;
}

/** Undefined when they cannot be seen well enough. */
export function fitBlend(blend: readonly number[], search: BlendSearch): FittedBlend | undefined {
  const window = windowOf(blend, search);
  if (window === undefined) return undefined;
  const shape = settled(window);
  if (shape === undefined) return undefined;
  const own = shape.lines.filter(({ nm }) => blend.includes(nm));
  const strongest = own.reduce<Line | undefined>(
    (best, line) => (best === undefined || line.height > best.height ? line : best),
    undefined,
  );
  const errorPixels = errorOf(window, shape);
  const fwhmPixels = shape.sigma * FWHM_PER_SIGMA;
  if (strongest === undefined || !(errorPixels < WORST_ERROR_FWHM * fwhmPixels)) return undefined;
  const pixel = strongest.pixel + shape.shift;
  return { peak: { pixel, height: strongest.height, fwhmPixels, errorPixels }, lineNm: strongest.nm };
}

interface Line {
  readonly nm: number;
  /** Where it is before the shift. */
  readonly pixel: number;
  readonly height: number;
}

interface Window {
  readonly from: number;
  readonly counts: readonly number[];
  readonly lines: readonly Line[];
  readonly sigma: number;
}

function windowOf(blend: readonly number[], search: BlendSearch): Window | undefined {
  const { counts, lines, pixelNm, fwhmNm, range, isSaturated } = search;
  const pixels: Curve = { wavelengthsNm: pixelNm, values: pixelNm.map((_, pixel) => pixel) };
  const [first = Number.NaN, last = Number.NaN] = [blend.at(0), blend.at(-1)];
  const marginNm = MARGIN_FWHM * fwhmNm;
  const from = Math.ceil(valueAt(pixels, first - marginNm));
  const end = Math.floor(valueAt(pixels, last + marginNm)) + 1;
  // Beyond the detector both are no numbers.
  if (!(from >= range[0] && end <= range[1])) return undefined;
  const seen = counts.slice(from, end);
  if (seen.some((_, index) => isSaturated(from + index))) return undefined;
  const most = Math.max(...seen);
  const near = lines.filter((nm) => nm > first - 2 * marginNm && nm < last + 2 * marginNm);
  const [fromNm = 0, toNm = 0] = [pixelNm[from], pixelNm[end - 1]];
  return {
    from,
    counts: Array.from(seen, (count) => count / most),
    lines: near.map((nm) => ({ nm, pixel: valueAt(pixels, nm), height: 0 })),
    sigma: ((fwhmNm / FWHM_PER_SIGMA) * (end - 1 - from)) / (toNm - fromNm),
  };
}

interface Shape {
  readonly lines: readonly Line[];
  readonly shift: number;
  readonly sigma: number;
}

/**
 * Gauss-Newton for all heights, one shift, one width and the background; lines that are not there are left out. The width
 * is free: one that is 7 % off moves mercury's three lines at 365 nm by 0.1 nm.
 */
function settled(window: Window): Shape | undefined {
  let shape: Shape = { lines: window.lines, shift: 0, sigma: window.sigma };
  for (let round = 0; round < ROUNDS; round++) {
    const { lines, sigma } = shape;
    const rows = rowsOf(window, shape);
    // Without heights there is no slope yet.
    const unknowns = lines.length + (round === 0 ? 1 : 3);
    const found = leastSquares(rows, unknowns);
    if (found === undefined) return undefined;
    const [dShift = 0, dSigma = 0] = found.slice(lines.length + 1);
    const limited = (step: number): number => Math.min(Math.max(step, -sigma / 2), sigma / 2);
    shape = {
      lines: lines
        .map((line, index) => ({ ...line, height: found[index] ?? 0 }))
        .filter(({ height }) => height > 0),
      shift: shape.shift + limited(dShift),
      sigma: sigma + limited(dSigma),
    };
  }
  const isNear = Math.abs(shape.shift) < FARTHEST_FWHM * FWHM_PER_SIGMA * window.sigma;
  return isNear && shape.sigma > 0 ? shape : undefined;
}

/** One for each pixel: each line of height 1, the background, and what a little more shift and width would add. */
function rowsOf({ from, counts }: Window, { lines, shift, sigma }: Shape) {
  return counts.map((value, index) => {
    const bells = lines.map(({ pixel, height }) => {
      const x = (from + index - pixel - shift) / sigma;
      return { x, height, shape: Math.exp(-0.5 * x * x) };
    });
    const sum = (power: number): number =>
      bells.reduce((all, { x, height, shape }) => all + (height * shape * x ** power) / sigma, 0);
    return { terms: [...bells.map(({ shape }) => shape), 1, sum(1), sum(2)], value, weight: 1 };
  });
}

/** Standard error of the shift, from what the fit leaves; large where a shift is as good as other heights. */
function errorOf(window: Window, shape: Shape): number {
  const rows = rowsOf(window, shape);
  const count = shape.lines.length;
  const left = squaresLeft(
    rows.map(({ terms, value }) => ({ terms, value, weight: 1 })),
    count + 3,
  );
  const shiftAlone = rows.map(({ terms }) => ({
    terms: terms.filter((_, index) => index !== count + 1),
    value: terms[count + 1] ?? 0,
    weight: 1,
  }));
  return Math.sqrt(left / Math.max(1, rows.length - count - 3) / squaresLeft(shiftAlone, count + 2));
}

function squaresLeft(
  rows: readonly { readonly terms: readonly number[]; readonly value: number; readonly weight: number }[],
  unknowns: number,
): number {
  const found = leastSquares(rows, unknowns);
  if (found === undefined) return Number.NaN;
  return rows.reduce((sum, { terms, value }) => {
    const model = found.reduce((all, one, index) => all + one * (terms[index] ?? 0), 0);
    return sum + (value - model) ** 2;
  }, 0);
}

// Axes of a plot: ranges, round ticks and the mapping to the picture. Shared by terminal and SVG.

import type { Plot } from "./plot-series.ts";

export interface Axis {
  readonly min: number;
  readonly max: number;
  readonly ticks: readonly number[];
}

export interface Axes {
  readonly x: Axis;
  readonly y: Axis;
  /** Distinct saturation levels that lie within the picture. */
  readonly saturationLevels: readonly number[];
}

// Below this share of the picture's height a spectrum would be squeezed to show its saturation line.
const WORTH_SHOWING = 0.3;

/** The axes that show all curves, and the saturation lines that are near them. */
export function axesOf(
  { series }: Plot,
  { xTicks, yTicks }: { readonly xTicks: number; readonly yTicks: number },
): Axes {
  const [xMin, xMax] = extent(series.map(({ x }) => x));
  const [yMin, yMax] = extent(series.map(({ counts }) => counts));
  const levels = new Set(
    series.flatMap(({ saturationLevel }) =>
      saturationLevel !== undefined && yMax >= saturationLevel * WORTH_SHOWING ? [saturationLevel] : [],
    ),
  );
  const top = Math.max(yMax, ...levels) * 1.04;
  const bottom = Math.min(0, yMin);
  const y = widened(bottom, top);
  return {
    x: { min: xMin, max: xMax, ticks: ticksOf(xMin, xMax, xTicks) },
    y: { ...y, ticks: ticksOf(y.min, y.max, yTicks) },
    saturationLevels: [...levels].sort((a, b) => a - b),
  };
}

/** Position of `value` on an axis, 0..1 when it is within. */
export function share({ min, max }: Axis, value: number): number {
  return (value - min) / (max - min);
}

/** Up to `most` round numbers (steps of 1, 2 or 5 times a power of ten) within the range. */
export function ticksOf(min: number, max: number, most: number): number[] {
  const rough = (max - min) / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5].find((factor) => factor * power >= rough * (1 - 1e-9)) ?? 10) * power;
  const ticks: number[] = [];
  for (let index = Math.ceil(min / step - 1e-9); index * step <= max + step * 1e-9; index++) {
    ticks.push(Number((index * step).toPrecision(12)));
  }
  return ticks;
}

function extent(lists: readonly Float64Array[]): readonly [number, number] {
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const list of lists) {
    for (const value of list) {
      if (!Number.isFinite(value)) continue;
      min = Math.min(min, value);
      max = Math.max(max, value);
    }
  }
  const range = min <= max ? widened(min, max) : { min: 0, max: 1 };
  return [range.min, range.max];
}

// A flat curve still needs an axis with a length.
function widened(min: number, max: number): { readonly min: number; readonly max: number } {
  return max > min ? { min, max } : { min, max: min + 1 };
}

// The part of a spectrum that a FETCH names: pixels, wavelengths, neighbours made one, members.

import { z } from "zod";
import { VscopeError } from "../base/errors.ts";
import { wavelengthsNm } from "../spectra/spectrum.ts";
import type { Vector } from "./define.ts";

type Range = readonly [number, number];

/** What every spectrum of the tree has. Counts are null where a correction has no value for the pixel. */
interface SpectrumValue {
  readonly serial: string;
  readonly exposureStart: string;
  readonly wavelengthCoefficients: readonly number[];
  readonly counts: readonly (number | null)[];
  readonly statistics?:
    | {
        readonly scans: number;
        readonly standardDeviation: readonly number[];
        readonly min: readonly number[];
        readonly max: readonly number[];
      }
    | undefined;
  readonly saturatedPixels?: readonly number[] | undefined;
}

const MOST_PIXELS = 65_536;
/** A member that only selections have: of the selected pixels. */
const WAVELENGTHS = "wavelengthsNm";

/** The selection's schema; `members` are those of the spectrum. */
export function spectrumSelection(members: readonly string[]) {
  return z.strictObject({
    /** Half open. */
    pixels: z.tuple([z.int().min(0), z.int().min(1).max(MOST_PIXELS)]).optional(),
    wavelengthsNm: z.tuple([z.number(), z.number()]).optional(),
    pixelsPerBin: z.int().min(1).max(MOST_PIXELS).default(1),
    fields: z
      .array(z.enum([...members, WAVELENGTHS]))
      .min(1)
      .optional(),
  });
}

export type SpectrumSelection = z.infer<ReturnType<typeof spectrumSelection>>;

/** Throws VALUE_OUT_OF_RANGE when no pixel is selected. */
export function selectSpectrum(value: SpectrumValue, selection: SpectrumSelection): object {
  const { pixelsPerBin, fields } = selection;
  const nm = wavelengthsNm(value.wavelengthCoefficients, value.counts.length);
  const range = rangeOf(value, nm, selection);
  const { statistics, saturatedPixels, ...rest } = value;
  const selected = {
    ...rest,
    // Of bins there is no deviation without the scans.
    ...(statistics === undefined || pixelsPerBin > 1 ? {} : { statistics: cut(statistics, range) }),
    ...(saturatedPixels && { saturatedPixels: saturatedPixels.filter((pixel) => isIn(pixel, range)) }),
    pixels: range,
    pixelsPerBin,
    counts: binned(value.counts, range, pixelsPerBin),
    ...(fields?.includes(WAVELENGTHS) === true && { wavelengthsNm: binned(nm, range, pixelsPerBin) }),
  };
  if (fields === undefined) return selected;
  // Numbers without their pixels are of no use.
  const wanted: readonly string[] = [...fields, "pixels", "pixelsPerBin"];
  return Object.fromEntries(Object.entries(selected).filter(([name]) => wanted.includes(name)));
}

/** The counts of a spectrum or of a selected part. */
export function spectrumVector(value: Partial<SpectrumValue>): Vector | undefined {
  const { counts, exposureStart } = value;
  if (counts === undefined) return undefined;
  const part: Partial<SpectrumValue> & { readonly pixels?: Range; readonly pixelsPerBin?: number } = value;
  return {
    member: "counts",
    values: counts,
    first: part.pixels?.[0] ?? 0,
    step: part.pixelsPerBin ?? 1,
    ...(exposureStart === undefined ? {} : { utcS: secondsOf(exposureStart) }),
  };
}

function rangeOf(
  value: SpectrumValue,
  nm: Float64Array,
  { pixels, wavelengthsNm: wanted }: SpectrumSelection,
): Range {
  const [from, to] = pixels ?? [0, nm.length];
  if (from >= to || to > nm.length)
    throw outOfRange(`${value.serial}: pixels ${from}..${to} are no range within 0..${nm.length}`);
  if (wanted === undefined) return [from, to];
  const inside = (pixel: number): boolean => isWithin(nm[pixel] ?? Number.NaN, wanted);
  let [first, end] = [from, to];
  while (first < end && !inside(first)) first += 1;
  while (end > first && !inside(end - 1)) end -= 1;
  if (first < end) return [first, end];
  const limits = `${nm[from]?.toFixed(1)}..${nm[to - 1]?.toFixed(1)} nm`;
  throw outOfRange(`${value.serial}: no pixel sees ${wanted.join("..")} nm, those selected see ${limits}`);
}

function outOfRange(message: string): VscopeError {
  return new VscopeError("VALUE_OUT_OF_RANGE", message);
}

function isWithin(value: number, [from, to]: Range): boolean {
  return value >= from && value <= to;
}

function isIn(pixel: number, [from, to]: Range): boolean {
  return pixel >= from && pixel < to;
}

function cut<T extends NonNullable<SpectrumValue["statistics"]>>(statistics: T, [from, to]: Range) {
  const { scans, standardDeviation, min, max } = statistics;
  return {
    scans,
    standardDeviation: standardDeviation.slice(from, to),
    min: min.slice(from, to),
    max: max.slice(from, to),
  };
}

// The mean of the pixels that have a value; the last bin can have fewer pixels.
function binned(
  values: ArrayLike<number | null>,
  [from, to]: Range,
  pixelsPerBin: number,
): (number | null)[] {
  const bins: (number | null)[] = [];
  for (let start = from; start < to; start += pixelsPerBin) {
    let sum = 0;
    let count = 0;
    for (let pixel = start; pixel < Math.min(start + pixelsPerBin, to); pixel++) {
      const value = values[pixel];
      if (value === null || value === undefined) continue;
      sum += value;
      count += 1;
    }
    bins.push(count === 0 ? null : sum / count);
  }
  return bins;
}

/** Seconds since 1970. Date.parse alone would drop the microseconds. */
export function secondsOf(iso: string): number {
  return Date.parse(`${iso.slice(0, 19)}Z`) / 1000 + Number(`0${iso.slice(19, -1)}`);
}

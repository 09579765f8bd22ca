// Which darks a light is freed from: the one that its file names, the nearest of the run, or two between which the dark
// signal is interpolated in time. Works on facts alone, so that a run of any length needs no counts in memory. Pure.

import { around, type Weighted } from "../around.ts";
import { type NotApplied, notApplied } from "../corrections/correction.ts";
import { type ExposureFacts, exposureFacts, serves } from "../dark-fit.ts";
import type { PicoSpectrum } from "../pico.ts";
import { short } from "../plot-series.ts";
import { DEFAULT_LIMITS } from "../quality.ts";
import { type Exposed, middleUtcUs } from "../signal-rate.ts";
import { UNPROCESSED } from "../spectrum.ts";

export const DARK_WAYS = ["nearest", "interpolated"] as const;
export type DarkWay = (typeof DARK_WAYS)[number];

/** What the choice needs to know of a spectrum. */
export interface Recorded
  extends Pick<
    PicoSpectrum,
    | "serial"
    | "channel"
    | "integrationTimeUs"
    | "exposureStartUtcUs"
    | "exposureEndUtcUs"
    | "detectorTemperatureC"
    | "darkFile"
  > {
  /** Its name in the run. */
  readonly file: string;
  readonly pixels: number;
  /** How it was exposed, and the same of a detector of any temperature; made once, for they are compared often. */
  readonly exposure: ExposureFacts;
  readonly exposureAnyWarmth: ExposureFacts;
}

export interface DarkChoice<D> {
  readonly applied: true;
  /** `assigned`: the light's file names it. */
  readonly how: "assigned" | DarkWay;
  readonly darks: readonly Weighted<D>[];
}

/** The facts of a spectrum in a file. */
export function recordedOf(spectrum: PicoSpectrum, file: string): Recorded {
  const { integrationTimeUs, statistics, processing, detectorTemperatureC } = spectrum;
  const host = { integrationTimeUs, scans: statistics?.scans ?? 1, detectorTemperatureC: undefined };
  const exposureAnyWarmth = exposureFacts(host, processing ?? UNPROCESSED);
  return {
    serial: spectrum.serial,
    channel: spectrum.channel,
    integrationTimeUs,
    exposureStartUtcUs: spectrum.exposureStartUtcUs,
    exposureEndUtcUs: spectrum.exposureEndUtcUs,
    detectorTemperatureC,
    darkFile: spectrum.darkFile,
    file,
    pixels: spectrum.counts.length,
    exposure: { ...exposureAnyWarmth, detectorTemperatureC: detectorTemperatureC ?? undefined },
    exposureAnyWarmth,
  };
}

/**
 * Darks of the same spectrometer, channel, integration time, smoothing and binning, and of no fewer scans. A single one
 * must be of a detector as warm; between two, the detector may drift from one to the other. Without a dark on both sides
 * `interpolated` takes the nearest. `nearest` takes the dark that the light names first.
 */
export function chooseDark<D extends Recorded>(
  light: Recorded,
  darks: readonly D[],
  way: DarkWay,
): DarkChoice<D> | NotApplied {
  const fitting = darks.filter((dark) => fits(dark, light));
  if (way === "interpolated") {
    const both = around(middleUtcUs(light), fitting, middleUtcUs);
    if (both.length === 2 && isBetween(light, both)) return { applied: true, how: way, darks: both };
  }
  const asWarm = fitting.filter((dark) => isAsWarm(dark, light));
  const assigned = asWarm.find(({ file }) => file === light.darkFile);
  if (assigned !== undefined && way === "nearest") return single(assigned, "assigned");
  const nearest = nearestOf(light, asWarm);
  return nearest === undefined ? whyNot(light, fitting.length) : single(nearest, "nearest");
}

/** A light with the dark that was chosen for it: its counts are the weighted mean of the darks'. */
export interface Darkened extends Exposed {
  readonly darks: readonly Weighted<PicoSpectrum>[];
}

export function darkened(light: PicoSpectrum, darks: readonly Weighted<PicoSpectrum>[]): Darkened {
  const [first] = darks;
  if (first === undefined) throw new RangeError("a light is freed from one dark at least");
  const counts = light.counts.map((_, pixel) =>
    darks.reduce((sum, { item, weight }) => sum + weight * (item.counts[pixel] ?? Number.NaN), 0),
  );
  return { light, dark: { ...first.item, counts }, darks };
}

function single<D>(dark: D, how: "assigned" | "nearest"): DarkChoice<D> {
  return { applied: true, how, darks: [{ item: dark, weight: 1 }] };
}

function fits(dark: Recorded, light: Recorded): boolean {
  return (
    dark.serial === light.serial &&
    dark.channel === light.channel &&
    dark.pixels === light.pixels &&
    serves(dark.exposureAnyWarmth, light.exposureAnyWarmth, DEFAULT_LIMITS)
  );
}

function isAsWarm(dark: Recorded, light: Recorded): boolean {
  return serves(dark.exposure, light.exposure, DEFAULT_LIMITS);
}

// A detector that was warmer, or colder, than beside both darks was not on the way from one to the other.
function isBetween({ detectorTemperatureC }: Recorded, darks: readonly Weighted<Recorded>[]): boolean {
  const temperatures = darks.flatMap(({ item }) => item.detectorTemperatureC ?? []);
  if (detectorTemperatureC === null || temperatures.length < darks.length) return true;
  const { darkToleranceC } = DEFAULT_LIMITS;
  return (
    detectorTemperatureC >= Math.min(...temperatures) - darkToleranceC &&
    detectorTemperatureC <= Math.max(...temperatures) + darkToleranceC
  );
}

function nearestOf<D extends Recorded>(light: Recorded, darks: readonly D[]): D | undefined {
  const at = middleUtcUs(light);
  const distance = (dark: D): number => Math.abs(middleUtcUs(dark) - at);
  return darks.reduce<D | undefined>(
    (best, dark) => (best === undefined || distance(dark) < distance(best) ? dark : best),
    undefined,
  );
}

function whyNot({ serial, channel, integrationTimeUs }: Recorded, fitting: number): NotApplied {
  const wanted = `dark of ${serial} ${channel} with ${short(integrationTimeUs / 1000)} ms`;
  const detail =
    fitting === 0
      ? `no ${wanted} fits`
      : `no ${wanted} is of a detector as warm, of ${fitting} that fit else`;
  return notApplied("no-dark-spectrum", detail);
}

// Which darks a light is freed from: the one that its file names, the nearest of the run, or two between which the dark
// signal is interpolated in time. Works on facts alone, so that a run of any length needs no counts in memory. Pure.

import { grouped } from "../../base/grouped.ts";
import { around, type Weighted } from "../around.ts";
import { type NotApplied, notApplied } from "../corrections/correction.ts";
import { type ExposureFacts, exposureFacts, serves } from "../dark-fit.ts";
import type { PicoSpectrum } from "../pico.ts";
import { short } from "../plot-series.ts";
import { DEFAULT_LIMITS } from "../quality.ts";
import { type Exposed, middleUtcUs } from "../signal-rate.ts";
import { UNPROCESSED } from "../spectrum.ts";
import { Timeline } from "../timeline.ts";

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

/** Darks that differ in their time alone, but for a fraction of the temperature that does not matter. */
interface Alike<D> {
  readonly scans: number;
  /** Where their temperatures begin; undefined for those without. */
  readonly fromC: number | undefined;
  readonly darks: Timeline<D>;
}

/** Of temperatures that are taken together: a small part of the difference that a light allows. */
const STEP_C = DEFAULT_LIMITS.darkToleranceC / 16;

/** All darks of a run, ordered so that choosing those of a light takes the logarithm of their number. */
export class DarkShelf<D extends Recorded> {
  readonly #alike: ReadonlyMap<string, readonly Alike<D>[]>;
  readonly #byFile: ReadonlyMap<string, readonly D[]>;
  readonly #alone = new Map<D, readonly Weighted<D>[]>();

  constructor(darks: readonly D[]) {
    this.#byFile = grouped(darks, ({ file }) => file);
    this.#alike = new Map([...grouped(darks, kindOf)].map(([kind, group]) => [kind, alikeOf(group)]));
  }

  /**
   * Darks of the same spectrometer, channel, integration time, smoothing and binning, and of no fewer scans. A single one
   * must be of a detector as warm; between two, the detector may drift from one to the other. Without a dark on both
   * sides `interpolated` takes the nearest. `nearest` takes the dark that the light names first.
   */
  choose(light: Recorded, way: DarkWay): DarkChoice<D> | NotApplied {
    const { scans } = light.exposureAnyWarmth;
    const at = middleUtcUs(light);
    const fitting = (this.#alike.get(kindOf(light)) ?? []).filter((alike) => alike.scans >= scans);
    if (way === "interpolated") {
      const near = fitting.flatMap(({ darks }) => darks.neighbours(at));
      const both = around(at, near, middleUtcUs);
      if (both.length === 2 && isBetween(light, both)) return { applied: true, how: way, darks: both };
    }
    const assigned = way === "nearest" ? this.#assigned(light) : undefined;
    if (assigned !== undefined) return this.#single(assigned, "assigned");
    const asWarm = fitting
      .filter((alike) => canBeAsWarm(alike, light))
      .flatMap(({ darks }) => darks.neighbours(at, (dark) => isAsWarm(dark, light)));
    const nearest = nearestOf(light, asWarm);
    return nearest === undefined ? whyNot(light, countOf(fitting)) : this.#single(nearest, "nearest");
  }

  // Many lights share a dark: they share the list of it, too.
  #single(dark: D, how: "assigned" | "nearest"): DarkChoice<D> {
    const darks = this.#alone.get(dark) ?? [{ item: dark, weight: 1 }];
    this.#alone.set(dark, darks);
    return { applied: true, how, darks };
  }

  #assigned(light: Recorded): D | undefined {
    if (light.darkFile === null) return undefined;
    const named = this.#byFile.get(light.darkFile) ?? [];
    return named.find((dark) => kindOf(dark) === kindOf(light) && isAsWarm(dark, light));
  }
}

function alikeOf<D extends Recorded>(darks: readonly D[]): readonly Alike<D>[] {
  const stepOf = ({ detectorTemperatureC }: D): number | undefined =>
    detectorTemperatureC === null ? undefined : Math.floor(detectorTemperatureC / STEP_C);
  return [...grouped(darks, ({ exposure }) => exposure.scans)].flatMap(([scans, ofScans]) =>
    [...grouped(ofScans, stepOf)].map(([step, group]) => ({
      scans,
      fromC: step === undefined ? undefined : step * STEP_C,
      darks: new Timeline(group, middleUtcUs),
    })),
  );
}

function canBeAsWarm({ fromC }: Alike<unknown>, { detectorTemperatureC }: Recorded): boolean {
  if (fromC === undefined || detectorTemperatureC === null) return true;
  return Math.abs(fromC + STEP_C / 2 - detectorTemperatureC) <= DEFAULT_LIMITS.darkToleranceC + STEP_C;
}

function countOf(all: readonly Alike<unknown>[]): number {
  return all.reduce((sum, { darks }) => sum + darks.length, 0);
}

/** A light with the dark that was chosen for it: its counts are the weighted mean of the darks'. */
export interface Darkened extends Exposed {
  readonly darks: readonly Weighted<PicoSpectrum>[];
}

/** With the dark that it has. */
export function withOwnDark({ light, dark }: Exposed): Darkened {
  return { light, dark, darks: [{ item: dark, weight: 1 }] };
}

export function darkened(light: PicoSpectrum, darks: readonly Weighted<PicoSpectrum>[]): Darkened {
  const [first] = darks;
  if (first === undefined) throw new RangeError("a light is freed from one dark at least");
  const counts = light.counts.map((_, pixel) =>
    darks.reduce((sum, { item, weight }) => sum + weight * (item.counts[pixel] ?? Number.NaN), 0),
  );
  return { light, dark: { ...first.item, counts }, darks };
}

/** What a light and its darks have in common. */
function kindOf({ serial, channel, pixels, exposure }: Recorded): string {
  const { integrationTimeUs, binning, boxcarHalfWidth } = exposure;
  return JSON.stringify([serial, channel, pixels, integrationTimeUs, binning, boxcarHalfWidth]);
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

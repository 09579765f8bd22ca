// What is made of a run: which spectra become products, with which darks, irradiances and calibrations, and why others do not.

import { SECOND } from "../base/clock.ts";
import { grouped } from "../base/grouped.ts";
import { around, type Weighted } from "../spectra/around.ts";
import type { Level } from "../spectra/level.ts";
import { DarkShelf, type DarkWay } from "../spectra/processing/dark-choice.ts";
import { DEFAULT_LIMITS } from "../spectra/quality.ts";
import { isIrradiance } from "../spectra/reflectance.ts";
import { middleUtcUs } from "../spectra/signal-rate.ts";
import { Timeline } from "../spectra/timeline.ts";
import {
  CalibrationShelf,
  type GivenCalibration,
  placeOf,
  type UsableCalibration,
  type UsablePair,
} from "./calibration-shelf.ts";
import type { Indexed, InputRun } from "./input-run.ts";
import type { LightJob } from "./light-job.ts";
import { type LookJob, PanelShelf, type WhitePanel } from "./panel-shelf.ts";

export interface PlanOptions {
  readonly level: Level;
  readonly dark: DarkWay;
  /** Whether a spectrum is to become part of a product. */
  readonly isWanted: (spectrum: Indexed) => boolean;
  readonly calibrations: readonly GivenCalibration[];
  /** By which reflectance is made; without, by the downwelling light. */
  readonly panel?: WhitePanel;
}

export interface RowJob extends LightJob {
  /** For reflectance: one or two lights of the sky; none by a panel without. */
  readonly irradiance: readonly LightJob[];
  /** For reflectance by a panel: one or two. */
  readonly panels?: readonly Weighted<LookJob>[];
}

/** Rows are many: what is the same for all is there once. */
const NONE: readonly LightJob[] = [];

/** What all rows of a product are made by. */
interface MadeBy {
  /** Of a radiance or an irradiance. */
  readonly calibration?: UsableCalibration;
  /** Of a reflectance by the light of the sky; without, it is a ratio of counts. */
  readonly pair?: UsablePair;
  /** Why it is one although a calibration is given: of the first spectrum. */
  readonly notCalibrated?: string;
}

/** Spectra of one spectrometer, channel and set of wavelengths, made in one way; by start. */
export interface ProductJob extends MadeBy {
  readonly rows: readonly RowJob[];
  /** From 2 on where the same spectrometer and channel had other wavelengths, or was processed in another way, before. */
  readonly coefficientSet: number;
}

interface Made extends MadeBy {
  readonly row: RowJob;
}

export interface LeftOut {
  readonly id: string;
  readonly reason: string;
}

export interface Plan {
  readonly products: readonly ProductJob[];
  readonly leftOut: readonly LeftOut[];
}

export function planOf(run: InputRun, options: PlanOptions): Plan {
  const planner = new Planner(run, options);
  for (const spectrum of run.spectra) if (options.isWanted(spectrum)) planner.take(spectrum);
  return planner.plan;
}

class Planner {
  readonly #run: InputRun;
  readonly #options: PlanOptions;
  readonly #products = new Map<string, MadeBy & { readonly rows: RowJob[] }>();
  readonly #leftOut: LeftOut[] = [];
  readonly #darks: DarkShelf<Indexed>;
  readonly #skies: ReadonlyMap<string, Timeline<Indexed>>;
  readonly #panels: PanelShelf | undefined;
  readonly #calibrations: CalibrationShelf;

  constructor(run: InputRun, options: PlanOptions) {
    this.#run = run;
    this.#options = options;
    this.#calibrations = new CalibrationShelf(options.calibrations);
    const lights = run.spectra.filter(({ kind }) => kind === "light");
    this.#darks = new DarkShelf(run.spectra.filter(({ kind }) => kind === "dark"));
    const skies = grouped(
      lights.filter(({ channel }) => isIrradiance(channel)),
      skyOf,
    );
    this.#skies = new Map([...skies].map(([sky, all]) => [sky, new Timeline(all, middleUtcUs)]));
    if (options.panel !== undefined) this.#panels = this.#shelfOf(options.panel, lights);
  }

  take(spectrum: Indexed): void {
    const { level } = this.#options;
    // Darks are measured for others; reflectance is of what is neither the sky nor a panel.
    if (level !== "counts" && spectrum.kind === "dark") return;
    if (level === "reflectance" && (isIrradiance(spectrum.channel) || spectrum.panel !== null)) return;
    const made = this.#madeBy(spectrum);
    if (typeof made === "string") this.#leftOut.push({ id: this.#run.idOf(spectrum), reason: made });
    else this.#put(made);
  }

  get plan(): Plan {
    const sets = new Map<string, number>();
    const products = [...this.#products.values()].map((product): ProductJob => {
      const [first] = product.rows;
      const place = first === undefined ? "" : placeOf(first.light);
      const coefficientSet = (sets.get(place) ?? 0) + 1;
      sets.set(place, coefficientSet);
      return { ...product, coefficientSet };
    });
    return { products, leftOut: this.#leftOut };
  }

  #put({ row, ...by }: Made): void {
    const made = [by.calibration, by.pair?.radiance, by.pair?.irradiance].map(idOf);
    const key = [placeOf(row.light), row.light.sameHead, ...made].join(" ");
    const product = this.#products.get(key);
    if (product === undefined) this.#products.set(key, { ...by, rows: [row] });
    else product.rows.push(row);
  }

  /** What a row needs, or why it cannot be made. */
  #madeBy(light: Indexed): Made | string {
    const { level } = this.#options;
    if (level === "counts") return { row: { light, darks: [], how: "none", irradiance: NONE } };
    const calibration = level === "radiance" ? this.#calibrations.of(light) : undefined;
    if (typeof calibration === "string") return calibration;
    const job = this.#withDark(light);
    if (typeof job === "string") return job;
    if (level === "reflectance") return this.#reflectance(job);
    return { row: { ...job, irradiance: NONE }, ...(calibration !== undefined && { calibration }) };
  }

  #reflectance(job: LightJob): Made | string {
    const { light } = job;
    const irradiance = this.#irradianceOf(light);
    if (this.#panels !== undefined) {
      const found = this.#panels.around(light, typeof irradiance === "string" ? [] : irradiance);
      if (typeof found === "string") return found;
      return { row: { ...job, irradiance: found.downwelling, panels: found.panels } };
    }
    if (typeof irradiance === "string") return irradiance;
    const skies = irradiance.map((sky) => sky.light);
    const pair = this.#calibrations.pairOf(light, skies);
    const row = { ...job, irradiance };
    if (typeof pair === "string") return { row, notCalibrated: pair };
    return pair === undefined ? { row } : { row, pair };
  }

  /** A panel without a dark serves nobody. */
  #shelfOf({ serial }: WhitePanel, lights: readonly Indexed[]): PanelShelf {
    const ofPanel = lights.filter(({ panel, channel }) => panel === serial && !isIrradiance(channel));
    const looks = ofPanel.flatMap((light): LookJob[] => {
      const upwelling = this.#withDark(light);
      const irradiance = this.#irradianceOf(light);
      if (typeof upwelling === "string") return [];
      return [{ upwelling, downwelling: typeof irradiance === "string" ? [] : irradiance }];
    });
    return new PanelShelf(serial, looks);
  }

  #withDark(light: Indexed): LightJob | string {
    const choice = this.#darks.choose(light, this.#options.dark);
    return choice.applied ? { light, darks: choice.darks, how: choice.how } : choice.detail;
  }

  /** Of the same batch, and near enough for the light not to have changed beyond a line between. */
  #irradianceOf(light: Indexed): readonly LightJob[] | string {
    const at = middleUtcUs(light);
    const withinUs = DEFAULT_LIMITS.irradianceWithinS * SECOND;
    const beside = this.#skies.get(skyOf(light))?.neighbours(at) ?? [];
    const near = beside.filter((sky) => Math.abs(middleUtcUs(sky) - at) <= withinUs);
    if (near.length === 0)
      return `no downwelling light of its batch within ${DEFAULT_LIMITS.irradianceWithinS} s`;
    const jobs = around(at, near, middleUtcUs).map(({ item }) => this.#withDark(item));
    const obstacle = jobs.find((job) => typeof job === "string");
    return obstacle ?? jobs.filter((job) => typeof job !== "string");
  }
}

function idOf(one: UsableCalibration | undefined): string {
  if (one === undefined) return "-";
  return "factors" in one ? (one.sha256 ?? one.source) : "memory";
}

function skyOf({ serial, batch }: Indexed): string {
  return `${serial} ${batch}`;
}

// What is made of a run: which spectra become products, with which darks, irradiances and calibrations, and why others do not.

import { SECOND } from "../base/clock.ts";
import { grouped } from "../base/grouped.ts";
import { around, type Weighted } from "../spectra/around.ts";
import type { Level } from "../spectra/level.ts";
import { DarkShelf, type DarkWay } from "../spectra/processing/dark-choice.ts";
import { DEFAULT_LIMITS } from "../spectra/quality.ts";
import { isInUse, type RadiometricCalibration } from "../spectra/radiometric.ts";
import { isIrradiance } from "../spectra/reflectance.ts";
import { middleUtcUs } from "../spectra/signal-rate.ts";
import { Timeline } from "../spectra/timeline.ts";
import type { Indexed, InputRun } from "./input-run.ts";
import type { LightJob } from "./light-job.ts";
import { type LookJob, PanelShelf, type WhitePanel } from "./panel-shelf.ts";

export interface PlanOptions {
  readonly level: Level;
  readonly dark: DarkWay;
  /** Whether a spectrum is to become part of a product. */
  readonly isWanted: (spectrum: Indexed) => boolean;
  readonly calibrations: readonly RadiometricCalibration[];
  /** By which reflectance is made; without, by the downwelling light. */
  readonly panel?: WhitePanel;
}

export interface RowJob extends LightJob {
  /** For reflectance: one or two lights of the sky; none by a panel without. */
  readonly irradiance: readonly LightJob[];
  /** For reflectance by a panel: one or two. */
  readonly panels?: readonly Weighted<LookJob>[];
}

/** Spectra of one spectrometer, channel, set of wavelengths and calibration; by start. */
export interface ProductJob {
  readonly rows: readonly RowJob[];
  readonly coefficientSet: number;
  readonly calibration?: RadiometricCalibration;
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
  readonly #rows = new Map<string, RowJob[]>();
  readonly #leftOut: LeftOut[] = [];
  readonly #darks: DarkShelf<Indexed>;
  readonly #skies: ReadonlyMap<string, Timeline<Indexed>>;
  readonly #panels: PanelShelf | undefined;

  constructor(run: InputRun, options: PlanOptions) {
    this.#run = run;
    this.#options = options;
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
    const job = this.#rowOf(spectrum);
    if (typeof job === "string") this.#leftOut.push({ id: this.#run.idOf(spectrum), reason: job });
    else {
      const { sha256 = "" } = (level === "radiance" && this.#calibrationOf(spectrum)) || {};
      const key = `${placeOf(spectrum)} ${spectrum.axis} ${sha256}`;
      const rows = this.#rows.get(key);
      if (rows === undefined) this.#rows.set(key, [job]);
      else rows.push(job);
    }
  }

  get plan(): Plan {
    const sets = new Map<string, number>();
    const products = [...this.#rows.values()].map((rows): ProductJob => {
      const [first] = rows;
      const place = first === undefined ? "" : placeOf(first.light);
      const coefficientSet = (sets.get(place) ?? 0) + 1;
      sets.set(place, coefficientSet);
      const calibration = first && this.#calibrationOf(first.light);
      return { rows, coefficientSet, ...(calibration !== undefined && { calibration }) };
    });
    return { products, leftOut: this.#leftOut };
  }

  /** What a row needs, or why it cannot be made. */
  #rowOf(light: Indexed): RowJob | string {
    const { level } = this.#options;
    if (level === "counts") return { light, darks: [], how: "none", irradiance: [] };
    const calibration = this.#calibrationOf(light);
    if (level === "radiance") {
      if (calibration === undefined) return `no calibration of ${light.serial} ${light.channel} was given`;
      if ((calibration.validUntilUtcUs ?? Number.POSITIVE_INFINITY) <= light.exposureStartUtcUs)
        return `${calibration.source} was not valid any more`;
    }
    const job = this.#withDark(light);
    if (typeof job === "string") return job;
    if (level !== "reflectance") return { ...job, irradiance: [] };
    const irradiance = this.#irradianceOf(light);
    if (this.#panels === undefined)
      return typeof irradiance === "string" ? irradiance : { ...job, irradiance };
    const found = this.#panels.around(light, typeof irradiance === "string" ? [] : irradiance);
    return typeof found === "string"
      ? found
      : { ...job, irradiance: found.downwelling, panels: found.panels };
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

  #calibrationOf(light: Indexed): RadiometricCalibration | undefined {
    const place = placeOf(light);
    const isMeant = (one: RadiometricCalibration): boolean => isInUse(one, light.exposureStartUtcUs);
    return this.#options.calibrations.find((one) => placeOf(one) === place && isMeant(one));
  }
}

function placeOf({ serial, channel }: { readonly serial: string; readonly channel: string }): string {
  return `${serial} ${channel}`;
}

function skyOf({ serial, batch }: Indexed): string {
  return `${serial} ${batch}`;
}

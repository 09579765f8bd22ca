// Runs the search for integration times on the instruments: all spectrometers at once, channel by channel.

import { Cell, type ReadableCell } from "../base/cell.ts";
import type { Log } from "../base/log.ts";
import type { Spectrometer } from "../instruments/spectrometer.ts";
import {
  explainSearch,
  firstSearchTimeUs,
  nextSearchStep,
  type SearchGoal,
  type SearchOutcome,
} from "../spectra/autointegration.ts";
import { type Trial, trialOf } from "../spectra/search-trial.ts";
import type { SpectrumFailure } from "../spectra/spectrum.ts";
import { acquireSurely, type Optics, withLight } from "./exposure.ts";

/** What the newest search of a spectrometer and channel came to. */
export interface SearchResult {
  readonly serial: string;
  readonly channel: string;
  readonly outcome: SearchOutcome;
  readonly integrationTimeUs: number;
  readonly exposures: number;
  /** Peak of the last exposure in percent of the saturation level. */
  readonly peakPercent: number;
  /** The outcome as a sentence with its facts. */
  readonly reason: string;
}

export interface SearchLimits {
  /** Longest integration time that a search may choose for this spectrometer, in us. */
  maxUs(serial: string): number;
}

export class Autointegration {
  readonly #optics: Optics;
  readonly #limits: SearchLimits;
  readonly #log: Log;
  readonly #results = new Cell<readonly SearchResult[]>([]);

  constructor(optics: Optics, limits: SearchLimits, log: Log) {
    this.#optics = optics;
    this.#limits = limits;
    this.#log = log;
  }

  /** The newest result of every spectrometer and channel searched since the start. */
  get results(): ReadableCell<readonly SearchResult[]> {
    return this.#results;
  }

  /**
   * Searches all spectrometers on one channel and sets the times found.
   * A search that misses its target is a result, not an error; a device that fails is among the failures.
   */
  async search(
    channel: string,
    targetPercent: number,
    signal: AbortSignal,
  ): Promise<{ readonly results: readonly SearchResult[]; readonly failures: readonly SpectrumFailure[] }> {
    const { values, failures } = await withLight(
      this.#optics,
      { channel, kind: "light" },
      (spectrometer, notBeforeUs, inner) =>
        this.#searchOne({ spectrometer, channel, targetPercent, notBeforeUs }, inner),
      signal,
    );
    this.#remember(values);
    return { results: values, failures };
  }

  async #searchOne(
    task: { spectrometer: Spectrometer; channel: string; targetPercent: number; notBeforeUs: number },
    signal: AbortSignal,
  ): Promise<SearchResult> {
    const { spectrometer, channel, notBeforeUs } = task;
    const goal = this.#goal(spectrometer, task.targetPercent);
    const trials: Trial[] = [];
    let integrationTimeUs = firstSearchTimeUs(spectrometer.integrationTimeUs(channel).value, goal);
    for (;;) {
      const exposure = { channel, kind: "light", integrationTimeUs, notBeforeUs, isTrial: true } as const;
      const { counts, instrument, ...spectrum } = await acquireSurely(spectrometer, exposure, signal);
      const trial = trialOf(counts, instrument, spectrum.integrationTimeUs);
      trials.push(trial);
      const step = nextSearchStep(trials, goal);
      integrationTimeUs = step.integrationTimeUs;
      if (step.action === "measure") continue;
      spectrometer.setIntegrationTimeUs(channel, integrationTimeUs);
      const peakPercent = (100 * trial.peakCounts) / goal.saturationLevel;
      return {
        serial: spectrometer.serial,
        channel,
        outcome: step.outcome,
        integrationTimeUs,
        exposures: trials.length,
        peakPercent: Math.round(peakPercent * 10) / 10,
        reason: explainSearch(step.outcome, trials, goal),
      };
    }
  }

  #goal(spectrometer: Spectrometer, targetPercent: number): SearchGoal {
    const { integrationTimeUs, saturationLevel } = spectrometer.identity;
    const { min, max, step } = integrationTimeUs;
    const maxUs = Math.max(min, Math.min(max, this.#limits.maxUs(spectrometer.serial)));
    return { saturationLevel, target: targetPercent / 100, minUs: min, maxUs, stepUs: step };
  }

  #remember(results: readonly SearchResult[]): void {
    const isNewer = (old: SearchResult): boolean =>
      results.some(({ serial, channel }) => serial === old.serial && channel === old.channel);
    this.#results.set([...this.#results.value.filter((old) => !isNewer(old)), ...results]);
    for (const result of results) this.#log.info(result, "autointegration");
  }
}

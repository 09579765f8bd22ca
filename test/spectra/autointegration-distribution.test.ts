// Thousands of searches on the emulator's detectors, over six decades of light: how many exposures each needs.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { MS, SECOND } from "../../src/base/clock.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { type ModelName, modelNamed } from "../../src/drivers/oceanoptics/models.ts";
import { Detector } from "../../src/emulator/device/detector.ts";
import { Scene } from "../../src/emulator/light/scene.ts";
import { Random } from "../../src/emulator/random.ts";
import {
  firstSearchTimeUs,
  MOST_TRIALS,
  nextSearchStep,
  type SearchGoal,
  type SearchOutcome,
} from "../../src/spectra/autointegration.ts";
import { type Trial, trialOf } from "../../src/spectra/search-trial.ts";
import { peakCounts } from "../../src/spectra/spectrum.ts";

const SEARCHES = 500;
const DECADES = 6;
/** Times the light of the clear sky at noon. */
const BRIGHTEST = 10 ** 1.5;
const LONGEST_US = 10 * SECOND;
const READOUT_US = 60 * MS;
/** Searches that broken clouds may make fail. */
const MOST_UNSTEADY = 0.05;

interface Found {
  readonly decade: number;
  readonly outcome: SearchOutcome;
  readonly exposures: number;
  readonly peakShare: number;
  /** The set time, once more in the light of the last exposure. */
  readonly isSaturated: boolean;
}

/** Sun and shade in turn, each for 0.3 to 20 s: the light falls to a quarter at an edge. */
class BrokenClouds {
  readonly #random: Random;
  readonly #spans: { endUs: number; factor: number }[] = [{ endUs: 0, factor: 1 }];

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  mean(fromUs: number, endUs: number): number {
    let sum = 0;
    let startUs = fromUs;
    for (const span of this.#until(endUs)) {
      if (span.endUs <= startUs) continue;
      const stopUs = Math.min(span.endUs, endUs);
      sum += (stopUs - startUs) * span.factor;
      startUs = stopUs;
      if (startUs >= endUs) break;
    }
    return sum / (endUs - fromUs);
  }

  #until(endUs: number): readonly { readonly endUs: number; readonly factor: number }[] {
    for (let last = this.#spans.at(-1); last !== undefined && last.endUs < endUs; last = this.#spans.at(-1)) {
      const factor = last.factor === 1 ? 0.25 + 0.5 * this.#random.uniform() : 1;
      const lengthUs = 0.3 * SECOND * Math.exp(this.#random.uniform() * Math.log(20 / 0.3));
      this.#spans.push({ endUs: last.endUs + lengthUs, factor });
    }
    return this.#spans;
  }
}

class Searcher {
  readonly #scene = new Scene(new VirtualClock(), { cloudStrength: 0 });
  readonly #detector: Detector;
  readonly #goal: SearchGoal;
  readonly #random = new Random(20_260_621);
  #nowUs = 0;

  constructor(name: ModelName) {
    this.#scene.fitShutter("upwelling", false);
    const model = modelNamed(name);
    this.#detector = new Detector({ model, serial: "TEST0002", seed: 1, scene: this.#scene });
    const { min, max, step } = model.integrationTimeUs;
    const { saturationCounts: saturationLevel } = this.#detector.calibration;
    this.#goal = { saturationLevel, target: 0.8, minUs: min, maxUs: Math.min(max, LONGEST_US), stepUs: step };
  }

  /** One search in light of a random decade, from a random time. */
  search(hasClouds: boolean): Found {
    const goal = this.#goal;
    const share = this.#random.uniform();
    const light = BRIGHTEST * 10 ** (-DECADES * share);
    const clouds = hasClouds ? new BrokenClouds(this.#random.uniform() * 1e9) : undefined;
    const presentUs = goal.minUs * (goal.maxUs / goal.minUs) ** this.#random.uniform();
    const startUs = this.#nowUs;
    const expose = (us: number): Uint32Array => {
      const fromUs = this.#nowUs - startUs;
      this.#scene.transmission = light * (clouds?.mean(fromUs, fromUs + us) ?? 1);
      const counts = this.#detector.expose({ startUs: this.#nowUs, endUs: this.#nowUs + us });
      this.#nowUs += us + READOUT_US;
      return counts;
    };
    const trials: Trial[] = [];
    for (let us = firstSearchTimeUs(presentUs, goal); ; ) {
      trials.push(trialOf(expose(us), this.#detector.model, us));
      const step = nextSearchStep(trials, goal);
      us = step.integrationTimeUs;
      if (step.action === "measure") continue;
      const { outcome } = step;
      const level = (counts: number): number => counts / goal.saturationLevel;
      const last = this.#detector.expose({ startUs: this.#nowUs, endUs: this.#nowUs + us });
      return {
        decade: Math.floor(Math.log10(BRIGHTEST) - DECADES * share),
        outcome,
        exposures: trials.length,
        peakShare: level(trials.at(-1)?.peakCounts ?? 0),
        isSaturated: level(peakCounts(last, this.#detector.model.opticalPixelRange)) >= 1,
      };
    }
  }
}

function report(context: TestContext, title: string, found: readonly Found[]): void {
  context.diagnostic(`${title}: searches by decade of light (0: daylight) and outcome with exposures`);
  for (const decade of [...new Set(found.map((one) => one.decade))].sort((a, b) => b - a)) {
    const counts = new Map<string, number>();
    for (const one of found.filter((other) => other.decade === decade)) {
      const key = `${one.outcome} ${one.exposures}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    const cells = [...counts].map(([key, count]) => `${key}: ${count}`);
    context.diagnostic(`  10^${decade}: ${cells.join(", ")}`);
  }
}

for (const name of ["Flame-S", "QE Pro", "NIRQuest512"] as const) {
  for (const sky of ["steady light", "moving clouds"] as const) {
    test(`${name}, ${sky}: the search ends in time, at the target or with the limit that it hit`, (context) => {
      const searcher = new Searcher(name);
      const isSteady = sky === "steady light";
      const found = Array.from({ length: SEARCHES }, () => searcher.search(!isSteady));
      report(context, `${name}, ${sky}`, found);
      const unsteady = found.filter(({ outcome }) => outcome === "unsteady").length;
      assert.ok(unsteady <= (isSteady ? 0 : MOST_UNSTEADY * SEARCHES), `${unsteady} unsteady`);
      for (const one of found) {
        const shown = JSON.stringify(one);
        assert.ok(one.exposures <= (isSteady ? 3 : MOST_TRIALS), shown);
        if (one.outcome === "reached") assert.ok(Math.abs(one.peakShare - 0.8) <= 0.08, shown);
        assert.ok(!one.isSaturated || one.outcome === "too-bright", shown);
      }
    });
  }
}

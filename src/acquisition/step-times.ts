// What the steps of a batch should take by their settings: integration times, scans, shutters, waits.

import { SECOND } from "../base/clock.ts";
import type { Optics } from "./exposure.ts";
import type { BatchSettings, Step } from "./settings.ts";
import type { Turn } from "./turns.ts";

export type StepKind = Step["do"] | "dark-if-needed";

/** A search in steady light needs as many exposures. */
const SEARCH_EXPOSURES = 3;

export function kindOf(step: Step): StepKind {
  return step.do === "dark" && step.ifNeeded === true ? "dark-if-needed" : step.do;
}

export function countKinds(steps: Iterable<Step>): Map<StepKind, number> {
  const counts = new Map<StepKind, number>();
  for (const step of steps) counts.set(kindOf(step), (counts.get(kindOf(step)) ?? 0) + 1);
  return counts;
}

export class StepTimes {
  readonly #optics: Optics;
  readonly #settings: BatchSettings;
  readonly #turns: readonly Turn[];
  #areTimesKnown: boolean;

  constructor(optics: Optics, settings: BatchSettings, turns: readonly Turn[]) {
    this.#optics = optics;
    this.#settings = settings;
    this.#turns = turns;
    this.#areTimesKnown = settings.autointegrate < 0;
  }

  /** A search has set the integration times with which the batch goes on. */
  searched(): void {
    this.#areTimesKnown = true;
  }

  /**
   * With the present integration times, in us. Undefined: how long a cooler needs, and how long the first search takes, of
   * which the light decides, and with it the times of all that follows.
   */
  modelUs(kind: StepKind): number | undefined {
    switch (kind) {
      case "warm-up":
        return undefined;
      case "autointegrate":
        return this.#areTimesKnown ? this.#sum((channel) => searchUs(this.#optics, channel)) : undefined;
      case "dark":
      case "dark-if-needed":
        return this.#sum((channel) => exposureUs(this.#optics, channel));
      case "light":
        return this.#lightUs();
      case "wait":
        return this.#settings.delayS * SECOND;
    }
  }

  /** How many of the steps of a kind will be needed: darks as often as they grow too old. */
  shareOf(kind: StepKind): number {
    if (kind !== "dark-if-needed") return 1;
    const cycleUs = this.#lightUs() + this.#settings.delayS * SECOND;
    return Math.min(1, cycleUs / (this.#settings.darkMaxAgeS * SECOND));
  }

  #lightUs(): number {
    return this.#turns.reduce(
      (sum, { channel }) => sum + 2 * moveUs(this.#optics, channel) + exposureUs(this.#optics, channel),
      0,
    );
  }

  #sum(us: (channel: string) => number): number {
    return [...new Set(this.#turns.map(({ channel }) => channel))].reduce((sum, one) => sum + us(one), 0);
  }
}

function searchUs(optics: Optics, channel: string): number {
  return 2 * moveUs(optics, channel) + SEARCH_EXPOSURES * exposureUs(optics, channel, false);
}

// All spectrometers together: the slowest decides.
function exposureUs({ rack }: Optics, channel: string, isAveraged = true): number {
  const times = rack.spectrometers.value
    .filter(({ isAttached }) => isAttached)
    .map((one) => {
      const scans = one.scans.value * one.controls.processing.scans;
      return one.integrationTimeUs(channel).value * (isAveraged ? scans : 1);
    });
  return Math.max(0, ...times);
}

function moveUs({ shutters }: Optics, channel: string): number {
  return shutters.shutter(channel).moveUs;
}

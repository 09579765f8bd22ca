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

/** What one search of a channel should take, in us. */
export function searchUs(optics: Optics, channel: string): number {
  return 2 * moveUs(optics, channel) + SEARCH_EXPOSURES * exposureUs(optics, channel, false);
}

export class StepTimes {
  readonly #optics: Optics;
  readonly #settings: BatchSettings;
  readonly #turns: readonly Turn[];

  constructor(optics: Optics, settings: BatchSettings, turns: readonly Turn[]) {
    this.#optics = optics;
    this.#settings = settings;
    this.#turns = turns;
  }

  /** With the present integration times, in us. How long a cooler needs is not known. */
  modelUs(kind: StepKind): number {
    switch (kind) {
      case "warm-up":
        return 0;
      case "autointegrate":
        return this.#sum((channel) => searchUs(this.#optics, channel));
      case "dark":
      case "dark-if-needed":
        return this.#sum((channel) => exposureUs(this.#optics, channel));
      case "light":
        return this.#turns.reduce(
          (sum, { channel }) => sum + 2 * moveUs(this.#optics, channel) + exposureUs(this.#optics, channel),
          0,
        );
      case "wait":
        return this.#settings.delayS * SECOND;
    }
  }

  /** How many of the steps of a kind will be needed: darks as often as they grow too old. */
  shareOf(kind: StepKind): number {
    if (kind !== "dark-if-needed") return 1;
    const cycleUs = this.modelUs("light") + this.modelUs("wait");
    return Math.min(1, cycleUs / (this.#settings.darkMaxAgeS * SECOND));
  }

  #sum(us: (channel: string) => number): number {
    return [...new Set(this.#turns.map(({ channel }) => channel))].reduce((sum, one) => sum + us(one), 0);
  }
}

// All spectrometers together: the slowest decides.
function exposureUs({ rack }: Optics, channel: string, isAveraged = true): number {
  const times = rack.spectrometers.value
    .filter(({ isAttached }) => isAttached)
    .map((one) => one.integrationTimeUs(channel).value * (isAveraged ? one.scans.value : 1));
  return Math.max(0, ...times);
}

function moveUs({ shutters }: Optics, channel: string): number {
  return shutters.shutter(channel).moveUs;
}

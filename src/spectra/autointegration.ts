// The search for an integration time that brings the peak to a target share of the saturation level.
// Pure: it is given what was measured and says what to try next, so that hardware and search stay apart.

import type { Trial } from "./search-trial.ts";

export interface SearchGoal {
  readonly saturationLevel: number;
  /** Wanted peak as a share of the saturation level, 0..1. */
  readonly target: number;
  readonly minUs: number;
  readonly maxUs: number;
  readonly stepUs: number;
}

export type SearchStep =
  | { readonly action: "measure"; readonly integrationTimeUs: number }
  | { readonly action: "finish"; readonly integrationTimeUs: number; readonly outcome: SearchOutcome };

/**
 * `reached`: within 10 % of the target. `too-bright`, `too-dark`: the limit of the instrument was hit. `too-coarse`: the
 * target lies between two times that the device can be set to. `unsteady`: the light changes faster than the search.
 */
export type SearchOutcome = "reached" | "too-bright" | "too-dark" | "too-coarse" | "unsteady";

/** Relative distance from the target peak that counts as reached; piccolo3 users know the same 10 %. */
const TARGET_TOLERANCE = 0.1;

/** Steady light needs at most three exposures; a cloud passing by is given three more. */
export const MOST_TRIALS = 6;

// After a saturated frame nothing is known but "less": this divides the time. A peak just below saturation there is
// still measured well after it.
const RETREAT = 125;
// A time that was computed from a measured signal and saturates: a cloud has left, and the sun is not brighter than this.
const CLOUD_RETREAT = 4;
// A signal of so many standard deviations of a pixel is measured. The first look is cautious, since two more follow: a
// hot pixel hides in the noise of the others.
const CLEAR_SIGNAL = 12;
const CLEAR_FIRST_SIGNAL = 24;

/**
 * Where a search begins: at the present time, unless one that saturates there could not be measured at the shortest.
 */
export function firstSearchTimeUs(presentUs: number, goal: SearchGoal): number {
  return quantize(Math.min(presentUs, goal.minUs * RETREAT), goal);
}

/** What to do after `trials` (oldest first, at least one). */
export function nextSearchStep(trials: readonly Trial[], goal: SearchGoal): SearchStep {
  const last = trials.at(-1);
  if (last === undefined) throw new RangeError("the search needs at least one trial");
  const us = last.integrationTimeUs;
  if (isOnTarget(last, goal)) return { action: "finish", integrationTimeUs: us, outcome: "reached" };
  const wanted = wantedTimeUs(trials, last, goal);
  const outcome = limitHit(last, wanted, goal);
  if (outcome !== undefined) return { action: "finish", integrationTimeUs: us, outcome };
  if (trials.length >= MOST_TRIALS) {
    return { action: "finish", integrationTimeUs: safeTimeUs(trials, last, goal), outcome: "unsteady" };
  }
  return { action: "measure", integrationTimeUs: settable(wanted, goal) };
}

function isSaturated(trial: Trial, goal: SearchGoal): boolean {
  return trial.peakCounts >= goal.saturationLevel;
}

function isOnTarget(trial: Trial, goal: SearchGoal): boolean {
  const wantedPeak = goal.target * goal.saturationLevel;
  return (
    !isSaturated(trial, goal) && Math.abs(trial.peakCounts - wantedPeak) <= TARGET_TOLERANCE * wantedPeak
  );
}

function isClear(trial: Trial, goal: SearchGoal): boolean {
  return !isSaturated(trial, goal) && trial.signalCounts >= CLEAR_SIGNAL * trial.noiseCounts;
}

function wantedTimeUs(trials: readonly Trial[], last: Trial, goal: SearchGoal): number {
  const us = last.integrationTimeUs;
  if (!isSaturated(last, goal))
    return Math.min(scaledTimeUs(trials, last, goal), ceilingUs(trials, last, goal));
  if (trials.some((trial) => isClear(trial, goal))) return us / CLOUD_RETREAT;
  const dim = trials.filter((trial) => !isSaturated(trial, goal) && trial.integrationTimeUs < us);
  const floorUs = Math.max(0, ...dim.map(({ integrationTimeUs }) => integrationTimeUs));
  return Math.max(us / RETREAT, Math.sqrt(floorUs * us));
}

// Signal is proportional to time; the offset is not. So the peak above the offset is scaled, not the peak.
function scaledTimeUs(trials: readonly Trial[], trial: Trial, goal: SearchGoal): number {
  // Where the offset is read from lit pixels, the least is the nearest.
  const offsetCounts = Math.min(...trials.map((one) => one.offsetCounts));
  // Of a signal that is hardly seen nothing is sure but that it is not above the brightest pixel.
  const isSure = trials.length > 1 || trial.signalCounts >= CLEAR_FIRST_SIGNAL * trial.noiseCounts;
  const signal = isSure && isClear(trial, goal) ? trial.offsetCounts + trial.signalCounts : trial.peakCounts;
  const wantedSignal = goal.target * goal.saturationLevel - offsetCounts;
  return (trial.integrationTimeUs * wantedSignal) / Math.max(signal - offsetCounts, 1);
}

// A signal that is hardly seen is not taken further than half way to a time that saturates.
function ceilingUs(trials: readonly Trial[], last: Trial, goal: SearchGoal): number {
  if (isClear(last, goal)) return Infinity;
  const saturated = trials.filter((trial) => isSaturated(trial, goal));
  const leastUs = Math.min(...saturated.map(({ integrationTimeUs }) => integrationTimeUs));
  return leastUs > last.integrationTimeUs ? Math.sqrt(leastUs * last.integrationTimeUs) : Infinity;
}

// For the brightest light that was seen.
function safeTimeUs(trials: readonly Trial[], last: Trial, goal: SearchGoal): number {
  const measured = trials.filter((trial) => isClear(trial, goal));
  if (measured.length === 0) return settable(wantedTimeUs(trials, last, goal), goal);
  const saturated = trials.filter((trial) => isSaturated(trial, goal));
  const timesUs = [
    ...measured.map((trial) => scaledTimeUs(trials, trial, goal)),
    ...saturated.map(({ integrationTimeUs }) => goal.target * integrationTimeUs),
  ];
  return settable(Math.min(...timesUs), goal);
}

function limitHit(trial: Trial, wantedUs: number, goal: SearchGoal): SearchOutcome | undefined {
  const us = trial.integrationTimeUs;
  if (wantedUs < goal.minUs && us <= goal.minUs) return "too-bright";
  if (wantedUs > goal.maxUs && us >= quantize(goal.maxUs, goal)) return "too-dark";
  return !isSaturated(trial, goal) && settable(wantedUs, goal) === us ? "too-coarse" : undefined;
}

/** What came of a search, as a sentence with its facts. */
export function explainSearch(outcome: SearchOutcome, trials: readonly Trial[], goal: SearchGoal): string {
  const last = trials.at(-1);
  if (last === undefined) throw new RangeError("the search needs at least one trial");
  const peak = `${percent(last.peakCounts, goal)} of saturation`;
  const wanted = `${percent(goal.target * goal.saturationLevel, goal)} was wanted`;
  const time = timeText(last.integrationTimeUs);
  switch (outcome) {
    case "reached":
      return `the peak is ${peak} at ${time}, ${wanted}${hotPixelNote(last)}`;
    case "too-bright":
      return `the light is too bright: the peak is ${peak} at the shortest time, ${time}, ${wanted}`;
    case "too-dark":
      return `the light is too weak: the peak is ${peak} at the longest time, ${time}, ${wanted}`;
    case "too-coarse":
      return `no settable time is nearer: the peak is ${peak} at ${time}, the step is ${timeText(goal.stepUs)}, ${wanted}`;
    case "unsteady":
      return `the light does not keep still: ${trials.length} exposures, peaks of ${trials.map(({ peakCounts }) => percent(peakCounts, goal)).join(", ")}, ${wanted}; the time is that for the brightest`;
  }
}

// The pixel would saturate before the light does; the spectrum is darker than it seems.
function hotPixelNote({ lonePixel }: Trial): string {
  return lonePixel === undefined ? "" : `; it is pixel ${lonePixel} alone, a hot one, the light is weaker`;
}

function percent(counts: number, { saturationLevel }: SearchGoal): string {
  return `${Math.round((1000 * counts) / saturationLevel) / 10} %`;
}

function timeText(us: number): string {
  return `${us / 1000} ms`;
}

/** The nearest settable time that does not go beyond the target by more than the tolerance. */
function settable(us: number, goal: SearchGoal): number {
  const nearest = quantize(us, goal);
  return nearest <= us * (1 + TARGET_TOLERANCE) ? nearest : quantize(nearest - goal.stepUs, goal);
}

/** The nearest integration time that the device can be set to. */
export function quantize(
  us: number,
  { minUs, maxUs, stepUs }: Pick<SearchGoal, "minUs" | "maxUs" | "stepUs">,
): number {
  const steps = Math.round((Math.min(Math.max(us, minUs), maxUs) - minUs) / stepUs);
  const quantized = minUs + steps * stepUs;
  return quantized > maxUs ? quantized - stepUs : quantized;
}

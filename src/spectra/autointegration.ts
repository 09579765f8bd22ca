// The search for an integration time that brings the peak to a target share of the saturation level.
// Pure: it is given what was measured and says what to try next, so that hardware and search stay apart.

/** One exposure of the search. `peakCounts` includes the offset; `offsetCounts` is the dark level of the same frame. */
export interface Trial {
  readonly integrationTimeUs: number;
  readonly peakCounts: number;
  readonly offsetCounts: number;
  /** Standard deviation of the noise of one pixel. */
  readonly noiseCounts: number;
}

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

/** `reached`: within 10 % of the target. `too-bright`, `too-dark`: the limit of the instrument was hit. `unsteady`: the light changes faster than the search. */
export type SearchOutcome = "reached" | "too-bright" | "too-dark" | "unsteady";

/** Relative distance from the target peak that counts as reached; piccolo3 users know the same 10 %. */
const TARGET_TOLERANCE = 0.1;

/** Steady light needs at most three exposures; a cloud passing by is given three more. */
export const MOST_TRIALS = 6;

// After a saturated frame nothing is known but "less": this divides the time, deep enough for one step in most cases.
const RETREAT = 25;
// A signal within the noise says only "more"; this multiplies the time.
const ADVANCE = 100;
const CLEAR_SIGNAL = 8;

/** What to do after `trials` (oldest first, at least one). */
export function nextSearchStep(trials: readonly Trial[], goal: SearchGoal): SearchStep {
  const last = trials.at(-1);
  if (last === undefined) throw new RangeError("the search needs at least one trial");
  const us = last.integrationTimeUs;
  if (isOnTarget(last, goal)) return { action: "finish", integrationTimeUs: us, outcome: "reached" };
  const wanted = wantedTimeUs(last, goal);
  const outcome = limitHit(last, wanted, goal);
  if (outcome !== undefined) return { action: "finish", integrationTimeUs: us, outcome };
  const next = quantize(wanted, goal);
  if (trials.length >= MOST_TRIALS) {
    return { action: "finish", integrationTimeUs: isSaturated(last, goal) ? next : us, outcome: "unsteady" };
  }
  return { action: "measure", integrationTimeUs: next };
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

// Signal is proportional to time; the offset is not. So the peak above the offset is scaled, not the peak.
function wantedTimeUs(trial: Trial, goal: SearchGoal): number {
  if (isSaturated(trial, goal)) return trial.integrationTimeUs / RETREAT;
  const signal = trial.peakCounts - trial.offsetCounts;
  if (signal < CLEAR_SIGNAL * trial.noiseCounts) return trial.integrationTimeUs * ADVANCE;
  const wantedSignal = goal.target * goal.saturationLevel - trial.offsetCounts;
  return (trial.integrationTimeUs * wantedSignal) / signal;
}

function limitHit(trial: Trial, wantedUs: number, goal: SearchGoal): SearchOutcome | undefined {
  if (wantedUs < goal.minUs && trial.integrationTimeUs <= goal.minUs) return "too-bright";
  if (wantedUs > goal.maxUs && trial.integrationTimeUs >= goal.maxUs) return "too-dark";
  return undefined;
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

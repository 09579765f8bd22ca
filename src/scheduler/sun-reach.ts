// Whether the sun is ever where a job wants it: told when the job is added, since otherwise a season may pass without data.

import { isoUtc, SECOND } from "../base/clock.ts";
import { type Place, sunPosition } from "../spectra/sun.ts";
import { needsSun } from "./check-job.ts";
import { sunRefusal } from "./conditions.ts";
import type { Job } from "./job.ts";
import { nextAfter, type Occurrence } from "./plan.ts";

type Timed = Pick<Job, "startUtcUs" | "endUtcUs" | "intervalUs" | "sun" | "when" | "nextUtcUs">;

const DAY_US = 86_400 * SECOND;
/** After a year the sun does the same again. */
const LONGEST_US = 366 * DAY_US;
/** Looked at in one day of a week, since the sun's way changes little from one to the next. */
const STEP_US = 600 * SECOND;
const WEEK_US = 7 * DAY_US;

/** Undefined when a run may come, or when nobody knows where the sun is. */
export function sunWarning(job: Timed, place: Place | undefined): string | undefined {
  if (place === undefined || !needsSun(job)) return undefined;
  let [highestDeg, lastUtcUs] = [-90, job.startUtcUs];
  for (const { utcUs, isVoid = false } of samples(job, place)) {
    if (!isVoid && sunRefusal(job.when ?? {}, { utcUs, place }) === undefined) return undefined;
    highestDeg = Math.max(highestDeg, sunPosition(utcUs, place).elevationDeg);
    lastUtcUs = utcUs;
  }
  const highest = `it is ${highestDeg.toFixed(1)} degrees high at most`;
  return `no run is in sight: the sun is not where the job wants it at any of its times until ${isoUtc(lastUtcUs).slice(0, 10)}, ${highest}`;
}

// Planned runs, near enough to each other.
function* samples(job: Timed, place: Place): Generator<Occurrence> {
  const firstUtcUs = job.nextUtcUs ?? job.startUtcUs;
  let [afterUtcUs, weekUtcUs] = [firstUtcUs - 1, firstUtcUs];
  for (;;) {
    const next = nextAfter(job, afterUtcUs, place);
    if (typeof next === "string" || next.utcUs > firstUtcUs + LONGEST_US) return;
    yield next;
    afterUtcUs = next.utcUs + (job.sun === undefined ? STEP_US : WEEK_US - DAY_US) - 1;
    if (job.sun !== undefined || afterUtcUs < weekUtcUs + DAY_US) continue;
    weekUtcUs += WEEK_US;
    afterUtcUs = Math.max(afterUtcUs, weekUtcUs - 1);
  }
}

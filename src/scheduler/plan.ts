// When a job is to run: pure functions of the job, the place and the time. Times lie on a grid from the start of the job, or
// follow the sun; neither depends on when the server ran.

import { SECOND } from "../base/clock.ts";
import type { Place } from "../spectra/sun.ts";
import { solarDay, SUNRISE_DEG, sunTimes } from "../spectra/sun-events.ts";
import type { JobDefinition, SunEvent } from "./job.ts";

/** A planned run. `isVoid` when the sun does not do on that day what the job waits for. */
export interface Occurrence {
  readonly utcUs: number;
  readonly isVoid?: true;
}

/** Planned runs whose time has come: the newest, and how many came before them. */
export interface Due {
  readonly newest: readonly Occurrence[];
  readonly older?: { readonly runs: number; readonly firstUtcUs: number; readonly lastUtcUs: number };
}

/** `never`: it is over. `unknown`: it follows the sun, and nobody knows where that is. */
export type Next = Occurrence | "never" | "unknown";

/** More than a week of hourly runs is not made up for. */
export const MOST_DUE = 168;

type Timing = Pick<JobDefinition, "startUtcUs" | "endUtcUs" | "intervalUs" | "sun">;

/** The first planned run after a moment. */
export function nextAfter(job: Timing, afterUtcUs: number, place: Place | undefined): Next {
  const next = candidateAfter(job, afterUtcUs, place);
  if (typeof next === "string") return next;
  return next.utcUs > (job.endUtcUs ?? Number.POSITIVE_INFINITY) ? "never" : next;
}

/** The planned runs after one moment and up to another, oldest first. */
export function dueBetween(
  job: Timing,
  { afterUtcUs, untilUtcUs }: { readonly afterUtcUs: number; readonly untilUtcUs: number },
  place: Place | undefined,
): Due {
  const first = nextAfter(job, afterUtcUs, place);
  if (typeof first === "string" || first.utcUs > untilUtcUs) return { newest: [] };
  const { intervalUs } = job;
  if (intervalUs === undefined) return collect(job, { first, untilUtcUs }, place);
  const lastUtcUs = Math.min(untilUtcUs, job.endUtcUs ?? untilUtcUs);
  const runs = Math.floor((lastUtcUs - first.utcUs) / intervalUs) + 1;
  const listed = Math.min(runs, MOST_DUE);
  const at = (index: number): number => first.utcUs + index * intervalUs;
  const newest = Array.from({ length: listed }, (_, index) => ({ utcUs: at(runs - listed + index) }));
  if (listed === runs) return { newest };
  const older = { runs: runs - listed, firstUtcUs: first.utcUs, lastUtcUs: at(runs - listed - 1) };
  return { newest, older };
}

// One by one: they come once a day at most.
function collect(
  job: Timing,
  { first, untilUtcUs }: { readonly first: Occurrence; readonly untilUtcUs: number },
  place: Place | undefined,
): Due {
  const all: Occurrence[] = [];
  let next: Next = first;
  while (typeof next === "object" && next.utcUs <= untilUtcUs) {
    all.push(next);
    next = nextAfter(job, next.utcUs, place);
  }
  const newest = all.slice(-MOST_DUE);
  const last = all.at(-MOST_DUE - 1);
  if (last === undefined) return { newest };
  const older = { runs: all.length - newest.length, firstUtcUs: first.utcUs, lastUtcUs: last.utcUs };
  return { newest, older };
}

function candidateAfter(
  { startUtcUs, intervalUs, sun }: Timing,
  afterUtcUs: number,
  place: Place | undefined,
): Next {
  if (sun !== undefined) {
    if (place === undefined) return "unknown";
    return sunAfter(sun, Math.max(afterUtcUs, startUtcUs - 1), place);
  }
  if (afterUtcUs < startUtcUs) return { utcUs: startUtcUs };
  if (intervalUs === undefined) return "never";
  const step = Math.floor((afterUtcUs - startUtcUs) / intervalUs) + 1;
  return { utcUs: startUtcUs + step * intervalUs };
}

// An event lies within half a day of its noon, and so does the offset: the day before can still have it.
function sunAfter(sun: SunEvent, afterUtcUs: number, place: Place): Next {
  for (let day = solarDay(afterUtcUs, place) - 1; ; day++) {
    const found = sunOn(sun, day, place);
    if (found.utcUs > afterUtcUs) return found;
  }
}

function sunOn(
  { event, elevationDeg = SUNRISE_DEG, offsetS = 0 }: SunEvent,
  day: number,
  place: Place,
): Occurrence {
  const { noonUtcUs, risingUtcUs, settingUtcUs } = sunTimes(day, place, elevationDeg);
  const offsetUs = Math.round(offsetS * SECOND);
  const utcUs = { sunrise: risingUtcUs, noon: noonUtcUs, sunset: settingUtcUs }[event];
  return utcUs === undefined ? { utcUs: noonUtcUs + offsetUs, isVoid: true } : { utcUs: utcUs + offsetUs };
}

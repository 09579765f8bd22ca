// Which of the planned runs whose time has come are begun, and why the others are not.

import { SECOND } from "../base/clock.ts";
import type { Job } from "./job.ts";
import type { Due, Occurrence } from "./plan.ts";
import type { Look } from "./wall-clock.ts";

/** Planned runs, one after the other, that come to nothing for the same reason. */
export interface Skipped {
  readonly plannedUtcUs: number;
  readonly lastPlannedUtcUs: number;
  readonly runs: number;
  readonly reason: "missed" | "suspended" | "no-sun-event";
  readonly message: string;
}

export interface Sorted {
  readonly begin: readonly Occurrence[];
  readonly skipped: readonly Skipped[];
}

export interface Now {
  readonly utcUs: number;
  /** Why runs have been missed, if some have: `the server was not running`. */
  readonly cause: string;
}

/** A run that is begun this late is still the planned one. */
export const LATE_US = 30 * SECOND;

export function sortOut(due: Due, job: Pick<Job, "state" | "onMissed">, now: Now): Sorted {
  const { newest, older } = due;
  const wanted = newest.filter((one) => isWanted(one, job, now));
  // Of those that were missed the newest makes up for all.
  const isLate = ({ utcUs }: Occurrence): boolean => now.utcUs - utcUs > LATE_US;
  const begin =
    job.onMissed === "once"
      ? wanted.filter((one, index) => !isLate(one) || index === wanted.length - 1)
      : wanted;
  const skipped = newest.filter((one) => !begin.includes(one)).map((one) => skippedOne(one, job, now));
  if (older === undefined) return { begin, skipped: grouped(skipped) };
  const { reason, message } = whyNot(job, now);
  const { runs, firstUtcUs: plannedUtcUs, lastUtcUs: lastPlannedUtcUs } = older;
  return { begin, skipped: grouped([{ plannedUtcUs, lastPlannedUtcUs, runs, reason, message }, ...skipped]) };
}

/** Why runs have been missed, if some have. */
export function causeOf({ isFirst, was, jumpUs }: Look): string {
  if (was !== undefined) return was === "unset" ? "the clock was not set" : "the clock was behind";
  if (isFirst) return "the server was not running";
  if (jumpUs > 0) return `the clock was set forwards by ${Math.round(jumpUs / SECOND)} s`;
  return "the server was held up";
}

function isWanted(
  { utcUs, isVoid }: Occurrence,
  { state, onMissed }: Pick<Job, "state" | "onMissed">,
  now: Now,
): boolean {
  if (isVoid === true || state !== "active") return false;
  return onMissed !== "skip" || now.utcUs - utcUs <= LATE_US;
}

function skippedOne({ utcUs, isVoid }: Occurrence, job: Pick<Job, "state">, now: Now): Skipped {
  const planned = { plannedUtcUs: utcUs, lastPlannedUtcUs: utcUs, runs: 1 };
  if (isVoid !== true) return { ...planned, ...whyNot(job, now) };
  return { ...planned, reason: "no-sun-event", message: "the sun does not pass that elevation on this day" };
}

function whyNot({ state }: Pick<Job, "state">, { cause }: Now): Pick<Skipped, "reason" | "message"> {
  if (state === "suspended") return { reason: "suspended", message: "the job was suspended" };
  return { reason: "missed", message: cause };
}

function grouped(all: readonly Skipped[]): readonly Skipped[] {
  const groups: Skipped[] = [];
  for (const one of all) {
    const last = groups.at(-1);
    if (last?.reason !== one.reason) groups.push(one);
    else
      groups[groups.length - 1] = {
        ...last,
        lastPlannedUtcUs: one.lastPlannedUtcUs,
        runs: last.runs + one.runs,
      };
  }
  return groups;
}

// Whether a new job makes sense, before it is stored: nobody is there to see it fail at night.

import { DEFAULTS, LIMITS, requireWithinLimits } from "../acquisition/settings.ts";
import { chosenChannels, turnsOf } from "../acquisition/turns.ts";
import { isoUtc, SECOND } from "../base/clock.ts";
import { requireWithin, VscopeError } from "../base/errors.ts";
import { validRunName } from "../datadir/run-name.ts";
import type { Place } from "../spectra/sun.ts";
import type { CheckValue } from "./conditions.ts";
import type { Action, Conditions, JobDefinition, NewJob } from "./job.ts";
import { nextAfter } from "./plan.ts";

const DAY_S = 86_400;
const INTERVAL_S = { min: 1, max: 366 * DAY_S, unit: "s" } as const;
const TIME_US = { min: 0, max: Date.UTC(2100, 0, 1) * 1000 } as const;

export interface AddedAt {
  readonly utcUs: number;
  readonly isClockSet: boolean;
  readonly place: Place | undefined;
  /** All of the instrument's, where they are known. */
  readonly channels: readonly string[] | undefined;
  /** Absent where nobody knows the resources. */
  readonly checkValue?: CheckValue | undefined;
}

/** The job complete with what it did not say. Throws VALUE_INVALID, VALUE_OUT_OF_RANGE or STATE_CONFLICT with the reason. */
export function checkedJob(asked: NewJob, at: AddedAt): JobDefinition {
  const { startUtcUs = at.utcUs, onMissed = "once", onBusy = "wait", ...rest } = asked;
  if (asked.startUtcUs === undefined && !at.isClockSet)
    throw new VscopeError("STATE_CONFLICT", "job: the clock is not set, a job needs a start until it is");
  const job = { ...rest, startUtcUs, onMissed, onBusy };
  checkAction(job.action, at.channels);
  checkTimes(job, at);
  checkWindows(job.when ?? {});
  for (const wanted of job.when?.values ?? []) at.checkValue?.(wanted);
  if (needsSun(job) && at.place === undefined)
    throw new VscopeError("STATE_CONFLICT", "job: the position is unknown, and with it where the sun is");
  if (at.isClockSet && nextAfter(job, at.utcUs - 1, at.place) === "never")
    throw new VscopeError(
      "VALUE_OUT_OF_RANGE",
      `job: no run is left before its end, ${isoUtc(job.endUtcUs ?? at.utcUs)}`,
    );
  return job;
}

function checkAction(action: Action, channels: AddedAt["channels"]): void {
  if (action.do === "dark" && action.run !== undefined) validRunName(action.run);
  if (action.do === "autointegrate" && action.targetPercent !== undefined)
    requireWithin("targetPercent", action.targetPercent, LIMITS.targetPercent);
  if (action.do !== "record") return;
  const { settings } = action;
  if (settings.run !== undefined) validRunName(settings.run);
  requireWithinLimits({ ...DEFAULTS, ...settings });
  if (channels !== undefined)
    turnsOf(settings.order ?? DEFAULTS.order, chosenChannels(settings.channels, channels));
}

// A window in which the sun can never be.
function checkWindows({ sunElevationDeg = {}, sunAzimuthDeg }: Conditions): void {
  const { min = -90, max = 90 } = sunElevationDeg;
  if (min > max)
    throw new VscopeError("VALUE_OUT_OF_RANGE", `job: sun elevation from ${min} to ${max} degrees is empty`);
  if (sunAzimuthDeg === undefined || sunAzimuthDeg.from !== sunAzimuthDeg.to) return;
  const fact = `sun azimuth from ${sunAzimuthDeg.from} to ${sunAzimuthDeg.to} degrees is empty`;
  throw new VscopeError("VALUE_OUT_OF_RANGE", `job: ${fact}, all around is 0 to 360`);
}

function checkTimes(job: JobDefinition, { utcUs, isClockSet }: AddedAt): void {
  const { startUtcUs, endUtcUs, intervalUs, sun } = job;
  for (const time of [startUtcUs, endUtcUs ?? startUtcUs]) requireWithin("job: time", time, TIME_US);
  if (intervalUs !== undefined) requireWithin("job: interval", intervalUs / SECOND, INTERVAL_S);
  const isRepeated = intervalUs !== undefined || sun !== undefined;
  if (intervalUs !== undefined && sun !== undefined)
    throw new VscopeError("VALUE_INVALID", "job: it follows the sun or an interval, not both");
  if (sun?.event === "noon" && sun.elevationDeg !== undefined)
    throw new VscopeError("VALUE_INVALID", "job: an elevation is for sunrise and sunset, noon has its own");
  if (endUtcUs !== undefined && !isRepeated)
    throw new VscopeError("VALUE_INVALID", "job: an end is for jobs with an interval or the sun");
  if (endUtcUs !== undefined && endUtcUs < startUtcUs)
    throw new VscopeError("VALUE_OUT_OF_RANGE", `job: its end, ${isoUtc(endUtcUs)}, is before its start`);
  if (!isRepeated && isClockSet && startUtcUs < utcUs) {
    const fact = `job: its time, ${isoUtc(startUtcUs)}, is past, it is ${isoUtc(utcUs)}`;
    throw new VscopeError("VALUE_OUT_OF_RANGE", fact);
  }
}

/** Whether one must know where the sun is to tell when it runs. */
export function needsSun({ sun, when }: Pick<JobDefinition, "sun" | "when">): boolean {
  return sun !== undefined || when?.sunElevationDeg !== undefined || when?.sunAzimuthDeg !== undefined;
}

// The hours in which nothing is recorded by schedule, and within them those without power. They are hours of the clock on
// the wall of a time zone, so they may lie over midnight and follow summer time.

import { z } from "zod";
import { SECOND } from "../base/clock.ts";

export const DAY_S = 86_400;

export const quietTime = z.strictObject({
  enabled: z.boolean(),
  /** Seconds of the day in the time zone. Equal ones are no time at all. */
  startS: z
    .int()
    .min(0)
    .max(DAY_S - 1),
  endS: z
    .int()
    .min(0)
    .max(DAY_S - 1),
  /** `UTC` or a name of the IANA database, such as `Europe/London`. */
  timeZone: z.string().refine(isTimeZone, "expected UTC or a time zone such as Europe/London"),
  /** Whether the spectrometers' power is off within quiet time. */
  powerOffEnabled: z.boolean(),
  /** From the start of quiet time until power is off, and from power on until its end. */
  powerDelayS: z.int().min(0).max(DAY_S),
});

export type QuietTime = Readonly<z.infer<typeof quietTime>>;

/** As on a Piccolo. */
export const NO_QUIET_TIME: QuietTime = {
  enabled: false,
  startS: 22 * 3600,
  endS: 4 * 3600,
  timeZone: "UTC",
  powerOffEnabled: false,
  powerDelayS: 600,
};

/** Whether it is quiet time at a moment: from the start, up to but without the end. */
export function isQuiet(quiet: QuietTime, utcUs: number): boolean {
  if (!quiet.enabled) return false;
  return sinceStartS(quiet, utcUs) < lengthS(quiet);
}

/** Whether power is to be off at a moment. Quiet time that is not longer than both delays together leaves it on. */
export function isPowerOffTime(quiet: QuietTime, utcUs: number): boolean {
  const { enabled, powerOffEnabled, powerDelayS } = quiet;
  if (!enabled || !powerOffEnabled) return false;
  const sinceS = sinceStartS(quiet, utcUs);
  return sinceS >= powerDelayS && sinceS < lengthS(quiet) - powerDelayS;
}

/** The second of the day in `22:00` or `22:00:30`. */
export function secondOfText(text: string): number {
  const [hours = 0, minutes = 0, seconds = 0] = text.split(":").map(Number);
  return hours * 3600 + minutes * 60 + seconds;
}

function lengthS({ startS, endS }: QuietTime): number {
  return (endS - startS + DAY_S) % DAY_S;
}

function sinceStartS({ startS, timeZone }: QuietTime, utcUs: number): number {
  return (secondOfDay(utcUs, timeZone) - startS + DAY_S) % DAY_S;
}

function secondOfDay(utcUs: number, timeZone: string): number {
  if (timeZone === "UTC") return Math.floor(utcUs / SECOND) % DAY_S;
  return secondOfText(clockOf(timeZone).format(Math.floor(utcUs / 1000)));
}

// Making one takes a hundred times as long as using it.
const clocks = new Map<string, Intl.DateTimeFormat>();

function clockOf(timeZone: string): Intl.DateTimeFormat {
  const known = clocks.get(timeZone);
  if (known !== undefined) return known;
  const digits = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" } as const;
  const made = new Intl.DateTimeFormat("en-GB", { timeZone, ...digits });
  clocks.set(timeZone, made);
  return made;
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en-GB", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

// Times as piccolo3's clients write them: moments of jobs, and times of day of the quiet time. All become UTC; unlike in
// piccolo3, an offset counts.

import { isoUtc, MS, SECOND } from "../../base/clock.ts";
import { textOf, wrong } from "./values.ts";

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const ISO = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9}))?\s*(Z|UTC|GMT|[+-]\d\d:?\d\d)?$/i;
const WORDS =
  /^(\d{1,2}) ([a-z]{3})[a-z]* (\d{4}) (\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9}))?\s*(Z|UTC|GMT|[+-]\d\d:?\d\d)?$/i;
const TIME_OF_DAY = /^(\d{1,2}):(\d{1,2}):(\d{1,2})\s*(Z|UTC|[+-]\d\d:?\d\d)?$/;
const DAY_S = 86_400;

/** A moment as text, UTC in microseconds. Without an offset it is UTC where `isUtc` says so. Throws VALUE_INVALID. */
export function momentOf(name: string, given: unknown, isUtc: boolean): number {
  const text = textOf(name, given).trim();
  const parts = isoParts(text) ?? wordParts(text);
  if (parts === undefined) throw wrong(name, given, "a time such as 2026-06-21 12:00:00+00:00");
  if (parts.offset === undefined && !isUtc) throw wrong(name, given, "a time with its offset from UTC");
  const time = parts.time.length === 5 ? `${parts.time}:00` : parts.time;
  const ms = Date.parse(`${parts.date}T${time}Z`);
  if (Number.isNaN(ms)) throw wrong(name, given, "a time");
  const fractionUs = Number((parts.fraction ?? "").slice(0, 6).padEnd(6, "0"));
  return ms * MS + fractionUs - offsetS(parts.offset) * SECOND;
}

/** As piccolo3 writes a moment: 2026-11-20T16:06:10.274000+00:00, and 2026-11-20T16:06:10+00:00 for a whole second. */
export function momentText(utcUs: number): string {
  return isoUtc(utcUs).replace(/(\.0{6})?Z$/, "+00:00");
}

/** A time of day, in seconds of the UTC day. Throws VALUE_INVALID. */
export function timeOfDayOf(name: string, given: unknown): number {
  const [, hours, minutes, seconds, offset] = TIME_OF_DAY.exec(textOf(name, given).trim()) ?? [];
  const [h, m, s] = [Number(hours), Number(minutes), Number(seconds)];
  if (!(h < 24 && m < 60 && s < 60)) throw wrong(name, given, "a time of day such as 22:00:00");
  return (3600 * h + 60 * m + s - offsetS(offset) + 2 * DAY_S) % DAY_S;
}

/** As piccolo3 writes a time of day: 22:00:00+0000. */
export function timeOfDayText(seconds: number, offset: number): string {
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, Math.floor(seconds) % 60];
  const minutes = Math.round(Math.abs(offset) / 60);
  const ahead = `${offset < 0 ? "-" : "+"}${padded(Math.floor(minutes / 60))}${padded(minutes % 60)}`;
  return `${parts.map(padded).join(":")}${ahead}`;
}

/** How far a time zone is ahead of UTC at a moment. */
export function zoneOffsetS(timeZone: string, utcUs: number): number {
  if (timeZone === "UTC") return 0;
  const format = new Intl.DateTimeFormat("en-GB", { timeZone, timeZoneName: "longOffset" });
  const name = format.formatToParts(Math.floor(utcUs / MS)).find(({ type }) => type === "timeZoneName");
  return offsetS(name?.value.replace("GMT", ""));
}

function padded(part: number): string {
  return String(part).padStart(2, "0");
}

interface MomentParts {
  readonly date: string;
  readonly time: string;
  readonly fraction: string | undefined;
  readonly offset: string | undefined;
}

function isoParts(text: string): MomentParts | undefined {
  const [, date, time, fraction, offset] = ISO.exec(text) ?? [];
  return date === undefined || time === undefined ? undefined : { date, time, fraction, offset };
}

function wordParts(text: string): MomentParts | undefined {
  const [, day = "", month = "", year = "", time, fraction, offset] = WORDS.exec(text) ?? [];
  const number = MONTHS.indexOf(month.toLowerCase()) + 1;
  if (time === undefined || number === 0) return undefined;
  const date = `${year}-${String(number).padStart(2, "0")}-${day.padStart(2, "0")}`;
  return { date, time, fraction, offset };
}

function offsetS(offset: string | undefined): number {
  const [, sign, hours, minutes] = /^([+-])(\d\d):?(\d\d)$/.exec(offset ?? "") ?? [];
  const seconds = 3600 * Number(hours ?? 0) + 60 * Number(minutes ?? 0);
  return sign === "-" ? -seconds : seconds;
}

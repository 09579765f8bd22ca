// A job in a line.

import { z } from "zod";
import { isoUtc } from "../../../base/clock.ts";
import { type Comparison, type Conditions, conditions, SUN_EVENTS } from "../../../scheduler/job.ts";
import { nextAfter } from "../../../scheduler/plan.ts";
import type { Place } from "../../../spectra/sun.ts";

export const jobShape = z.looseObject({
  id: z.number(),
  state: z.string(),
  name: z.string().optional(),
  action: z.looseObject({ do: z.string(), settings: z.record(z.string(), z.unknown()).optional() }),
  start: z.string(),
  end: z.string().optional(),
  next: z.string().optional(),
  nextVoid: z.string().optional(),
  /** In the answer to the one who added it. */
  warnings: z.array(z.string()).optional(),
  intervalS: z.number().optional(),
  sun: z
    .looseObject({
      event: z.enum(SUN_EVENTS),
      elevationDeg: z.number().optional(),
      offsetS: z.number().optional(),
    })
    .optional(),
  when: z.looseObject({}).optional(),
});
export type ShownJob = z.infer<typeof jobShape>;

/** `record run=plot10 sequences=5`, with its name before it. */
export function actionText({ name, action }: ShownJob): string {
  const settings = Object.entries(action.settings ?? {}).map(([key, value]) => `${key}=${String(value)}`);
  return [name === undefined ? "" : `${name}:`, action.do, ...settings]
    .filter((part) => part !== "")
    .join(" ");
}

/** `every 10 min until ..., if ...`. */
export function whenText({ start, end, intervalS, sun, when }: ShownJob): string {
  const parts = [rhythm({ start, intervalS, sun })];
  if (end !== undefined) parts.push(`until ${shortTime(end)}`);
  if (when !== undefined) parts.push(`if ${conditionsText(when)}`);
  return parts.join(" ");
}

// A newer server may know more than this.
function conditionsText(when: object): string {
  const known = conditions.safeParse(when);
  if (!known.success) return JSON.stringify(when);
  const { sunElevationDeg, sunAzimuthDeg, values = [] } = known.data;
  const azimuth =
    sunAzimuthDeg && `sun from ${sunAzimuthDeg.from} to ${sunAzimuthDeg.to} degrees, clockwise from north`;
  const all = [sunElevationDeg && elevationText(sunElevationDeg), azimuth, ...values.map(comparisonText)];
  return all.filter((text) => text !== undefined).join(" and ");
}

function elevationText({ min, max }: NonNullable<Conditions["sunElevationDeg"]>): string | undefined {
  if (min === undefined) return max === undefined ? undefined : `sun below ${max} degrees`;
  return max === undefined ? `sun above ${min} degrees` : `sun at ${min} to ${max} degrees`;
}

/** As `--if` takes it. */
function comparisonText({ path, field, is, value }: Comparison): string {
  return [path, field, is, typeof value === "number" ? shortNumber(value) : String(value)]
    .filter((part) => part !== undefined)
    .join(" ");
}

function shortNumber(value: number): string {
  const [plain, exponential] = [String(value), value.toExponential().replace("e+", "e")];
  return exponential.length < plain.length ? exponential : plain;
}

const YEAR_US = 366 * 86_400e6;

/** The next run; or from when there can be one, where the sun does not come to that for days. */
export function nextText({ next, nextVoid, state, sun, start }: ShownJob, place: Place | undefined): string {
  if (next !== undefined) return shortTime(next);
  if (state !== "active" || sun === undefined) return "-";
  if (nextVoid === undefined) return "position unknown";
  const utcUs = Date.parse(nextVoid) * 1000;
  const found = place && firstEvent({ startUtcUs: Date.parse(start) * 1000, sun }, utcUs, place);
  if (found === undefined) return `no ${sun.event} on ${nextVoid.slice(0, 10)}`;
  return found === "none"
    ? `no ${sun.event} within a year`
    : `no ${sun.event} before ${isoUtc(found).slice(0, 10)}`;
}

function firstEvent(
  job: { readonly startUtcUs: number; readonly sun: NonNullable<ShownJob["sun"]> },
  fromUtcUs: number,
  place: Place,
): number | "none" {
  let afterUtcUs = fromUtcUs - 1;
  while (afterUtcUs < fromUtcUs + YEAR_US) {
    const next = nextAfter(job, afterUtcUs, place);
    if (typeof next === "string") break;
    if (next.isVoid !== true) return next.utcUs;
    afterUtcUs = next.utcUs;
  }
  return "none";
}

function rhythm({ start, intervalS, sun }: Pick<ShownJob, "start"> & Partial<ShownJob>): string {
  if (intervalS !== undefined) return `every ${durationText(intervalS)} from ${shortTime(start)}`;
  if (sun === undefined) return `once at ${shortTime(start)}`;
  const { event, elevationDeg, offsetS = 0 } = sun;
  const at = elevationDeg === undefined ? event : `${event} at ${elevationDeg} degrees`;
  if (offsetS === 0) return `daily, ${at}`;
  return `daily, ${durationText(Math.abs(offsetS))} ${offsetS < 0 ? "before" : "after"} ${at}`;
}

/** `2026-06-21 12:00:00`. */
export function shortTime(iso: string): string {
  return iso.slice(0, 19).replace("T", " ");
}

function durationText(seconds: number): string {
  if (seconds % 3600 === 0) return `${seconds / 3600} h`;
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}

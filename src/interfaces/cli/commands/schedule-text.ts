// A job in a line.

import { z } from "zod";

export const jobShape = z.looseObject({
  id: z.number(),
  state: z.string(),
  name: z.string().optional(),
  action: z.looseObject({ do: z.string(), settings: z.record(z.string(), z.unknown()).optional() }),
  start: z.string(),
  end: z.string().optional(),
  next: z.string().optional(),
  intervalS: z.number().optional(),
  sun: z
    .looseObject({ event: z.string(), elevationDeg: z.number().optional(), offsetS: z.number().optional() })
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
  if (when !== undefined) parts.push(`if ${JSON.stringify(when)}`);
  return parts.join(" ");
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

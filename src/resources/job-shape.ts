// A job and its history as the tree shows them: times in ISO 8601, durations in seconds.

import { z } from "zod";
import { definedOnly } from "../base/defined-only.ts";
import { isoUtc, MS, SECOND } from "../base/clock.ts";
import type { HistoryRow } from "../scheduler/history.ts";
import { BUSY, conditions, type Job, MISSED, type NewJob, sunEvent } from "../scheduler/job.ts";
import { batch } from "./acquisition.ts";
import { isoTime } from "./iso-time.ts";

const action = z.discriminatedUnion("do", [
  z.strictObject({ do: z.literal("record"), settings: batch.default({}) }),
  z.strictObject({ do: z.literal("dark"), run: z.string().optional() }),
  z.strictObject({ do: z.literal("autointegrate"), targetPercent: z.number().optional() }),
  z.strictObject({ do: z.literal("power-off") }),
  z.strictObject({ do: z.literal("power-on") }),
]);

/** Of a POST: what is absent is left to the scheduler. */
export const newJobShape = z.strictObject({
  name: z.string().max(100).optional(),
  action,
  start: isoTime.optional(),
  end: isoTime.optional(),
  intervalS: z.number().optional(),
  sun: sunEvent.optional(),
  when: conditions.optional(),
  onMissed: z.enum(MISSED).optional(),
  onBusy: z.enum(BUSY).optional(),
});

export const jobShape = newJobShape.extend({
  id: z.int(),
  state: z.enum(["active", "suspended", "finished", "deleted"]),
  next: isoTime.optional(),
  nextVoid: isoTime.optional(),
});
export type JobShape = z.infer<typeof jobShape>;

export function newJobOf({
  start,
  end,
  intervalS,
  name,
  action: asked,
  ...rest
}: z.infer<typeof newJobShape>): NewJob {
  const times = {
    startUtcUs: start === undefined ? undefined : utcUsOf(start),
    endUtcUs: end === undefined ? undefined : utcUsOf(end),
    intervalUs: intervalS === undefined ? undefined : Math.round(intervalS * SECOND),
  };
  const what = asked.do === "record" ? { do: asked.do, settings: definedOnly(asked.settings) } : asked;
  return { ...definedOnly({ name, ...rest, ...times }), action: what };
}

export function shapeOfJob({
  startUtcUs,
  endUtcUs,
  intervalUs,
  nextUtcUs,
  nextVoidUtcUs,
  action: what,
  ...rest
}: Job): JobShape {
  const times = {
    start: isoUtc(startUtcUs),
    end: endUtcUs === undefined ? undefined : isoUtc(endUtcUs),
    intervalS: intervalUs === undefined ? undefined : intervalUs / SECOND,
    next: nextUtcUs === undefined ? undefined : isoUtc(nextUtcUs),
    nextVoid: nextVoidUtcUs === undefined ? undefined : isoUtc(nextVoidUtcUs),
  };
  const shown = what.do === "record" ? { do: what.do, settings: { ...what.settings } } : what;
  return { ...definedOnly({ ...rest, ...times }), start: times.start, action: shown };
}

export const historyShape = z.object({
  id: z.number(),
  /** Absent for what the scheduler itself does. */
  job: z.number().optional(),
  what: z.string(),
  planned: z.string(),
  /** Of the last of several runs. */
  lastPlanned: z.string().optional(),
  runs: z.number(),
  outcome: z.string(),
  reason: z.string().optional(),
  message: z.string().optional(),
  started: z.string().optional(),
  ended: z.string().optional(),
  operation: z.string().optional(),
  result: z.unknown().optional(),
});

export function shapeOfRow(row: HistoryRow): z.infer<typeof historyShape> {
  const { id, what, runs, outcome, plannedUtcUs, lastPlannedUtcUs, result } = row;
  const optional = {
    job: row.job ?? undefined,
    lastPlanned: runs === 1 ? undefined : isoUtc(lastPlannedUtcUs),
    reason: row.reason ?? undefined,
    message: row.message ?? undefined,
    started: row.startedUtcUs === null ? undefined : isoUtc(row.startedUtcUs),
    ended: row.endedUtcUs === null ? undefined : isoUtc(row.endedUtcUs),
    operation: row.operation ?? undefined,
  };
  const produced: { readonly result?: unknown } = result === null ? {} : { result: JSON.parse(result) };
  return { id, what, planned: isoUtc(plannedUtcUs), runs, outcome, ...definedOnly(optional), ...produced };
}

function utcUsOf(iso: string): number {
  return Date.parse(iso) * MS;
}

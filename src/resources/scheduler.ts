// /scheduler: jobs, quiet time, and what became of every planned run.

import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { definedOnly } from "../base/defined-only.ts";
import { isoUtc } from "../base/clock.ts";
import { VscopeError } from "../base/errors.ts";
import { DAY_S, type QuietTime, secondOfText } from "../scheduler/quiet-time.ts";
import {
  historyShape,
  type JobShape,
  jobShape,
  newJobOf,
  newJobShape,
  shapeOfJob,
  shapeOfRow,
} from "./job-shape.ts";
import { declare, type ServerModel } from "./model.ts";
import { page, wholeNumber } from "./page.ts";

const OUTCOMES = [
  "waiting",
  "running",
  "done",
  "failed",
  "cancelled",
  "interrupted",
  "skipped",
  "note",
] as const;

const timeOfDay = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$/, "expected a time of the day such as 22:00 or 22:00:30");
// Of PUT: what is to change.
const quietTime = z.strictObject({
  enabled: z.boolean().optional(),
  start: timeOfDay.optional(),
  end: timeOfDay.optional(),
  timeZone: z.string().optional(),
  powerOff: z.boolean().optional(),
  powerDelayS: z.int().min(0).max(DAY_S).optional(),
});

const EXAMPLE: JobShape = {
  id: 3,
  state: "active",
  action: { do: "record", settings: { run: "plot10", sequences: 5, autointegrate: 0 } },
  start: "2026-06-21T06:00:00.000000Z",
  intervalS: 600,
  when: { sunElevationDeg: { min: 20 } },
  onMissed: "once",
  onBusy: "wait",
  next: "2026-06-21T12:10:00.000000Z",
};

export const SCHEDULER = [
  declare("/scheduler", {
    summary:
      "What the scheduler waits for, and whether it can: the clock must be set, jobs outlive a restart; problems say why not",
    value: z.object({
      isClockSet: z.boolean(),
      isQuiet: z.boolean(),
      isPowerOff: z.boolean(),
      running: z.number().optional(),
      waiting: z.number(),
      next: z.string().optional(),
      isLasting: z.boolean(),
      problems: z.array(z.string()).readonly().optional(),
      jobs: z.number(),
    }),
    get: ({ scheduler }) => {
      const { nextUtcUs, ...status } = scheduler.status.value;
      const next = nextUtcUs === undefined ? {} : { next: isoUtc(nextUtcUs) };
      return { ...status, ...next, jobs: scheduler.jobs.value.length };
    },
    watch: ({ scheduler }) => [scheduler.status, scheduler.jobs],
  }),
  declare("/scheduler/jobs", {
    summary:
      "Jobs that are active or suspended; nextVoid: the sun does not do then what the job waits for; POST adds one, its answer has warnings when no run is in sight",
    type: "core.ll",
    typicalBytes: 2_000,
    value: z.array(jobShape),
    example: [EXAMPLE],
    get: ({ scheduler }) => scheduler.jobs.value.map(shapeOfJob),
    watch: ({ scheduler }) => [scheduler.jobs],
    input: newJobShape,
    post: ({ scheduler }, _at, asked) => {
      const job = scheduler.add(newJobOf(asked));
      const warnings = scheduler.warnings(job);
      const value = { ...shapeOfJob(job), ...(warnings.length === 0 ? {} : { warnings }) };
      return { location: ["scheduler", "jobs", String(job.id)], value };
    },
  }),
  declare("/scheduler/jobs/{id}", {
    summary: "A job in any state; PUT and PATCH suspend it and make it active again, DELETE ends it",
    value: jobShape,
    example: EXAMPLE,
    instances: ({ scheduler }: ServerModel) => scheduler.jobs.value.map(({ id }) => ({ id: String(id) })),
    get: ({ scheduler }, { id }) => shapeOfJob(scheduler.job(numberOf(id))),
    watch: ({ scheduler }) => [scheduler.jobs],
    put: ({ scheduler }, { id }, wanted) => {
      const job = numberOf(id);
      const { state, next: _, nextVoid: __, ...rest } = definedOnly(wanted);
      const { state: present, next: ___, nextVoid: ____, ...same } = shapeOfJob(scheduler.job(job));
      if (!isDeepStrictEqual(rest, same))
        throw new VscopeError(
          "VALUE_INVALID",
          `job ${id}: only its state can be set; delete it and add another`,
        );
      if (state === present) return;
      if (state === "suspended") scheduler.suspend(job);
      else if (state === "active") scheduler.resume(job);
      else throw new VscopeError("VALUE_INVALID", `job ${id}: its state can be set to active or suspended`);
    },
    delete: ({ scheduler }, { id }) => scheduler.delete(numberOf(id)),
  }),
  declare("/scheduler/quiet-time", {
    summary:
      "Hours in which nothing is recorded by schedule, and whether the spectrometers have power in them",
    value: quietTime,
    putMerges: true,
    example: {
      enabled: true,
      start: "22:00:00",
      end: "04:00:00",
      timeZone: "UTC",
      powerOff: true,
      powerDelayS: 600,
    },
    get: ({ scheduler }) => shapeOfQuietTime(scheduler.quietTime.value),
    watch: ({ scheduler }) => [scheduler.quietTime],
    put: ({ scheduler }, _at, { start, end, powerOff, ...rest }) => {
      const changed = {
        startS: start === undefined ? undefined : secondOfText(start),
        endS: end === undefined ? undefined : secondOfText(end),
        powerOffEnabled: powerOff,
      };
      scheduler.setQuietTime(definedOnly({ ...rest, ...changed }));
    },
  }),
  declare("/scheduler/history", {
    summary:
      "What became of every planned run, newest first; runs skipped in a row share a line; query job, outcome, offset, limit",
    type: "core.ll",
    typicalBytes: 8_000,
    query: z.strictObject({ ...page(50), job: wholeNumber.optional(), outcome: z.enum(OUTCOMES).optional() }),
    value: z.object({ total: z.number(), rows: z.array(historyShape) }),
    get: ({ scheduler }, _at, { offset, limit, ...query }) => {
      const { total, rows } = scheduler.history.page({ offset, limit, ...definedOnly(query) });
      return { total, rows: rows.map(shapeOfRow) };
    },
    watch: ({ scheduler }) => [scheduler.history.changes],
  }),
];

function shapeOfQuietTime(quiet: QuietTime) {
  const { enabled, startS, endS, timeZone, powerOffEnabled: powerOff, powerDelayS } = quiet;
  return { enabled, start: textOf(startS), end: textOf(endS), timeZone, powerOff, powerDelayS };
}

function numberOf(id: string): number {
  const number = /^[1-9]\d{0,14}$/.test(id) ? Number(id) : Number.NaN;
  if (Number.isNaN(number))
    throw new VscopeError("RESOURCE_NOT_FOUND", `job ${id.slice(0, 20)}: there is none`);
  return number;
}

function textOf(second: number): string {
  return new Date(second * 1000).toISOString().slice(11, 19);
}

// The schedule of a Piccolo, from its `scheduler.sqlite`; the format as piccolo3-server 0.5 was seen to write it:
//   jobs       id, job (JSON: ["record", [run, nsequence, auto, delay, target]], ["power_off"] or ["power_on"]), start_time,
//              next_time, end_time, interval, ignoreQuietTime (1 for power), status (active, suspended, done, deleted)
//   quiettime  label (start, end), datetime: its time of day counts, the date moves on each day
//   settings   key (quiet_time_enabled, power_off_enabled: True or False; power_delay: seconds), value
// Times are UTC without a zone, `2026-11-22 19:44:08.250000`; an interval is the moment that long after 1970-01-01.

import { constants } from "node:fs";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { z } from "zod";
import { definedOnly } from "../../base/defined-only.ts";
import { isVscopeError, messageOf } from "../../base/errors.ts";
import type { newJobShape } from "../../resources/job-shape.ts";
import { usageError } from "./exit-codes.ts";

/** As `POST /scheduler/jobs` takes it. */
export type JobInput = z.input<typeof newJobShape> & { readonly name: string; readonly start: string };

export interface OldJob {
  readonly id: number;
  readonly status: "active" | "suspended" | "done" | "deleted";
  readonly input: JobInput;
}

export interface OldSchedule {
  readonly jobs: readonly OldJob[];
  /** Rows that are no jobs, each with what is wrong. */
  readonly unreadable: readonly string[];
  /** As `PUT /scheduler/quiet-time` takes it; or why it cannot be read. */
  readonly quietTime: QuietTimeInput | string;
}

const moment = z
  .string()
  .regex(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?$/, "not a time such as 2026-11-22 19:44:08.250000")
  .transform((text) => `${text.replace(" ", "T")}Z`);

const task = z.union([
  z
    .tuple([
      z.literal("record"),
      z.tuple([z.string().nullable(), z.number(), z.number(), z.number(), z.number()]),
    ])
    .transform(([, [run, sequences, autointegrate, delayS, targetPercent]]) => {
      const settings = { run: run ?? undefined, sequences, autointegrate, delayS, targetPercent };
      return { do: "record" as const, settings: definedOnly(settings) };
    }),
  z.tuple([z.literal("power_off")]).transform(() => ({ do: "power-off" as const })),
  z.tuple([z.literal("power_on")]).transform(() => ({ do: "power-on" as const })),
]);

const jobRow = z.object({
  id: z.int(),
  job: z.string().transform(parsedJson).pipe(task),
  start_time: moment,
  end_time: moment.nullable(),
  interval: moment.nullable().transform((at) => (at === null ? 0 : Date.parse(at) / 1000)),
  status: z.enum(["active", "suspended", "done", "deleted"]),
});

const onOff = z.enum(["True", "False"]).transform((text) => text === "True");
const timeOfDay = moment.transform((at) => at.slice(11, 19));

const quietTime = z
  .object({
    quiet_time_enabled: onOff,
    power_off_enabled: onOff,
    power_delay: z.string().regex(/^\d+$/, "not whole seconds").transform(Number),
    start: timeOfDay,
    end: timeOfDay,
  })
  .transform(({ quiet_time_enabled: enabled, power_off_enabled: powerOff, power_delay, start, end }) => ({
    enabled,
    start,
    end,
    timeZone: "UTC",
    powerOff,
    powerDelayS: power_delay,
  }));
export type QuietTimeInput = z.output<typeof quietTime>;

/** Reads a copy: the file itself is never touched. Throws VALUE_INVALID when it is not piccolo3's schedule. */
export async function readPiccolo3Schedule(path: string): Promise<OldSchedule> {
  const folder = await mkdtemp(join(tmpdir(), "vscope-"));
  try {
    return scheduleIn(await copied(path, folder));
  } catch (error) {
    if (isVscopeError(error)) throw error;
    throw usageError(`${path}: not the schedule of a Piccolo (${messageOf(error)})`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

// With the journal that a power cut has left: SQLite needs it to undo what was half written.
async function copied(path: string, folder: string): Promise<string> {
  const copy = join(folder, "scheduler.sqlite");
  for (const ending of ["-journal", "-wal"])
    await copyFile(`${path}${ending}`, `${copy}${ending}`, constants.COPYFILE_EXCL).catch(() => undefined);
  try {
    await copyFile(path, copy);
  } catch (error) {
    throw usageError(`${path}: the file cannot be read (${messageOf(error)})`);
  }
  return copy;
}

function scheduleIn(copy: string): OldSchedule {
  const database = new Database(copy);
  try {
    const rows = database.prepare<[], { id: unknown }>("SELECT * FROM jobs ORDER BY id").all();
    const read = rows.map((row) => ({ id: row.id, parsed: jobRow.safeParse(row) }));
    return {
      jobs: read.flatMap(({ parsed }) => (parsed.success ? [oldJob(parsed.data)] : [])),
      unreadable: read.flatMap(({ id, parsed }) =>
        parsed.success ? [] : [`job ${String(id)}: ${firstIssue(parsed.error)}`],
      ),
      quietTime: quietTimeIn(database),
    };
  } finally {
    database.close();
  }
}

// Without an interval an end means nothing there, and an interval of nothing is none.
function oldJob({ id, job, start_time: start, end_time, interval, status }: z.output<typeof jobRow>): OldJob {
  const repeated = interval > 0 ? { intervalS: interval, end: end_time ?? undefined } : {};
  return { id, status, input: { name: `piccolo3/${id}`, action: job, start, ...definedOnly(repeated) } };
}

function quietTimeIn(database: Database.Database): QuietTimeInput | string {
  const pairs = database
    .prepare<[], { name: string; value: unknown }>(
      "SELECT key AS name, value FROM settings UNION ALL SELECT label, datetime FROM quiettime",
    )
    .all();
  const parsed = quietTime.safeParse(Object.fromEntries(pairs.map(({ name, value }) => [name, value])));
  return parsed.success ? parsed.data : firstIssue(parsed.error);
}

export function firstIssue({ issues: [issue] }: z.ZodError): string {
  return `${issue?.path.join(".")}: ${issue?.message}`;
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

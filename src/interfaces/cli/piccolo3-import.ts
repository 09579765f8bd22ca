// Adds the jobs and the quiet time of a Piccolo to the schedule of a server, and reports what became of each. A job that was
// imported before is known by its name and start, and is not added again.

import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { MS } from "../../base/clock.ts";
import { isVscopeError, messageOf, VscopeError } from "../../base/errors.ts";
import type { VscopeClient } from "../../client/vscope-client.ts";
import { newJobOf, newJobShape } from "../../resources/job-shape.ts";
import { checkedJob } from "../../scheduler/check-job.ts";
import {
  firstIssue,
  type JobInput,
  type OldJob,
  type OldSchedule,
  readPiccolo3Schedule,
} from "./piccolo3-schedule.ts";
import type { Session } from "./session.ts";
import { renderTable } from "./table.ts";
import { printable } from "./value-text.ts";
import { actionText, jobShape, type ShownJob, whenText } from "./commands/schedule-text.ts";

const JOBS = ["scheduler", "jobs"] as const;
const QUIET_TIME = ["scheduler", "quiet-time"] as const;

/** One that is switched off holds back nothing: nobody misses its times. */
const quietShape = z.looseObject({ enabled: z.boolean() });

/** What became of a job; `refused` is for somebody to look at, `over` is not. */
interface Fate {
  readonly outcome: "imported" | "would be imported" | "imported before" | "over" | "refused";
  /** Its number on the server. */
  readonly job?: number;
  readonly reason?: string;
}

interface Import {
  readonly client: VscopeClient;
  readonly signal: AbortSignal;
  readonly utcUs: number;
  readonly isDry: boolean;
}

/** Throws VALUE_INVALID when a job is refused that somebody may wait for; the others are imported. */
export async function importPiccolo3Schedule(session: Session, file: string, isDry: boolean): Promise<void> {
  const old = await readPiccolo3Schedule(file);
  await session.withClient((client) => importAll(session, client, { old, isDry }));
}

async function importAll(
  session: Session,
  client: VscopeClient,
  { old, isDry }: { readonly old: OldSchedule; readonly isDry: boolean },
): Promise<void> {
  const { signal, clock } = session;
  const task: Import = { client, signal, utcUs: clock.utcUs(), isDry };
  const here = await client.getAs(JOBS, z.array(jobShape), signal);
  const jobs: (Fate & { readonly old: OldJob })[] = [];
  for (const job of old.jobs) jobs.push({ old: job, ...(await fateOf(job, here, task)) });
  const quietTime = await importQuietTime(old.quietTime, task);
  const report = { jobs: jobs.map(shownFate), unreadable: old.unreadable, quietTime };
  session.print(report, () => `${fatesTable(jobs)}quiet time: ${quietTime}\n`);
  for (const row of old.unreadable) session.say(printable(`${row}, not imported`));
  const refused = jobs.filter(({ outcome }) => outcome === "refused").length + old.unreadable.length;
  if (refused > 0) throw new VscopeError("VALUE_INVALID", `jobs that are not imported: ${refused}`);
}

async function fateOf(old: OldJob, here: readonly ShownJob[], task: Import): Promise<Fate> {
  const { status, input } = old;
  if (status === "done" || status === "deleted") return { outcome: "over", reason: status };
  const before = here.find(
    ({ name, start }) => name === input.name && Date.parse(start) === Date.parse(input.start),
  );
  if (before !== undefined) return { outcome: "imported before", job: before.id };
  const last = input.intervalS === undefined ? input.start : input.end;
  if (last !== undefined && Date.parse(last) * MS < task.utcUs)
    return { outcome: "over", reason: `its time is past, ${last}` };
  try {
    if (!task.isDry) return { outcome: "imported", job: await add(old, task) };
    checkJob(input, task.utcUs);
    return { outcome: "would be imported" };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return { outcome: "refused", reason: messageOf(error) };
  }
}

// As the server would.
function checkJob(input: JobInput, utcUs: number): void {
  const { success, data, error } = newJobShape.safeParse(input);
  if (!success) throw new VscopeError("VALUE_INVALID", firstIssue(error));
  checkedJob(newJobOf(data), { utcUs, isClockSet: true, place: undefined, channels: undefined });
}

// What is refused for the job itself; without the right to add it none can be added.
function isRefusal(error: unknown): boolean {
  return (["VALUE_INVALID", "VALUE_OUT_OF_RANGE", "STATE_CONFLICT"] as const).some((code) =>
    isVscopeError(error, code),
  );
}

async function add({ status, input }: OldJob, { client, signal }: Import): Promise<number> {
  const job = jobShape.parse((await client.post(JOBS, input, signal)).value);
  const path = [...JOBS, String(job.id)];
  try {
    if (status === "suspended") await client.put(path, { ...job, state: status }, signal);
  } catch (error) {
    // It would run although it was told not to.
    await client.delete(path, signal);
    throw error;
  }
  return job.id;
}

async function importQuietTime(old: OldSchedule["quietTime"], task: Import): Promise<string> {
  if (typeof old === "string") return `not imported, ${old}`;
  const { client, signal, isDry } = task;
  const here = await client.get(QUIET_TIME, signal);
  if (isDeepStrictEqual(here, old)) return "the same here";
  if (quietShape.parse(here).enabled)
    return `not imported, it is set here already; there it is ${JSON.stringify(old)}`;
  if (!isDry) await client.put(QUIET_TIME, old, signal);
  const { enabled, start, end, powerOff, powerDelayS } = old;
  const power = powerOff ? `, power off after ${powerDelayS} s` : "";
  return `${isDry ? "would be " : ""}imported, ${enabled ? "on" : "off"}, ${start} to ${end} UTC${power}`;
}

function shownFate({ old: { id, status, input }, ...fate }: Fate & { readonly old: OldJob }): object {
  return { piccolo3: { id, status, ...input }, ...fate };
}

function fatesTable(jobs: readonly (Fate & { readonly old: OldJob })[]): string {
  const headings = ["there", "does", "when", "here"].map((heading) => ({ heading }));
  const rows = jobs.map(({ old: { id, status, input }, outcome, job, reason }) => {
    const { name: _, ...unnamed } = jobShape.parse({ ...input, id, state: status });
    const isSuspended = status === "suspended" && outcome !== "imported before" ? ", suspended" : "";
    const number = job === undefined ? "" : ` as job ${job}`;
    const fate = reason === undefined ? `${outcome}${number}${isSuspended}` : `not imported, ${reason}`;
    return [String(id), actionText(unnamed), whenText(unnamed), fate];
  });
  return renderTable(
    headings,
    rows.map((cells) => cells.map(printable)),
  );
}

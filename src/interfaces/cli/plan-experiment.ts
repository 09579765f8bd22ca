// An experiment from its file: a dry run, or jobs for the server.

import { readFile } from "node:fs/promises";
import { z } from "zod";
import { NEVER } from "../../base/abort.ts";
import { isoUtc, SECOND } from "../../base/clock.ts";
import { isVscopeError, messageOf, VscopeError } from "../../base/errors.ts";
import { isServerUnreachable } from "../../client/reply-error.ts";
import type { VscopeClient } from "../../client/vscope-client.ts";
import { jobShape } from "./commands/schedule-text.ts";
import { usageError } from "./exit-codes.ts";
import { type Experiment, experimentShape, type JobInput, jobsOf } from "./experiment.ts";
import { forecast, idleOf, type PlannedRun, warningsOf } from "./forecast.ts";
import { forecastText } from "./forecast-text.ts";
import { PlanTimes } from "./plan-times.ts";
import { ASSUMED, type ServerFacts, serverFacts } from "./server-facts.ts";
import type { Session } from "./session.ts";
import { parseYaml, whereInYaml } from "./yaml-file.ts";

export interface PlanFlags {
  readonly dryRun?: true;
  readonly replace?: true;
  readonly days?: number;
  readonly limit: number;
}

const DAY_US = 86_400 * SECOND;
const JOBS = ["scheduler", "jobs"] as const;

interface Plan {
  readonly file: string;
  readonly text: string;
}

/** Throws VALUE_INVALID with every mistake in the file. */
export async function planExperiment(session: Session, file: string, flags: PlanFlags): Promise<void> {
  const plan = { file, text: await textOf(file) };
  if (flags.dryRun === true) return await dryRun(session, plan, flags);
  try {
    await session.withClient((client) => submit(session, client, { plan, flags }));
  } catch (error) {
    // Without the server, too, one wants to know what is wrong with the file.
    if (isServerUnreachable(error)) experimentOf(plan);
    throw error;
  }
}

function experimentOf({ file, text }: Plan, known?: ServerFacts): Experiment {
  const isAsked = known !== undefined && known.serials.length > 0;
  return parseYaml(experimentShape(isAsked ? [...known.channels.keys()] : undefined), text, file);
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw usageError(`${file}: the file cannot be read (${messageOf(error)})`);
  }
}

async function dryRun(session: Session, plan: Plan, { days = 1, limit }: PlanFlags): Promise<void> {
  const known = await factsOf(session);
  const experiment = experimentOf(plan, known);
  const facts = {
    ...known,
    channels: channelsOf(experiment, known),
    place: known.place ?? placeOf(experiment),
  };
  const fromUtcUs = session.clock.utcUs();
  const jobs = jobsOf(experiment);
  const window = { fromUtcUs, untilUtcUs: fromUtcUs + days * DAY_US };
  const all: (readonly PlannedRun[])[] = [];
  for (const job of jobs) all.push(await locating(plan, job, () => forecast([job], facts, window)));
  const runs = all.flat().toSorted((a, b) => a.utcUs - b.utcUs);
  const idle = idleOf(jobs, facts, window);
  for (const warning of warningsOf(jobs, facts, fromUtcUs)) session.say(`warning: ${warning}`);
  const shown = runs.map(({ utcUs, ...run }) => ({ utc: isoUtc(utcUs), ...run }));
  session.print(shown, () => forecastText(runs, { limit, freeBytes: known.freeBytes, days, idle }));
}

// A plan is also made at a desk, far from the box.
async function factsOf(session: Session): Promise<ServerFacts> {
  try {
    return await session.withClient((client) => serverFacts(client, session.signal));
  } catch (error) {
    if (!isServerUnreachable(error) || session.signal.aborted) throw error;
    session.say(
      `${messageOf(error)}\nassumed: 2 channels, 1 spectrometer of 2048 pixels, 100 ms, no quiet time`,
    );
    return ASSUMED;
  }
}

function placeOf({ position }: Experiment): ServerFacts["place"] {
  if (position === undefined) return undefined;
  const { latitude, longitude, height } = position;
  return { latitudeDeg: latitude, longitudeDeg: longitude, heightM: height };
}

function channelsOf(
  { integrationTimes }: Experiment,
  { channels }: ServerFacts,
): ReadonlyMap<string, number> {
  return new Map([...channels].map(([channel, seconds]) => [channel, integrationTimes[channel] ?? seconds]));
}

interface Submission {
  readonly plan: Plan;
  readonly flags: PlanFlags;
}

// All of its jobs, or none.
async function submit(session: Session, client: VscopeClient, { plan, flags }: Submission): Promise<void> {
  const { signal } = session;
  const facts = await serverFacts(client, signal);
  const experiment = experimentOf(plan, facts);
  const inputs = jobsOf(experiment);
  const before = await jobsNamed(client, experiment.experiment, signal);
  if (before.length > 0 && flags.replace !== true) {
    const fact = `${experiment.experiment}: jobs ${before.join(", ")} are scheduled already`;
    throw new VscopeError("STATE_CONFLICT", `${fact}, --replace deletes them first`, {
      details: { usage: true },
    });
  }
  // A run that begins at once is to find them.
  const times = new PlanTimes(session, client);
  const added = await times
    .set(experiment, facts)
    .then(() => addAll(session, client, { plan, inputs }))
    .catch(async (error: unknown) => {
      await times.putBack();
      throw error;
    });
  for (const id of before) await client.delete([...JOBS, String(id)], signal);
  const ids = added.join(", ");
  session.print({ added, deleted: before }, () => {
    const gone = before.length === 0 ? "" : `, in place of ${before.join(", ")}`;
    return `${experiment.experiment}: ${added.length === 1 ? "job" : "jobs"} ${ids}${gone}`;
  });
}

// A refusal names the job and its place in the file, as other mistakes do.
async function locating<T>({ text, file }: Plan, { name = "" }: JobInput, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const isRefusal = isVscopeError(error, "VALUE_INVALID", "VALUE_OUT_OF_RANGE", "STATE_CONFLICT");
    if (!isRefusal) throw error;
    const path = ["jobs", name.slice(name.lastIndexOf("/") + 1)];
    // Its subject is the path.
    const fact = error.message.replace(/^job: /, "");
    const message = `${whereInYaml(text, file, path)}: ${path.join(".")}: ${fact}`;
    throw new VscopeError(error.code, message, { cause: error, details: error.details });
  }
}

async function jobsNamed(
  client: VscopeClient,
  experiment: string,
  signal: AbortSignal,
): Promise<readonly number[]> {
  const jobs = await client.getAs(JOBS, z.array(jobShape), signal);
  return jobs.filter(({ name = "" }) => name.startsWith(`${experiment}/`)).map(({ id }) => id);
}

async function addAll(
  session: Session,
  client: VscopeClient,
  { plan, inputs }: { readonly plan: Plan; readonly inputs: readonly JobInput[] },
): Promise<readonly number[]> {
  const added: number[] = [];
  try {
    for (const input of inputs) {
      const answer = await locating(plan, input, () => client.post(JOBS, input, session.signal));
      const job = jobShape.parse(answer.value);
      for (const warning of job.warnings ?? []) session.say(`warning: job ${job.id}: ${warning}`);
      added.push(job.id);
    }
  } catch (error) {
    for (const id of added) await client.delete([...JOBS, String(id)], NEVER);
    throw error;
  }
  return added;
}

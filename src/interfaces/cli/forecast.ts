// What jobs will do: their runs, those that the sun or quiet time will keep from happening, time and data.

import { type BatchSettings, batchSteps, DEFAULTS, type Step } from "../../acquisition/settings.ts";
import { turnsOf } from "../../acquisition/turns.ts";
import { NEVER } from "../../base/abort.ts";
import { isoUtc } from "../../base/clock.ts";
import { definedOnly } from "../../base/defined-only.ts";
import { VscopeError } from "../../base/errors.ts";
import { requireComparable } from "../../resources/condition-check.ts";
import { newJobOf, newJobShape } from "../../resources/job-shape.ts";
import { TREE } from "../../resources/tree.ts";
import { checkedJob } from "../../scheduler/check-job.ts";
import { refusalOf } from "../../scheduler/conditions.ts";
import { type Comparison, isQuietAction, type JobDefinition } from "../../scheduler/job.ts";
import { nextAfter } from "../../scheduler/plan.ts";
import { isQuiet, type QuietTime } from "../../scheduler/quiet-time.ts";
import { sunWarning } from "../../scheduler/sun-reach.ts";
import type { Place } from "../../spectra/sun.ts";
import type { JobInput } from "./experiment.ts";

export interface Facts {
  readonly place: Place | undefined;
  readonly quietTime: QuietTime;
  /** Integration time in seconds by channel: that of the slowest spectrometer. */
  readonly channels: ReadonlyMap<string, number>;
  /** All of the instrument's; undefined when there was no server to ask. */
  readonly knownChannels: readonly string[] | undefined;
  /** Pixels of each spectrometer. */
  readonly pixels: readonly number[];
}

export interface PlannedRun {
  readonly utcUs: number;
  readonly job: string;
  readonly run: string;
  readonly seconds: number;
  readonly bytes: number;
  /** Of all channels; those that are made as needed by what is to be expected. */
  readonly darks: number;
  readonly searches: number;
  /** Why it will not happen. */
  readonly skipped?: string;
}

/** Of a channel that no server has told of. */
const ASSUMED_S = 0.1;
/** Of opening, closing and reading out. */
const OVERHEAD_S = 0.2;
/** Of a search. */
const EXPOSURES = 4;
/** A pixel and what surrounds it, and the metadata, in a spectra file. */
const PIXEL_BYTES = 11;
const METADATA_BYTES = 1_500;
const MOST_RUNS = 100_000;

/** Why jobs may never run; as the server says when they are added. */
export function warningsOf(jobs: readonly JobInput[], { place }: Facts, utcUs: number): readonly string[] {
  return jobs.flatMap((input) => {
    const job = newJobOf(newJobShape.parse(input));
    const warning = sunWarning({ ...job, startUtcUs: Math.max(job.startUtcUs ?? 0, utcUs) }, place);
    return warning === undefined ? [] : [`${job.name ?? "job"}: ${warning}`];
  });
}

/** A job without a run in the window. */
export interface IdleJob {
  readonly job: string;
  /** When it runs next, or why it never does. */
  readonly reason: string;
}

export function idleOf(
  jobs: readonly JobInput[],
  { place }: Facts,
  { fromUtcUs, untilUtcUs }: Window,
): readonly IdleJob[] {
  return jobs.flatMap((input) => {
    const asked = newJobOf(newJobShape.parse(input));
    const next = nextAfter({ startUtcUs: fromUtcUs, ...asked }, fromUtcUs - 1, place);
    const job = asked.name ?? "job";
    if (next === "unknown") return [{ job, reason: "it follows the sun, and the position is unknown" }];
    if (next === "never") return [{ job, reason: "its time is over" }];
    return next.utcUs < untilUtcUs
      ? []
      : [{ job, reason: `its next is ${isoUtc(next.utcUs).slice(0, 19)}Z` }];
  });
}

interface Window {
  readonly fromUtcUs: number;
  readonly untilUtcUs: number;
}

/** Oldest first. Throws what the server would say to a job that makes no sense. */
export async function forecast(
  jobs: readonly JobInput[],
  facts: Facts,
  { fromUtcUs, untilUtcUs }: Window,
): Promise<readonly PlannedRun[]> {
  const all: PlannedRun[] = [];
  const { place, knownChannels: channels } = facts;
  const at = { utcUs: fromUtcUs, isClockSet: true, place, channels, checkValue };
  for (const input of jobs) {
    const asked = newJobOf(newJobShape.parse(input));
    const job = checkedJob(asked, at);
    const cost = costOf(job, facts);
    for (let next = nextAfter(job, fromUtcUs - 1, facts.place); typeof next === "object"; ) {
      if (next.utcUs >= untilUtcUs) break;
      const skipped =
        next.isVoid === true ? "no such event of the sun" : await reasonOf(job, next.utcUs, facts);
      all.push({ utcUs: next.utcUs, ...namesOf(job), ...cost, ...definedOnly({ skipped }) });
      if (all.length > MOST_RUNS)
        throw new VscopeError(
          "VALUE_OUT_OF_RANGE",
          `more than ${MOST_RUNS} runs; --days looks less far ahead`,
        );
      next = nextAfter(job, next.utcUs, facts.place);
    }
  }
  return all.toSorted((a, b) => a.utcUs - b.utcUs);
}

function checkValue(wanted: Comparison): undefined {
  requireComparable(TREE, wanted);
}

function namesOf({ name = "job", action }: JobDefinition): Pick<PlannedRun, "job" | "run"> {
  if (action.do === "record") return { job: name, run: action.settings.run ?? "" };
  return { job: name, run: action.do === "dark" ? (action.run ?? "") : "" };
}

async function reasonOf(
  { when = {}, action }: JobDefinition,
  utcUs: number,
  { place, quietTime }: Facts,
): Promise<string | undefined> {
  if (isQuiet(quietTime, utcUs) && !isQuietAction(action)) return "quiet time";
  // What resources will say is not known ahead.
  const { values: _, ...sun } = when;
  const read = (): Promise<undefined> => Promise.resolve(undefined);
  return (await refusalOf(sun, { utcUs, place, read }, NEVER))?.message;
}

type Cost = Pick<PlannedRun, "seconds" | "bytes" | "darks" | "searches">;

function costOf({ action }: JobDefinition, facts: Facts): Cost {
  const { run: _, ...asked } = action.do === "record" ? action.settings : {};
  const settings = { ...DEFAULTS, ...asked };
  if (action.do === "record") return total([...batchSteps(settings)], settings, facts);
  const steps: Step[] =
    action.do === "dark" || action.do === "autointegrate" ? [{ do: action.do, sequence: 0 }] : [];
  return total(steps, settings, facts);
}

type Course = Omit<BatchSettings, "run">;

// Of lights the order tells how many a sequence has.
function total(steps: readonly Step[], { delayS, darkMaxAgeS, order, ...rest }: Course, facts: Facts): Cost {
  const channels = rest.channels ?? [...facts.channels.keys()];
  const setBytes = facts.pixels.reduce((sum, count) => sum + count * PIXEL_BYTES + METADATA_BYTES, 0);
  const exposures = (names: readonly string[]): { readonly seconds: number; readonly bytes: number } => ({
    seconds: names.reduce((sum, channel) => sum + (facts.channels.get(channel) ?? ASSUMED_S) + OVERHEAD_S, 0),
    bytes: names.length * setBytes,
  });
  const each = exposures(channels);
  const light = exposures(turnsOf(order, channels).map(({ channel }) => channel));
  const agedShare = Math.min(1, (light.seconds + delayS) / darkMaxAgeS);
  const count = (what: Step["do"]): number => steps.filter(({ do: kind }) => kind === what).length;
  const aged = steps.filter((step) => step.do === "dark" && step.ifNeeded === true).length;
  const lights = count("light");
  const searches = count("autointegrate");
  // The first of those by age is always counted: nobody knows how old the newest will be.
  const darks = count("dark") - aged + (aged === 0 ? 0 : 1 + (aged - 1) * agedShare);
  const seconds =
    lights * light.seconds + (darks + EXPOSURES * searches) * each.seconds + count("wait") * delayS;
  return { seconds, bytes: lights * light.bytes + darks * each.bytes, darks, searches };
}

// What jobs will do: their runs, those that the sun or quiet time will keep from happening, time and data.

import { batchSteps, DEFAULTS, type Step } from "../../acquisition/settings.ts";
import { turnsOf } from "../../acquisition/turns.ts";
import { NEVER } from "../../base/abort.ts";
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
  /** A search will set other integration times than those that the time is computed with. */
  readonly isSearched?: true;
  /** Why it will not happen. */
  readonly skipped?: string;
}

type Cost = Pick<PlannedRun, "seconds" | "bytes" | "isSearched">;

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

/** Oldest first. Throws what the server would say to a job that makes no sense. */
export async function forecast(
  jobs: readonly JobInput[],
  facts: Facts,
  { fromUtcUs, untilUtcUs }: { readonly fromUtcUs: number; readonly untilUtcUs: number },
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

function costOf({ action }: JobDefinition, facts: Facts): Cost {
  const all = [...facts.channels.keys()];
  if (action.do === "record") {
    const { run: _, ...settings } = action.settings;
    const { channels = all, order, delayS, ...others } = { ...DEFAULTS, ...settings };
    const turns = turnsOf(order, channels).map(({ channel }) => channel);
    const steps = [...batchSteps({ ...others, order, delayS })];
    const isSearched = others.autointegrate >= 0 ? true : undefined;
    return { ...total(steps, { channels, turns, delayS }, facts), ...definedOnly({ isSearched }) };
  }
  const once = { channels: all, turns: all, delayS: 0 };
  if (action.do === "dark") return total([{ do: "dark", sequence: 0 }], once, facts);
  return total(action.do === "autointegrate" ? [{ do: "autointegrate", sequence: 0 }] : [], once, facts);
}

/** What the steps of a batch are made of. */
interface Course {
  readonly channels: readonly string[];
  /** The channel of each exposure of a light. */
  readonly turns: readonly string[];
  readonly delayS: number;
}

function total(steps: readonly Step[], { channels, turns, delayS }: Course, facts: Facts): Cost {
  const searches = channels.flatMap((channel): readonly string[] => Array(EXPOSURES).fill(channel));
  const costs: Readonly<Record<Step["do"], Cost>> = {
    "warm-up": { seconds: 0, bytes: 0 },
    autointegrate: { ...exposures(searches, facts), bytes: 0 },
    dark: exposures(channels, facts),
    light: exposures(turns, facts),
    wait: { seconds: delayS, bytes: 0 },
  };
  return sum(steps.map((step) => costs[step.do]));
}

function exposures(channels: readonly string[], { channels: times, pixels }: Facts): Cost {
  const bytes = pixels.reduce((all, count) => all + count * PIXEL_BYTES + METADATA_BYTES, 0);
  return sum(channels.map((channel) => ({ seconds: (times.get(channel) ?? ASSUMED_S) + OVERHEAD_S, bytes })));
}

function sum(costs: readonly Cost[]): Cost {
  return costs.reduce((a, b) => ({ seconds: a.seconds + b.seconds, bytes: a.bytes + b.bytes }), {
    seconds: 0,
    bytes: 0,
  });
}

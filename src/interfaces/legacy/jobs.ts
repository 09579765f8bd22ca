// Jobs of the scheduler as the tuples that piccolo3's clients read:
// [id, [task, args], start, end or null, interval in seconds or null, state].

import { DEFAULTS } from "../../acquisition/settings.ts";
import { SECOND } from "../../base/clock.ts";
import { Float } from "./json-text.ts";
import type { ScheduledJob } from "./ports.ts";
import { momentText } from "./times.ts";

export function jobTuples(jobs: readonly ScheduledJob[]): readonly unknown[] {
  return jobs.filter(({ state }) => state === "active" || state === "suspended").map(jobTuple);
}

function jobTuple({ id, action, startUtcUs, endUtcUs, intervalUs, state }: ScheduledJob): readonly unknown[] {
  return [
    id,
    taskOf(action),
    momentText(startUtcUs),
    endUtcUs === undefined ? null : momentText(endUtcUs),
    intervalUs === undefined ? null : new Float(intervalUs / SECOND),
    state,
  ];
}

function taskOf({ do: what, settings = {} }: ScheduledJob["action"]): readonly unknown[] {
  if (what !== "record") return [what.replaceAll("-", "_")];
  const { run = null, sequences, autointegrate, delayS, targetPercent } = { ...DEFAULTS, ...settings };
  return [what, [run, sequences, autointegrate, new Float(delayS), new Float(targetPercent)]];
}

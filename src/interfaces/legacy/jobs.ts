// Jobs of the scheduler as the tuples that piccolo3's clients read; jobs that these do not know are left out:
// [id, [task, args], start, end or null, interval in seconds or null, state].

import { DEFAULTS } from "../../acquisition/settings.ts";
import { SECOND } from "../../base/clock.ts";
import type { Job } from "../../scheduler/job.ts";
import { Float } from "./json-text.ts";
import { momentText } from "./times.ts";

export function jobTuples(jobs: readonly Job[]): readonly unknown[] {
  return jobs
    .filter(({ state }) => state === "active" || state === "suspended")
    .filter(isKnownThere)
    .map(jobTuple);
}

// Without its event a job of the sun would look like one that runs once, when it was made.
function isKnownThere({ action, sun }: Job): boolean {
  return sun === undefined && ["record", "power-off", "power-on"].includes(action.do);
}

function jobTuple({ id, action, startUtcUs, endUtcUs, intervalUs, state }: Job): readonly unknown[] {
  return [
    id,
    taskOf(action),
    momentText(startUtcUs),
    endUtcUs === undefined ? null : momentText(endUtcUs),
    intervalUs === undefined ? null : new Float(intervalUs / SECOND),
    state,
  ];
}

function taskOf(action: Job["action"]): readonly unknown[] {
  if (action.do !== "record") return [action.do.replaceAll("-", "_")];
  const { run = null, sequences, autointegrate, delayS, targetPercent } = { ...DEFAULTS, ...action.settings };
  return [action.do, [run, sequences, autointegrate, new Float(delayS), new Float(targetPercent)]];
}

// control/scheduler: jobs, and the quiet time. Observers of its settings are told of every PUT, also of the same value.

import { type Given, REQUIRED } from "./arguments.ts";
import { jobTuples } from "./jobs.ts";
import type { Legacy } from "./legacy.ts";
import type { Row } from "./row.ts";
import type { QuietTime } from "./ports.ts";
import { timeOfDayOf, timeOfDayText } from "./times.ts";
import { switchOf, wholeNumber, within } from "./values.ts";

const DAY_S = 86_400;

interface Setting {
  readonly name: string;
  readonly argument: string;
  readonly show: (quiet: QuietTime) => unknown;
  readonly take: (given: unknown) => Partial<QuietTime>;
}

function setting({ name, argument, show, take }: Setting): Row {
  return {
    path: `control/scheduler/${name}`,
    get: ({ scheduler }) => show(scheduler.quietTime.value),
    put: {
      parameters: { [argument]: REQUIRED },
      call: (legacy, given) => {
        legacy.scheduler.setQuietTime(take(given[argument]));
        legacy.tell(name);
      },
    },
    watch: ({ scheduler }) => [scheduler.quietTime],
    repeat: (legacy) => [legacy.told(name)],
  };
}

function jobAction(name: string, act: (legacy: Legacy, id: number) => void): Row {
  const call = (legacy: Legacy, { jid }: Given): void => {
    const { jobs } = legacy.scheduler;
    const known = jobs.value.find(({ id }) => id === Number(jid));
    // An unknown job is no mistake there.
    if (known?.state === "active" || known?.state === "suspended") act(legacy, known.id);
  };
  return { path: `control/scheduler/${name}`, put: { parameters: { jid: REQUIRED }, call } };
}

export const SCHEDULER_ROWS: readonly Row[] = [
  {
    path: "control/scheduler/jobs",
    get: ({ scheduler }) => jobTuples(scheduler.jobs.value),
    repeat: ({ scheduler }) => [scheduler.jobs],
  },
  setting({
    name: "quietTimeEnabled",
    argument: "e",
    show: ({ enabled }) => enabled,
    take: (given) => ({ enabled: switchOf("quietTimeEnabled", given) }),
  }),
  setting({
    name: "powerOffEnabled",
    argument: "e",
    show: ({ powerOffEnabled }) => powerOffEnabled,
    take: (given) => ({ powerOffEnabled: switchOf("powerOffEnabled", given) }),
  }),
  setting({
    name: "powerDelay",
    argument: "delay",
    show: ({ powerDelayS }) => Math.round(powerDelayS),
    take: (given) => ({ powerDelayS: within("powerDelay", wholeNumber("powerDelay", given), [0, DAY_S]) }),
  }),
  setting({
    name: "quietStart",
    argument: "t",
    show: ({ startS }) => timeOfDayText(startS),
    take: (given) => ({ startS: timeOfDayOf("quietStart", given) }),
  }),
  setting({
    name: "quietEnd",
    argument: "t",
    show: ({ endS }) => timeOfDayText(endS),
    take: (given) => ({ endS: timeOfDayOf("quietEnd", given) }),
  }),
  jobAction("suspend", ({ scheduler }, id) => scheduler.suspend(id)),
  jobAction("unsuspend", ({ scheduler }, id) => scheduler.resume(id)),
  jobAction("delete", ({ scheduler }, id) => scheduler.delete(id)),
];

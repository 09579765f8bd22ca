// control/scheduler: jobs, and the quiet time. Observers of its settings are told of every PUT, also of the same value.

import type { QuietTime } from "../../scheduler/quiet-time.ts";
import { type Given, REQUIRED } from "./arguments.ts";
import { jobTuples } from "./jobs.ts";
import type { Legacy } from "./legacy.ts";
import type { Row } from "./row.ts";
import { timeOfDayOf, timeOfDayText, zoneOffsetS } from "./times.ts";
import { switchOf, wholeNumber, within } from "./values.ts";

const DAY_S = 86_400;

interface Setting {
  readonly name: string;
  readonly argument: string;
  readonly show: (quiet: QuietTime, utcUs: number) => unknown;
  /** `offsetS` is how far the zone of the quiet time is ahead of UTC now. */
  readonly take: (given: unknown, offsetS: number) => Partial<QuietTime>;
}

function setting({ name, argument, show, take }: Setting): Row {
  return {
    path: `control/scheduler/${name}`,
    get: ({ clock, model }) => show(model.scheduler.quietTime.value, clock.utcUs()),
    put: {
      parameters: { [argument]: REQUIRED },
      call: (legacy, given) => {
        const { scheduler } = legacy.model;
        const { timeZone } = scheduler.quietTime.value;
        scheduler.setQuietTime(take(given[argument], zoneOffsetS(timeZone, legacy.clock.utcUs())));
        legacy.tell(name);
      },
    },
    watch: ({ model }) => [model.scheduler.quietTime],
    repeat: (legacy) => [legacy.told(name)],
  };
}

function jobAction(name: string, act: (legacy: Legacy, id: number) => void): Row {
  const call = (legacy: Legacy, { jid }: Given): void => {
    const { jobs } = legacy.model.scheduler;
    const known = jobs.value.find(({ id }) => id === Number(jid));
    // An unknown job is no mistake there.
    if (known?.state === "active" || known?.state === "suspended") act(legacy, known.id);
  };
  return { path: `control/scheduler/${name}`, put: { parameters: { jid: REQUIRED }, call } };
}

export const SCHEDULER_ROWS: readonly Row[] = [
  {
    path: "control/scheduler/jobs",
    get: ({ model }) => jobTuples(model.scheduler.jobs.value),
    repeat: ({ model }) => [model.scheduler.jobs],
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
    show: ({ startS, timeZone }, utcUs) => timeOfDayText(startS, zoneOffsetS(timeZone, utcUs)),
    take: (given, offsetS) => ({ startS: (timeOfDayOf("quietStart", given) + offsetS + DAY_S) % DAY_S }),
  }),
  setting({
    name: "quietEnd",
    argument: "t",
    show: ({ endS, timeZone }, utcUs) => timeOfDayText(endS, zoneOffsetS(timeZone, utcUs)),
    take: (given, offsetS) => ({ endS: (timeOfDayOf("quietEnd", given) + offsetS + DAY_S) % DAY_S }),
  }),
  jobAction("suspend", ({ model }, id) => model.scheduler.suspend(id)),
  jobAction("unsuspend", ({ model }, id) => model.scheduler.resume(id)),
  jobAction("delete", ({ model }, id) => model.scheduler.delete(id)),
];

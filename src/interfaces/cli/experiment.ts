// An experiment as a file describes it: jobs over times, runs (plots) and repeats, with integration times for the channels.

import { z } from "zod";
import { LIMITS } from "../../acquisition/settings.ts";
import { definedOnly } from "../../base/defined-only.ts";
import { messageOf } from "../../base/errors.ts";
import { validRunName } from "../../datadir/run-name.ts";
import { batch } from "../../resources/acquisition.ts";
import { requireComparable } from "../../resources/condition-check.ts";
import type { newJobShape } from "../../resources/job-shape.ts";
import { isoTime } from "../../resources/iso-time.ts";
import { TREE } from "../../resources/tree.ts";
import { BUSY, MISSED, SUN_EVENTS } from "../../scheduler/job.ts";
import { conditionOf, durationS } from "./job-text.ts";
import { hint } from "./mistake-text.ts";

/** A job as the server's resource takes it. */
export type JobInput = z.input<typeof newJobShape>;

const duration = z.union([z.number(), z.string()]).transform((given, context) => {
  const seconds = typeof given === "number" ? given : durationS(given);
  if (seconds !== undefined) return seconds;
  context.addIssue({ code: "custom", message: `"${given}" is not a time such as 30 s, 10 min, 2 h or 1 d` });
  return z.NEVER;
});
// A bare number would be seconds, where most programs mean ms.
const exposureTime = z
  .union([z.number(), z.string()])
  .refine((given) => /[a-z]\s*$/i.test(String(given)), "has no unit, such as 250 ms or 2 s")
  .pipe(duration.refine((seconds) => seconds > 0, "is not longer than 0 s"));
const condition = z.string().transform((given, context) => {
  const found = conditionOf(given);
  if (found === undefined) {
    context.addIssue({ code: "custom", message: `"${given}" is not like /datadir freeBytes >= 1e9` });
    return z.NEVER;
  }
  complain(context, () => requireComparable(TREE, found));
  return found;
});
const runName = z.string().superRefine((given, context) => complain(context, () => validRunName(given)));
const elevation = z.number().min(-90).max(90);
const elevations = z
  .strictObject({ min: elevation.optional(), max: elevation.optional() })
  .refine(({ min, max }) => min === undefined || max === undefined || min <= max, "min is above max");
const azimuth = z.number().min(0).max(360);
const azimuths = z
  .strictObject({ from: azimuth, to: azimuth })
  .refine(({ from, to }) => from !== to, "from and to are the same, all around is 0 to 360");
const oneOrMore = <T extends z.ZodType>(one: T) =>
  z.union([one.transform((value) => [value]), z.array(one).min(1)]);

const within = (key: keyof typeof LIMITS, number: z.ZodNumber = z.number()) =>
  number.min(LIMITS[key].min).max(LIMITS[key].max).optional();
const settings = batch.omit({ run: true }).extend({
  sequences: within("sequences", z.int()),
  autointegrate: within("autointegrate", z.int()),
  delayS: within("delayS"),
  targetPercent: within("targetPercent"),
  darkMaxAgeS: within("darkMaxAgeS"),
  retries: within("retries", z.int()),
});

const jobShape = z.strictObject({
  do: z.enum(["record", "dark", "autointegrate", "power-off", "power-on"]).default("record"),
  run: oneOrMore(runName)
    .optional()
    .describe("One run, or several: the job is repeated for each, one after the other"),
  settings: settings.optional(),
  at: oneOrMore(isoTime)
    .optional()
    .describe("When it runs first; one time or several, in ISO 8601 with zone"),
  every: duration.optional().describe("Repeat it after 30 s, 10 min, 2 h or 1 d"),
  until: isoTime.optional().describe("No run later than this"),
  times: z.int().min(1).optional().describe("How often every repeats it, instead of until"),
  sun: z
    .strictObject({
      event: z.enum(SUN_EVENTS),
      elevation: elevation.optional(),
      offset: duration.optional(),
    })
    .optional(),
  when: z
    .strictObject({
      sunElevation: elevations.optional(),
      sunAzimuth: azimuths.optional(),
      values: z.array(condition).optional(),
    })
    .optional(),
  onMissed: z.enum(MISSED).optional(),
  onBusy: z.enum(BUSY).optional(),
});
const job = jobShape.superRefine(({ at, every, until, times, sun }, context) => {
  const wrong = (key: string, message: string): void =>
    context.addIssue({ code: "custom", path: [key], message });
  if (times !== undefined && (every === undefined || at === undefined)) wrong("times", "needs at and every");
  if (times !== undefined && until !== undefined) wrong("times", "beside until, one of them is enough");
  if (every !== undefined && sun !== undefined) wrong("every", "beside sun, one of them is enough");
  if (until !== undefined && at?.some((start) => Date.parse(start) > Date.parse(until)) === true)
    wrong("until", "is before at");
  if (until !== undefined && every === undefined && sun === undefined) wrong("until", "needs every or sun");
});
type ExperimentJob = z.output<typeof job>;

/** `channels` are those of the server, where it has been asked. */
export function experimentShape(channels?: readonly string[]) {
  const channel = z.string().superRefine((name, context) => {
    if (channels !== undefined && !channels.includes(name))
      context.addIssue({ code: "custom", message: `unknown channel, ${hint(name, channels)}` });
  });
  return z.strictObject({
    experiment: z.string().min(1).max(60).describe("Names the jobs, so that they are found again"),
    position: z
      .strictObject({
        latitude: z.number().min(-90).max(90),
        longitude: z.number().min(-180).max(180),
        height: z.number().default(0),
      })
      .optional()
      .describe("Where the sun is looked at in a dry run without a server"),
    run: oneOrMore(runName).optional().describe("Of jobs that name none"),
    settings: settings.optional().describe("Of every recording, those of /acquisition/record"),
    integrationTimes: z
      .record(channel, exposureTime)
      .default({})
      .describe("By channel, for all spectrometers: 250 ms or 2 s"),
    jobs: z.record(z.string().min(1).max(30), job).refine((all) => Object.keys(all).length > 0, "has no job"),
  });
}
export type Experiment = z.output<ReturnType<typeof experimentShape>>;

/** As JSON Schema, for editors. What it cannot say, such as names of channels, `parseYaml` tells. */
export function experimentSchema(): string {
  const schema = z.toJSONSchema(experimentShape(), { io: "input", unrepresentable: "any" });
  return `${JSON.stringify({ title: "Experiment of vscope plan", ...schema }, undefined, 2)}\n`;
}

function complain(context: z.RefinementCtx, check: () => void): void {
  try {
    check();
  } catch (error) {
    context.addIssue({ code: "custom", message: messageOf(error) });
  }
}

/** The jobs that the experiment is made of, in the order of the file. */
export function jobsOf(experiment: Experiment): readonly JobInput[] {
  return Object.entries(experiment.jobs).flatMap(([name, one]) => {
    const starts = one.at ?? [undefined];
    const runs = one.run ?? experiment.run ?? [undefined];
    return starts.flatMap((start) => runs.map((run) => jobOf(experiment, { name, job: one, start, run })));
  });
}

interface Part {
  readonly name: string;
  readonly job: ExperimentJob;
  readonly start: string | undefined;
  readonly run: string | undefined;
}

function jobOf(experiment: Experiment, { name, job: one, start, run }: Part): JobInput {
  const { every, until, sun, when, onMissed, onBusy } = one;
  const timing = { start, end: until ?? endOf(one, start), intervalS: every, onMissed, onBusy };
  const { offset: offsetS, elevation: elevationDeg, event } = sun ?? {};
  const { sunElevation: sunElevationDeg, sunAzimuth: sunAzimuthDeg, values } = when ?? {};
  return {
    name: `${experiment.experiment}/${name}`,
    action: actionOf(experiment, one, run),
    ...definedOnly(timing),
    ...(event === undefined ? {} : { sun: definedOnly({ event, offsetS, elevationDeg }) }),
    ...(when === undefined ? {} : { when: definedOnly({ sunElevationDeg, sunAzimuthDeg, values }) }),
  };
}

function actionOf(
  experiment: Experiment,
  { do: what, settings: own }: ExperimentJob,
  run: string | undefined,
): JobInput["action"] {
  const all = definedOnly({ ...experiment.settings, ...own });
  const where = run === undefined ? {} : { run };
  if (what === "record") return { do: what, settings: { ...where, ...all } };
  if (what === "dark") return { do: what, ...where };
  const { targetPercent } = all;
  if (what !== "autointegrate") return { do: what };
  return targetPercent === undefined ? { do: what } : { do: what, targetPercent };
}

function endOf({ every, times }: ExperimentJob, start: string | undefined): string | undefined {
  if (times === undefined || every === undefined || start === undefined) return undefined;
  return new Date(Date.parse(start) + (times - 1) * every * 1000).toISOString();
}

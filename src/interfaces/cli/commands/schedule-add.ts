// vscope schedule add: the options of a job, as the server's resource takes it.

import { type Command, Option } from "commander";
import { definedOnly } from "../../../base/defined-only.ts";
import { BUSY, MISSED, SUN_EVENTS } from "../../../scheduler/job.ts";
import { usageError } from "../exit-codes.ts";
import { command } from "../help.ts";
import { conditionOf, durationS } from "../job-text.ts";
import { addRecordingOptions, type RecordingFlags, recordingSettings } from "../recording-options.ts";
import type { Session } from "../session.ts";
import { numberOption, parseValue } from "../value.ts";
import { actionText, jobShape, shortTime, whenText } from "./schedule-text.ts";

interface AddFlags extends RecordingFlags {
  readonly name?: string;
  readonly do: string;
  readonly setting?: readonly (readonly [string, unknown])[];
  readonly at?: string;
  readonly every?: number;
  readonly until?: string;
  readonly sun?: string;
  readonly sunElevation?: number;
  readonly offset?: number;
  readonly minElevation?: number;
  readonly maxElevation?: number;
  readonly azimuth?: { readonly from: number; readonly to: number };
  readonly if?: readonly object[];
  readonly missed?: string;
  readonly busy?: string;
}

const ACTIONS = ["record", "dark", "autointegrate", "power-off", "power-on"];
const ELEVATION = { min: -90, max: 90 } as const;

export function scheduleAddCommand(session: Session): Command {
  return whenOptions(whatOptions(addCommand())).action((flags: AddFlags) =>
    session.withClient(async (client) => {
      const { value } = await client.post(["scheduler", "jobs"], jobOf(flags), session.signal);
      const job = jobShape.parse(value);
      for (const warning of job.warnings ?? []) session.say(`warning: ${warning}`);
      session.print(job, () => {
        const next = job.next === undefined ? "" : `, next ${shortTime(job.next)}`;
        return `job ${job.id}: ${actionText(job)}, ${whenText(job)}${next}`;
      });
    }),
  );
}

function addCommand(): Command {
  return command({
    name: "add",
    summary: "add a job",
    details: "now, unless it says when",
    examples: [
      "vscope schedule add --at 2026-06-21T06:00:00Z --every 10m --until 2026-06-21T18:00:00Z -r plot10 -n 5",
      "vscope schedule add --sun sunrise --offset 30m -r morning --auto",
      "vscope schedule add --every 15m --min-elevation 20 --if '/datadir freeBytes >= 1e9' -r plot10",
      "vscope schedule add --do dark --sun noon",
    ],
  });
}

function whatOptions(add: Command): Command {
  return addRecordingOptions(
    add
      .option("--name <text>", "a name for people")
      .addOption(new Option("--do <what>", "what the job does").choices(ACTIONS).default("record")),
  ).option("--setting <name=value>", "any other setting of /acquisition/record", collect(settingOf));
}

function whenOptions(add: Command): Command {
  return add
    .option("--at <time>", "first run, in ISO 8601 with its zone")
    .option("--every <time>", "repeat after 30s, 10m, 2h or 1d", duration)
    .option("--until <time>", "no run later than this")
    .addOption(new Option("--sun <event>", "each day at an event of the sun").choices(SUN_EVENTS))
    .option(
      "--sun-elevation <deg>",
      "with sunrise and sunset: when the sun passes this elevation",
      numberOption("--sun-elevation", ELEVATION),
    )
    .option("--offset <time>", "so long after the event of the sun; -30m before it", duration)
    .option("--min-elevation <deg>", "not while the sun is lower", numberOption("--min-elevation", ELEVATION))
    .option(
      "--max-elevation <deg>",
      "not while the sun is higher",
      numberOption("--max-elevation", ELEVATION),
    )
    .option("--azimuth <from..to>", "only while the sun is there, degrees from north", azimuthOf)
    .option(
      "--if <condition>",
      "only if a resource's value fits: '/datadir freeBytes >= 1e9'",
      collect(condition),
    )
    .addOption(new Option("--missed <policy>", "runs missed while the server was off").choices(MISSED))
    .addOption(new Option("--busy <policy>", "when something else is running").choices(BUSY));
}

function jobOf(flags: AddFlags): object {
  const { name, at: start, until: end, every: intervalS, sun: event, missed, busy } = flags;
  const { sunElevation: elevationDeg, offset: offsetS } = flags;
  if (event === undefined && (elevationDeg !== undefined || offsetS !== undefined))
    throw usageError("--offset and --sun-elevation need --sun");
  const sun = event === undefined ? undefined : definedOnly({ event, elevationDeg, offsetS });
  const when = conditionsOf(flags);
  const policies = { onMissed: missed, onBusy: busy };
  return { action: actionOf(flags), ...definedOnly({ name, start, end, intervalS, sun, when, ...policies }) };
}

function actionOf({ do: what, setting = [], ...flags }: AddFlags): object {
  const settings = { ...recordingSettings(flags), ...Object.fromEntries(setting) };
  return what === "record" ? { do: what, settings } : { do: what, ...settings };
}

function conditionsOf({ minElevation, maxElevation, azimuth, if: values }: AddFlags): object | undefined {
  const elevation = definedOnly({ min: minElevation, max: maxElevation });
  const sunElevationDeg = Object.keys(elevation).length === 0 ? undefined : elevation;
  const when = definedOnly({ sunElevationDeg, sunAzimuthDeg: azimuth, values });
  return Object.keys(when).length === 0 ? undefined : when;
}

// What an option that can be given several times has so far.
function collect<T>(
  read: (text: string) => T,
): (text: string, before: readonly T[] | undefined) => readonly T[] {
  return (text, before = []) => [...before, read(text)];
}

function settingOf(text: string): readonly [string, unknown] {
  const [name = "", ...rest] = text.split("=");
  if (name === "" || rest.length === 0) throw usageError(`--setting: "${text}" is not NAME=VALUE`);
  return [name, parseValue(rest.join("="))];
}

function duration(text: string): number {
  const seconds = durationS(text);
  if (seconds === undefined) throw usageError(`"${text}" is not a time such as 30s, 10m, 2h or 1d`);
  return seconds;
}

function azimuthOf(text: string): { readonly from: number; readonly to: number } {
  const [, from, to] = /^(\d+(?:\.\d+)?)\.\.(\d+(?:\.\d+)?)$/.exec(text) ?? [];
  if (from === undefined || to === undefined) throw usageError(`--azimuth: "${text}" is not FROM..TO`);
  return { from: Number(from), to: Number(to) };
}

function condition(text: string): object {
  const found = conditionOf(text);
  if (found === undefined) throw usageError(`--if: "${text}" is not PATH [FIELD] COMPARISON VALUE`);
  return found;
}

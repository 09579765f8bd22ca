// The state of a box on one screen: what it does, what is next, and what is not as it should be.

import { z } from "zod";
import { SECOND } from "../../base/clock.ts";
import { isVscopeError } from "../../base/errors.ts";
import { isServerUnreachable } from "../../client/reply-error.ts";
import { operationShape } from "../../client/shapes.ts";
import type { VscopeClient } from "../../client/vscope-client.ts";
import { withQuery } from "../../client/pages.ts";
import { jobShape } from "./commands/schedule-text.ts";

const acquisitionShape = z.looseObject({
  phase: z.string(),
  operation: z.string().optional(),
  run: z.string().optional(),
  sequence: z.number().optional(),
  inAll: z.object({ sequence: z.number(), of: z.number() }).optional(),
  pauseEndsUtc: z.string().optional(),
  of: z.number().optional(),
});
const spectrometerShape = z.looseObject({
  serial: z.string(),
  model: z.string(),
  state: z.string(),
  reason: z.string().optional(),
  since: z.string().optional(),
});
const spectrometersShape = z.looseObject({
  spectrometers: z.array(spectrometerShape),
  problems: z.array(z.looseObject({ portPath: z.string(), model: z.string(), message: z.string() })),
  /** Serial numbers of the configuration. */
  missing: z.array(z.string()).default([]),
});
const qualityShape = z.looseObject({
  newest: z.array(
    z.looseObject({
      serial: z.string(),
      channel: z.string(),
      kind: z.string(),
      exposureStart: z.string(),
      colour: z.string(),
      flags: z.array(z.string()),
    }),
  ),
});
const spectraShape = z.looseObject({
  spectra: z.array(z.looseObject({ serial: z.string(), channel: z.string(), exposureStart: z.string() })),
});
const datadirShape = z.looseObject({
  path: z.string(),
  mounted: z.boolean(),
  freeBytes: z.number(),
  totalBytes: z.number(),
  reserveBytes: z.number().default(0),
  readOnly: z.boolean().default(false),
  problem: z.string().optional(),
  catalogueProblem: z.string().optional(),
  run: z.string(),
});
const schedulerShape = z.looseObject({
  problems: z.array(z.string()).default([]),
  isQuiet: z.boolean().default(false),
});
const sysinfoShape = z.looseObject({
  version: z.string(),
  host: z.string(),
  clock: z.string(),
  clockState: z.looseObject({
    isSynchronised: z.boolean().optional(),
    source: z.string(),
    reference: z.string().optional(),
    errorUs: z.number().optional(),
  }),
  uptime: z.looseObject({ serverS: z.number() }),
  simulated: z.boolean().optional(),
});

export interface StatusReport {
  readonly acquisition: z.infer<typeof acquisitionShape>;
  readonly operation?: z.infer<typeof operationShape>;
  readonly spectrometers: readonly z.infer<typeof spectrometerShape>[];
  readonly problems: z.infer<typeof spectrometersShape>["problems"];
  /** Why a schedule does not last, why nothing begins. */
  readonly schedulerProblems: readonly string[];
  /** Quiet time, in which what is planned is skipped. */
  readonly isQuiet: boolean;
  readonly quality: readonly Verdict[];
  /** The newest dark of a spectrometer and channel, and how old it is. */
  readonly darks: readonly { readonly serial: string; readonly channel: string; readonly ageS: number }[];
  /** Active and suspended ones. */
  readonly jobs: number;
  readonly next?: z.infer<typeof jobShape>;
  readonly datadir: z.infer<typeof datadirShape>;
  readonly sysinfo: z.infer<typeof sysinfoShape>;
}
export type Verdict = z.infer<typeof qualityShape>["newest"][number];

/** Enough for the newest of each spectrometer and channel of a usual box. */
const NEWEST = 40;

export async function statusReport(client: VscopeClient, signal: AbortSignal): Promise<StatusReport> {
  const [acquisition, sysinfo, listed, { newest: quality }, datadir, jobs, scheduler] = await Promise.all([
    client.getAs("/acquisition/status", acquisitionShape, signal),
    client.getAs("/sysinfo", sysinfoShape, signal),
    client.getAs("/spectrometers", spectrometersShape, signal),
    client.getAs("/quality", qualityShape, signal),
    client.getAs("/datadir", datadirShape, signal),
    client.getAs("/scheduler/jobs", z.array(jobShape), signal),
    client.getAs("/scheduler", schedulerShape, signal),
  ]);
  const nowMs = Date.parse(sysinfo.clock);
  const started = new Date(nowMs - sysinfo.uptime.serverS * 1000).toISOString();
  const [darks, before, operation] = await Promise.all([
    catalogued(client, { kind: "dark", limit: NEWEST }, signal),
    catalogued(client, { to: started, limit: NEWEST }, signal),
    running(client, acquisition.operation, signal),
  ]);
  const [next] = jobs
    .filter((job) => job.next !== undefined)
    .toSorted((a, b) => Date.parse(a.next ?? "") - Date.parse(b.next ?? ""));
  return {
    acquisition,
    ...(operation === undefined ? {} : { operation }),
    spectrometers: [...listed.spectrometers, ...absent(listed, before)],
    problems: listed.problems,
    schedulerProblems: scheduler.problems,
    isQuiet: scheduler.isQuiet,
    quality,
    darks: newestOf(darks).map(({ serial, channel, exposureStart }) => ({
      serial,
      channel,
      ageS: (nowMs - Date.parse(exposureStart)) / 1000,
    })),
    jobs: jobs.length,
    ...(next === undefined ? {} : { next }),
    datadir,
    sysinfo,
  };
}

type Catalogued = z.infer<typeof spectraShape>["spectra"];

// Without its medium a data directory has no catalogue.
async function catalogued(client: VscopeClient, query: object, signal: AbortSignal): Promise<Catalogued> {
  try {
    return (await client.getAs(withQuery("/datadir/spectra", query), spectraShape, signal)).spectra;
  } catch (error) {
    if (isVscopeError(error) && !isServerUnreachable(error) && !signal.aborted) return [];
    throw error;
  }
}

async function running(
  client: VscopeClient,
  id: string | undefined,
  signal: AbortSignal,
): Promise<StatusReport["operation"]> {
  return id === undefined
    ? undefined
    : await client.getAs(["acquisition", "operations", id], operationShape, signal);
}

// Newest first, as they come.
function newestOf(spectra: Catalogued): Catalogued {
  const isFirst = ({ serial, channel }: Catalogued[number], index: number): boolean =>
    spectra.findIndex((one) => one.serial === serial && one.channel === channel) === index;
  return spectra.filter(isFirst);
}

// Those of the configuration, and those that recorded last before the server was started.
function absent(
  { spectrometers, missing }: z.infer<typeof spectrometersShape>,
  before: Catalogued,
): StatusReport["spectrometers"] {
  const known = new Set(spectrometers.map(({ serial }) => serial));
  const configured = missing.map((serial) => ({ serial, reason: "configured, not seen since the start" }));
  const former = before
    .filter(({ serial }, index) => before.findIndex((one) => one.serial === serial) === index)
    .map(({ serial, exposureStart: since }) => ({ serial, since, reason: "not seen since the start" }));
  return [...former, ...configured.filter(({ serial }) => !former.some((one) => one.serial === serial))]
    .filter(({ serial }) => !known.has(serial))
    .map((one) => ({ model: "-", state: "missing", ...one }));
}

/** How old the newest dark of a spectrum's spectrometer and channel is. */
export function darkAgeUs({ darks }: StatusReport, { serial, channel }: Verdict): number | undefined {
  const found = darks.find((one) => one.serial === serial && one.channel === channel);
  return found === undefined ? undefined : found.ageS * SECOND;
}

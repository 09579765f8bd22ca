// /datadir/digest: a day of the box in one small answer, for a far link: what was recorded, what failed, how the box is. Lists
// are short of names, as they go over slow links.

import { z } from "zod";
import { isoUtc, SECOND } from "../base/clock.ts";
import { definedOnly } from "../base/defined-only.ts";
import { isVscopeError } from "../base/errors.ts";
import { type ColourCounts, type DigestOfDay, EMPTY_DAY } from "../datadir/catalogue/digest.ts";
import type { NoonSpectrum } from "../datadir/catalogue/noon-spectra.ts";
import type { FailedRuns } from "../scheduler/history.ts";
import { fitted } from "./digest-size.ts";
import { declare, type ServerModel } from "./model.ts";

const DAY_US = 86_400 * SECOND;
const MOST_JOBS = 6;
const LONGEST_TEXT = 100;

const day = z
  .string()
  .refine((text) => z.iso.date().safeParse(text).success, "expected a day, such as 2026-11-21");

/** Name, batches, spectra, and of these green, amber, red. */
const runLine = z.tuple([z.string(), z.number(), z.number(), z.number(), z.number(), z.number()]);
/** A flag or a text, and how many spectra or batches have it. */
const countLine = z.tuple([z.string(), z.number()]);
/** Serial number, least and highest temperature in degrees Celsius. */
const detectorLine = z.tuple([z.string(), z.number(), z.number()]);
/** Job, what, outcome, why, runs. */
const jobLine = z.tuple([z.number().nullable(), z.string(), z.string(), z.string(), z.number()]);
/**
 * Serial number, channel, time of day, colour, counts of the brightest band, wavelengths of the first and last one, and in
 * base64 a byte a band, 255 for the brightest; why not, where there are none.
 */
const noonLine = z.tuple([
  z.string(),
  z.string(),
  z.string(),
  z.string(),
  z.number(),
  z.number().nullable(),
  z.number().nullable(),
  z.string(),
]);

const digest = z.object({
  day: z.string(),
  batches: z.number(),
  spectra: z.number(),
  /** Green, amber, red. */
  colours: z.tuple([z.number(), z.number(), z.number()]),
  files: z.object({
    files: z.number(),
    bytes: z.number(),
    withoutChecksum: z.number(),
    withProblem: z.number(),
    failures: z.number(),
  }),
  /** As it is now; `filesToIndex` are not yet counted. */
  medium: z.object({
    mounted: z.boolean(),
    readOnly: z.boolean(),
    freeBytes: z.number(),
    totalBytes: z.number(),
    filesToIndex: z.number(),
    problem: z.string().optional(),
  }),
  /** As it is now, and the largest error that a spectrum of the day tells. */
  clock: z.object({
    isSynchronised: z.boolean().optional(),
    source: z.string(),
    errorUs: z.number().optional(),
    worstErrorUs: z.number().optional(),
  }),
  /** Runs of jobs that were skipped, and that have failed or were interrupted. */
  scheduler: z.object({ skipped: z.number(), failed: z.number() }),
  runs: z.array(runLine),
  flags: z.array(countLine),
  failures: z.array(countLine),
  detectors: z.array(detectorLine),
  jobs: z.array(jobLine),
  noon: z.array(noonLine),
  /** By list, how many of its items are left out. */
  leftOut: z.record(z.string(), z.number()),
});

export const DATADIR_DIGEST = [
  declare("/datadir/digest", {
    summary:
      "A day of the box in one answer (JSON 4 kB, CBOR 2.5 kB at most): runs, flags, files, failures, detectors, medium, clock, jobs of which nothing came, and the light spectra nearest to solar noon; query day (UTC, today when absent)",
    typicalBytes: 1_500,
    query: z.strictObject({ day: day.optional() }),
    value: digest,
    get: async (server, _at, { day: asked = server.host.utc.slice(0, "2026-11-21".length) }) => {
      const fromUtcUs = Date.parse(asked) * 1000;
      const found = await foundOn(server, fromUtcUs);
      const failed = server.scheduler.history.failed(fromUtcUs, fromUtcUs + DAY_US, MOST_JOBS);
      return digestOf(server, asked, { found, failed });
    },
  }),
];

// That the medium is away, or another, is what somebody far off must learn first.
async function foundOn({ dataDirectory }: ServerModel, fromUtcUs: number): Promise<DigestOfDay> {
  try {
    return await dataDirectory.shelf.digest(fromUtcUs, fromUtcUs + DAY_US);
  } catch (error) {
    if (!isVscopeError(error, "DATADIR_NOT_MOUNTED", "DATADIR_WRONG")) throw error;
    return EMPTY_DAY;
  }
}

function digestOf(
  server: ServerModel,
  asked: string,
  { found, failed }: { readonly found: DigestOfDay; readonly failed: FailedRuns },
): z.infer<typeof digest> {
  const { runs, flags, failures, detectors, noon } = found;
  const { skipped, failed: broken, rows, total: jobs } = failed;
  const lists = {
    runs: runs.list.map(
      ({ run, batches, spectra, ...colours }): z.infer<typeof runLine> => [
        run,
        batches,
        spectra,
        ...colourCounts(colours),
      ],
    ),
    flags: flags.list.map(([flag, spectra]): z.infer<typeof countLine> => [clip(flag), spectra]),
    failures: failures.list.map(([text, batches]): z.infer<typeof countLine> => [clip(text), batches]),
    detectors: detectors.list.map(
      ([serial, least, most]): z.infer<typeof detectorLine> => [serial, quarters(least), quarters(most)],
    ),
    jobs: rows.map(
      ({ job, what, outcome, reason, message, runs: count }): z.infer<typeof jobLine> => [
        job,
        what,
        outcome,
        clip(reason ?? message ?? ""),
        count,
      ],
    ),
    noon: noon.list.map(noonTuple),
  };
  const { batches, spectra, colours, files } = found;
  const facts = { batches, spectra, colours: colourCounts(colours), files };
  const { medium, clock } = boxNow(server, found.clockErrorUs);
  const scheduler = { skipped, failed: broken };
  const whole = { day: asked, ...facts, medium, clock, scheduler, ...lists };
  return fitted(whole, { ...totalsOf(found), jobs });
}

function totalsOf({ runs, flags, failures, detectors, noon }: DigestOfDay) {
  return {
    runs: runs.total,
    flags: flags.total,
    failures: failures.total,
    detectors: detectors.total,
    noon: noon.total,
  };
}

function boxNow({ dataDirectory, clockState }: ServerModel, worst: number | null) {
  const { mounted, readOnly, freeBytes, totalBytes, filesToIndex, problem } = dataDirectory.status.value;
  const { isSynchronised, source, errorUs } = clockState.value;
  return {
    medium: {
      mounted,
      readOnly,
      freeBytes,
      totalBytes,
      filesToIndex,
      ...definedOnly({ problem: problem === undefined ? undefined : clip(problem) }),
    },
    clock: { source, ...definedOnly({ isSynchronised, errorUs, worstErrorUs: worst ?? undefined }) },
  };
}

function noonTuple({ problem = "", ...one }: NoonSpectrum): z.infer<typeof noonLine> {
  const { serial, channel, exposureStartUtcUs, colour, peakCounts = 0, rangeNm, levels } = one;
  const [from, to] = rangeNm ?? [null, null];
  const bands = levels === undefined ? clip(problem) : Buffer.from(levels).toString("base64");
  return [serial, channel, isoUtc(exposureStartUtcUs).slice(11, 16), colour, peakCounts, from, to, bands];
}

function colourCounts({ green, amber, red }: ColourCounts): [number, number, number] {
  return [green, amber, red];
}

/** Exact in the shortest number of CBOR. */
function quarters(temperatureC: number): number {
  return Math.round(temperatureC * 4) / 4;
}

function clip(text: string): string {
  return text.length <= LONGEST_TEXT ? text : `${text.slice(0, LONGEST_TEXT - 1)}…`;
}

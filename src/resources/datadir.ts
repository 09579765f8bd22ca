// /datadir: the mounted data directory, its runs and files, and the instrument configuration that lies in it.

import { z } from "zod";
import { isoUtc, MS } from "../base/clock.ts";
import type { SpectrumRow } from "../datadir/catalogue-row.ts";
import { definedOnly } from "../base/defined-only.ts";

import { COLOURS, colourOf, FLAGS, flagMask, isFlag } from "../spectra/flags.ts";
import { isoTime } from "./iso-time.ts";
import { declare } from "./model.ts";
import { page, wholeNumber } from "./page.ts";

const JSON_TEXT = 50;
const PLAIN_TEXT = 0;
const runSummary = z.object({
  name: z.string(),
  files: z.number(),
  batches: z.number(),
  newestBatch: z.number(),
  modified: z.string(),
  /** Files that a crash left. */
  unfinished: z.number(),
});
/** A line that a power cut has torn is none. */
const runEvent = z.looseObject({ utc: z.string(), event: z.string() });
const EVENTS_SHOWN = 50;

const runDetail = z.object({
  name: z.string(),
  total: z.number(),
  bytes: z.number(),
  batches: z.array(z.object({ number: z.number(), files: z.number() })),
  files: z.array(z.object({ file: z.string(), bytes: z.number() })),
  events: z.array(runEvent).optional(),
  unfinished: z.array(z.object({ file: z.string(), bytes: z.number(), modified: z.string() })),
});

const timeUtcUs = isoTime.transform((text) => Date.parse(text) * MS);

// Names with commas between.
const flagNames = z.string().transform((text, context) => {
  const names = text.split(",");
  if (names.every(isFlag)) return names;
  context.addIssue(`expected names with commas between, of ${Object.keys(FLAGS).join(", ")}`);
  return z.NEVER;
});
const spectrumQuery = z.strictObject({
  ...page(50),
  run: z.string().optional(),
  batch: wholeNumber.optional(),
  sequence: wholeNumber.optional(),
  serial: z.string().optional(),
  channel: z.string().optional(),
  kind: z.enum(["light", "dark"]).optional(),
  flag: z.string().optional(),
  flags: flagNames.optional(),
  flags_none: flagNames.optional(),
  from: timeUtcUs.optional(),
  to: timeUtcUs.optional(),
});
const catalogued = z.object({
  id: z.string(),
  serial: z.string(),
  channel: z.string(),
  kind: z.string(),
  exposureStart: z.string(),
  integrationTimeUs: z.number(),
  peakCounts: z.number(),
  saturatedPixels: z.number(),
  flags: z.array(z.string()),
  qualityMask: z.number(),
  qualityColour: z.enum(COLOURS),
});

export const DATADIR = [
  declare("/datadir", {
    summary: "The data directory, its medium and space",
    value: z.object({
      path: z.string(),
      mounted: z.boolean(),
      freeBytes: z.number(),
      totalBytes: z.number(),
      reserveBytes: z.number(),
      filesToIndex: z.number(),
      run: z.string(),
    }),
    get: ({ dataDirectory }) => ({
      path: dataDirectory.path,
      ...dataDirectory.status.value,
      run: dataDirectory.currentRun.value,
    }),
    watch: ({ dataDirectory }) => [dataDirectory.status, dataDirectory.currentRun],
  }),
  declare("/datadir/mount", {
    summary: "Whether the medium is mounted; PUT mounts or unmounts it",
    type: "core.a",
    access: { put: "admin" },
    value: z.boolean(),
    example: true,
    get: ({ dataDirectory }) => dataDirectory.status.value.mounted,
    watch: ({ dataDirectory }) => [dataDirectory.status],
    put: ({ dataDirectory }, _at, wanted, signal) =>
      wanted ? dataDirectory.mount(signal) : dataDirectory.unmount(signal),
  }),
  declare("/datadir/run", {
    summary: "Current run, the folder that recordings go to; PUT chooses another",
    value: z.string(),
    example: "plot10",
    get: ({ dataDirectory }) => dataDirectory.currentRun.value,
    watch: ({ dataDirectory }) => [dataDirectory.currentRun],
    put: ({ dataDirectory }, _at, name) => dataDirectory.setCurrentRun(name),
  }),
  declare("/datadir/runs", {
    summary: "Runs, newest first; query offset, limit, match",
    type: "core.ll",
    query: z.strictObject({
      ...page(50),
      match: z.string().max(200).optional(),
    }),
    value: z.object({ total: z.number(), runs: z.array(runSummary) }),
    get: async ({ dataDirectory }, _at, query) => {
      const { total, runs } = await dataDirectory.runs(definedOnly(query));
      return {
        total,
        runs: runs.map(({ modifiedUtcUs, ...run }) => ({ ...run, modified: isoUtc(modifiedUtcUs) })),
      };
    },
  }),
  declare("/datadir/runs/{run}", {
    summary:
      "Files of a run, newest first, with the batches they belong to, the newest events, such as interruptions, and what a crash left unfinished; query offset, limit",
    type: "core.ll",
    query: z.strictObject(page(100)),
    value: runDetail,
    instances: () => [],
    get: async ({ dataDirectory }, { run }, query) => {
      const { batches, files, unfinished: left, ...rest } = await dataDirectory.run(run, query);
      const unfinished = left.map(({ modifiedUtcUs, ...one }) => ({
        ...one,
        modified: isoUtc(modifiedUtcUs),
      }));
      const newest = (await dataDirectory.notes.events(run)).slice(-EVENTS_SHOWN);
      const events = newest.flatMap((one) => runEvent.safeParse(one).data ?? []);
      const lists = { batches: [...batches], files: [...files], unfinished };
      return { ...rest, ...lists, ...(events.length === 0 ? {} : { events }) };
    },
  }),
  declare("/datadir/runs/{run}/events", {
    summary:
      "What happened to a run, such as interruptions, newest last; query offset (counted from the newest), limit",
    type: "core.ll",
    query: z.strictObject(page(50)),
    value: z.object({ total: z.number(), events: z.array(z.record(z.string(), z.unknown())) }),
    instances: () => [],
    get: async ({ dataDirectory }, { run }, { offset, limit }) => {
      // Throws when there is no such run.
      await dataDirectory.run(run, { limit: 0 });
      const all = await dataDirectory.notes.events(run);
      const end = Math.max(0, all.length - offset);
      return {
        total: all.length,
        events: all.slice(Math.max(0, end - limit), end).map((one) => ({ ...one })),
      };
    },
  }),
  declare("/datadir/runs/{run}/{file}", {
    summary: "A spectra file as it lies on the disk",
    contentFormat: JSON_TEXT,
    instances: () => [],
    get: ({ dataDirectory }, { run, file }) => dataDirectory.openFile(run, file),
  }),
  declare("/datadir/spectra", {
    summary:
      "Catalogue of all spectra, newest first; query run, batch, sequence, serial, channel, kind, flag, flags, flags_none, from, to, offset, limit",
    type: "core.ll",
    typicalBytes: 12_000,
    query: spectrumQuery,
    value: z.object({ total: z.number(), spectra: z.array(catalogued) }),
    get: async ({ dataDirectory }, _at, { from, to, flags_none: flagsNone, ...query }) => {
      const range = definedOnly({ fromUtcUs: from, toUtcUs: to, flagsNone });
      const { total, spectra } = await dataDirectory.search({ ...definedOnly(query), ...range });
      return { total, spectra: spectra.map(summarize) };
    },
  }),
  declare("/datadir/configuration", {
    summary:
      "Instrument configuration; PUT validates it, keeps the old one as .bak, takes effect at the next start",
    contentFormat: PLAIN_TEXT,
    access: { put: "admin" },
    value: z.string(),
    get: async ({ configuration }) => ({ bytes: Buffer.from(await configuration.read(), "utf8") }),
    put: ({ configuration }, _at, text) => configuration.write(text),
  }),
];

function summarize({ exposureStartUtcUs, ...row }: SpectrumRow): z.infer<typeof catalogued> {
  const { id, serial, channel, kind, integrationTimeUs, peakCounts, saturatedPixels, flags } = row;
  const exposureStart = isoUtc(exposureStartUtcUs);
  return {
    id,
    serial,
    channel,
    kind,
    exposureStart,
    integrationTimeUs,
    peakCounts,
    saturatedPixels,
    flags: [...flags],
    qualityMask: flagMask(flags),
    qualityColour: colourOf(flags),
  };
}

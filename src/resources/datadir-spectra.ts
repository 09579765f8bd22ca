// /datadir/spectra: the catalogue of all spectra.

import { z } from "zod";
import { isoUtc, MS } from "../base/clock.ts";
import { definedOnly } from "../base/defined-only.ts";
import type { SpectrumRow } from "../datadir/catalogue-row.ts";
import { COLOURS, colourOf, FLAGS, flagMask, isFlag } from "../spectra/flags.ts";
import { isoTime } from "./iso-time.ts";
import { declare } from "./model.ts";
import { page, wholeNumber } from "./page.ts";

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

export const DATADIR_SPECTRA = [
  declare("/datadir/spectra", {
    summary:
      "Catalogue of all spectra, newest first; query run, batch, sequence, serial, channel, kind, flag, flags, flags_none, from, to, offset, limit",
    type: "core.ll",
    typicalBytes: 12_000,
    query: spectrumQuery,
    value: z.object({ total: z.number(), spectra: z.array(catalogued) }),
    get: async ({ dataDirectory }, _at, { from, to, flags_none: flagsNone, ...query }) => {
      const range = definedOnly({ fromUtcUs: from, toUtcUs: to, flagsNone });
      const { total, spectra } = await dataDirectory.shelf.search({ ...definedOnly(query), ...range });
      return { total, spectra: spectra.map(summarize) };
    },
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

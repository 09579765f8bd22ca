// What spectra can be searched by, as members of a query, and what the answer tells of each.

import { z } from "zod";
import { isoUtc } from "../base/clock.ts";
import { definedOnly } from "../base/defined-only.ts";
import { VscopeError } from "../base/errors.ts";
import type { SpectrumRow } from "../datadir/catalogue/catalogue-row.ts";
import { COLOURS, colourOf, FLAGS, flagMask, isFlag } from "../spectra/flags.ts";
import { isoTime, isoTimeUtcUs } from "./iso-time.ts";
import { wholeNumber } from "./page.ts";

const timeUtcUs = isoTime.transform(isoTimeUtcUs);

// Names with commas between.
const flagNames = z.string().transform((text, context) => {
  const names = text.split(",");
  if (names.every(isFlag)) return names;
  context.addIssue(`expected names with commas between, of ${Object.keys(FLAGS).join(", ")}`);
  return z.NEVER;
});

/** Members that all queries for spectra have. */
export const CRITERIA = {
  batch: wholeNumber.optional(),
  sequence: wholeNumber.optional(),
  kind: z.enum(["light", "dark"]).optional(),
  flags: flagNames.optional(),
  flags_none: flagNames.optional(),
  from: timeUtcUs.optional(),
  to: timeUtcUs.optional(),
};

const criteriaShape = z.object(CRITERIA);

/** The members of a query in the catalogue's words; others stay as they are. Throws VALUE_INVALID when `to` is not after `from`. */
export function criteriaOf<Q extends z.infer<typeof criteriaShape>>({
  from,
  to,
  flags_none: flagsNone,
  ...query
}: Q) {
  if (from !== undefined && to !== undefined && to <= from)
    throw new VscopeError(
      "VALUE_INVALID",
      `to: ${isoUtc(to)} is not after from, ${isoUtc(from)}; to itself is not meant`,
    );
  return definedOnly({ ...query, fromUtcUs: from, toUtcUs: to, flagsNone });
}

export const cataloguedShape = z.object({
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

export function catalogued({ exposureStartUtcUs, ...row }: SpectrumRow): z.infer<typeof cataloguedShape> {
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

// /datadir/search: spectra by what is known of them, page by page. A page begins where the one before has ended, so that
// spectra recorded meanwhile move nothing.

import { z } from "zod";
import { definedOnly } from "../base/defined-only.ts";
import { VscopeError } from "../base/errors.ts";
import type { SpectrumRow } from "../datadir/catalogue/catalogue-row.ts";
import type { Criteria, Near } from "../datadir/catalogue/search.ts";
import { COLOURS } from "../spectra/flags.ts";
import { declare } from "./model.ts";
import { page } from "./page.ts";
import { CRITERIA, catalogued, cataloguedShape, criteriaOf } from "./spectrum-criteria.ts";

const PAGE = 50;
const MOST_NAMES = 50;
const LONGEST_TEXT = 500;

const decimal = z
  .string()
  .regex(/^[-+]?\d{1,15}(\.\d{1,15})?$/, "expected a number")
  .transform(Number);

const names = z
  .string()
  .transform((text) => text.split(","))
  .refine((list) => list.length <= MOST_NAMES, `expected ${MOST_NAMES} names at most, with commas between`);

const truth = z.enum(["true", "false"]).transform((text) => text === "true");

const NEAR =
  "expected latitude, longitude (degrees) and distance (m) with commas between, such as 55.92,-3.17,500";
const near = z.string().transform((text, context): Near => {
  const parts = text.split(",").map((part) => decimal.safeParse(part).data ?? Number.NaN);
  const [latitudeDeg = Number.NaN, longitudeDeg = Number.NaN, withinM = Number.NaN] = parts;
  const isPlace = Math.abs(latitudeDeg) <= 90 && Math.abs(longitudeDeg) <= 180 && withinM >= 0;
  if (isPlace && parts.length === 3) return { latitudeDeg, longitudeDeg, withinM };
  context.addIssue(NEAR);
  return z.NEVER;
});

const foundShape = cataloguedShape.extend({
  run: z.string(),
  batch: z.number().nullable(),
  sequence: z.number(),
  model: z.string().nullable(),
  detectorTemperatureC: z.number().nullable(),
  sunElevationDeg: z.number().nullable(),
  sunAzimuthDeg: z.number().nullable(),
  latitudeDeg: z.number().nullable(),
  longitudeDeg: z.number().nullable(),
  isSimulated: z.boolean().nullable(),
});
type FoundRow = z.infer<typeof foundShape>;
const FIELDS = foundShape.keyof();

const fields = z
  .string()
  .transform((text) => text.split(","))
  .pipe(z.array(FIELDS));

const searchQuery = z.strictObject({
  ...CRITERIA,
  run: names.optional(),
  serial: names.optional(),
  channel: names.optional(),
  colour: z.enum(COLOURS).optional(),
  sun_min: decimal.optional(),
  sun_max: decimal.optional(),
  near: near.optional(),
  integration_min: decimal.optional(),
  integration_max: decimal.optional(),
  simulated: truth.optional(),
  text: z.string().max(LONGEST_TEXT).optional(),
  order: z.enum(["newest", "oldest"]).default("newest"),
  limit: page(PAGE).limit,
  after: z.string().max(64).optional(),
  counts: truth.default(false),
  fields: fields.optional(),
});
type SearchQuery = z.infer<typeof searchQuery>;

export const DATADIR_SEARCH = [
  declare("/datadir/search", {
    summary:
      "Spectra that fit, page by page: `next` is the `after` of the next page; query run, batch, sequence, serial, channel, kind, flags, flags_none, colour, from, to, sun_min, sun_max, near, integration_min, integration_max, simulated, text, order, limit, after, counts, fields",
    type: "core.ll",
    typicalBytes: 16_000,
    query: searchQuery,
    value: z.object({
      spectra: z.array(foundShape.partial()),
      next: z.string().optional(),
      total: z.object({ count: z.number(), isAtLeast: z.boolean() }).optional(),
      isCut: z.boolean().optional(),
    }),
    get: async ({ dataDirectory }, _at, { limit, order, after, counts, fields: wanted, ...query }) => {
      const how = definedOnly({ limit, order, after, counts });
      const { spectra, ...rest } = await dataDirectory.shelf.search({ ...searchedFor(query), ...how });
      return { spectra: spectra.map((row) => chosen(described(row), wanted)), ...rest };
    },
  }),
];

function searchedFor(query: Omit<SearchQuery, "limit" | "order" | "after" | "counts" | "fields">): Criteria {
  const { sun_min: sunMin, sun_max: sunMax, simulated: isSimulated, ...others } = query;
  const { integration_min: least, integration_max: most, ...plain } = others;
  return {
    ...criteriaOf(plain),
    ...definedOnly({
      isSimulated,
      sunElevationDeg: range("sun", sunMin, sunMax),
      integrationTimeUs: range("integration", least, most),
    }),
  };
}

// That nothing fits is an answer about the spectra, and must not be one about a slip of the pen.
function range(
  name: string,
  from: number | undefined,
  to: number | undefined,
): readonly [number, number] | undefined {
  if (from === undefined && to === undefined) return undefined;
  if (from !== undefined && to !== undefined && from > to)
    throw new VscopeError("VALUE_INVALID", `${name}_min: ${from} is above ${name}_max, ${to}`);
  return [from ?? Number.NEGATIVE_INFINITY, to ?? Number.POSITIVE_INFINITY];
}

function described(row: SpectrumRow): FoundRow {
  const { run, batch, sequence, model, detectorTemperatureC, isSimulated } = row;
  const { sunElevationDeg, sunAzimuthDeg, latitudeDeg, longitudeDeg } = row;
  const place = { sunElevationDeg, sunAzimuthDeg, latitudeDeg, longitudeDeg };
  return { ...catalogued(row), run, batch, sequence, model, detectorTemperatureC, ...place, isSimulated };
}

function chosen(row: FoundRow, wanted: readonly string[] | undefined): Partial<FoundRow> {
  if (wanted === undefined) return row;
  return Object.fromEntries(Object.entries(row).filter(([name]) => wanted.includes(name)));
}

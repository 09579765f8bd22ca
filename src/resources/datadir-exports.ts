// /datadir/exports: runs as files for other programs, made by the server and fetched from it.

import { z } from "zod";
import { definedOnly } from "../base/defined-only.ts";
import { EXPORT_FORMATS } from "../export/request.ts";
import type { ExportStatus } from "../export/server-export.ts";
import { LEVELS } from "../spectra/level.ts";
import { DARK_WAYS } from "../spectra/processing/dark-choice.ts";
import { isoTime, isoTimeUtcUs } from "./iso-time.ts";
import { declare } from "./model.ts";
import { page } from "./page.ts";

const OCTETS = 42;
const SHOWN = 200;

const position = z
  .string()
  .regex(/^\d{1,15}$/, "expected a whole number of bytes")
  .transform(Number);

const request = z.strictObject({
  run: z.string(),
  format: z.enum(EXPORT_FORMATS),
  level: z.enum(LEVELS).default("counts"),
  dark: z.enum(DARK_WAYS).optional(),
  indices: z.array(z.string()).max(50).optional(),
  uncertainty: z.boolean().optional(),
  panel: z.string().optional(),
  serial: z.string().optional(),
  channel: z.string().optional(),
  kind: z.enum(["light", "dark"]).optional(),
  batches: z.tuple([z.int(), z.int()]).optional(),
  from: isoTime.optional(),
  to: isoTime.optional(),
  files: z.array(z.string()).max(10_000).optional(),
});

const summary = z.object({
  id: z.string(),
  run: z.string(),
  format: z.enum(EXPORT_FORMATS),
  level: z.enum(LEVELS),
  state: z.enum(["running", "done", "failed", "cancelled"]),
  done: z.number(),
  of: z.number(),
  /** What is counted, such as `spectra`. */
  doing: z.string(),
  startedUtc: z.string(),
  expiresUtc: z.string().optional(),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
  /** Number of files, and of bytes in them. */
  total: z.number(),
  bytes: z.number(),
});

const detail = summary.extend({
  files: z.array(z.object({ name: z.string(), bytes: z.number(), sha256: z.string() })),
  products: z.array(
    z.object({
      serial: z.string(),
      channel: z.string(),
      level: z.string(),
      spectra: z.number(),
      hasUncertainty: z.boolean(),
    }),
  ),
  leftOut: z.array(z.object({ reason: z.string(), spectra: z.number(), first: z.string() })),
  broken: z.array(z.object({ file: z.string(), problem: z.string() })),
});

export const DATADIR_EXPORTS = [
  declare("/datadir/exports", {
    summary:
      "Runs in files for other programs, newest last; POST makes one, which is kept for an hour: one at a time, four at most",
    type: "core.ll",
    value: z.array(summary),
    input: request,
    get: ({ exports }) => exports.all.value.map(({ status }) => summaryOf(status.value)),
    watch: ({ exports }) => [exports.all, ...exports.all.value.map(({ status }) => status)],
    post: async ({ exports }, _at, { from, to, ...asked }) => {
      const times = { fromUtcUs: utcUs(from), toUtcUs: utcUs(to) };
      const { id, status } = await exports.start({ ...definedOnly(asked), ...definedOnly(times) });
      return { location: ["datadir", "exports", id], value: summaryOf(status.value) };
    },
  }),
  declare("/datadir/exports/{id}", {
    summary:
      "Progress of an export, its files with their hashes, and what was left out of it; query offset, limit; DELETE ends it and removes its files",
    query: z.strictObject(page(50)),
    value: detail,
    instances: ({ exports }) => exports.all.value.map(({ id }) => ({ id })),
    get: ({ exports }, { id }, query) => detailOf(exports.get(id).status.value, query),
    watch: ({ exports }, { id }) => [exports.get(id).status],
    delete: ({ exports }, { id }) => exports.remove(id),
  }),
  declare("/datadir/exports/{id}/{file}", {
    summary: "A file of an export, or with query offset, length bytes of it; all.zip has all of several",
    contentFormat: OCTETS,
    query: z.strictObject({ offset: position.default(0), length: position.optional() }),
    instances: () => [],
    get: async ({ exports }, { id, file }, { offset, length }) => {
      const whole = await exports.open(id, file);
      return offset === 0 && length === undefined ? whole : whole.part(offset, length ?? whole.size);
    },
  }),
];

function summaryOf({ request: asked, files, ...status }: ExportStatus): z.infer<typeof summary> {
  const { id, state, done, of, doing, startedUtc, expiresUtc, error } = status;
  const { run, format, level } = asked;
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const ends = definedOnly({ expiresUtc, error });
  return { id, run, format, level, state, done, of, doing, startedUtc, ...ends, total: files.length, bytes };
}

function detailOf(
  status: ExportStatus,
  { offset, limit }: { readonly offset: number; readonly limit: number },
): z.infer<typeof detail> {
  const { files, products, leftOut, broken } = status;
  return {
    ...summaryOf(status),
    files: files.slice(offset, offset + limit),
    products: [...products],
    leftOut: leftOut.slice(0, SHOWN),
    broken: broken.slice(0, SHOWN),
  };
}

function utcUs(time: string | undefined): number | undefined {
  return time === undefined ? undefined : isoTimeUtcUs(time);
}

// /datadir/verification and /datadir/reindexing: long tasks over the data directory, beside recordings.

import { z } from "zod";
import { definedOnly } from "../base/defined-only.ts";
import { TASK_STATES, type TaskStatus } from "../datadir/long-task.ts";
import { isoTime, isoTimeUtcUs } from "./iso-time.ts";
import { declare } from "./model.ts";
import { page } from "./page.ts";

const task = {
  state: z.enum(TASK_STATES),
  /** Files. */
  done: z.number(),
  of: z.number(),
  startedUtc: z.string().optional(),
  endedUtc: z.string().optional(),
  error: z.string().optional(),
  /** Findings, or files that cannot be read, of which the report has a slice. */
  total: z.number(),
};
const finding = z.object({
  kind: z.string(),
  run: z.string(),
  file: z.string(),
  fact: z.string(),
  isRepaired: z.boolean(),
});
const verificationReport = z.object({
  files: z.number(),
  bytes: z.number(),
  batches: z.number(),
  isCatalogueCompared: z.boolean(),
  faults: z.number(),
  repaired: z.number(),
  counts: z.record(z.string(), z.number()),
  findings: z.array(finding),
});
const reindexReport = z.object({
  indexed: z.number(),
  parsed: z.number(),
  dropped: z.number(),
  broken: z.array(z.object({ run: z.string(), file: z.string(), problem: z.string() })),
});

export const DATADIR_VERIFICATION = [
  declare("/datadir/verification", {
    summary:
      "Whether the files are those that were recorded: POST compares them with manifests and catalogue while recording goes on, GET tells progress and findings (query offset, limit), DELETE cancels",
    type: "core.a",
    query: z.strictObject(page(50)),
    value: z.object({ ...task, report: verificationReport.optional() }),
    input: z.strictObject({
      run: z.string().optional(),
      since: isoTime.optional(),
      /** Adds lines to manifests and rows to the catalogue. */
      repair: z.boolean().default(false),
    }),
    get: ({ dataDirectory }, _at, slice) => {
      const { report, ...status } = dataDirectory.verification.status.value;
      const findings = report?.findings ?? [];
      const shown = report && { ...report, counts: { ...report.counts }, findings: sliced(findings, slice) };
      return answer(status, findings.length, shown);
    },
    watch: ({ dataDirectory }) => [dataDirectory.verification.status],
    post: ({ dataDirectory }, _at, { run, since, repair }) => {
      const sinceUtcUs = since === undefined ? undefined : isoTimeUtcUs(since);
      dataDirectory.verification.start({ repairs: repair, ...definedOnly({ run, sinceUtcUs }) });
      return undefined;
    },
    delete: ({ dataDirectory }) => dataDirectory.verification.cancel(),
  }),
  declare("/datadir/reindexing", {
    summary:
      "The catalogue made up to date with the files: POST reads them while recording goes on, GET tells progress and files that cannot be read (query offset, limit), DELETE cancels",
    type: "core.a",
    query: z.strictObject(page(50)),
    value: z.object({ ...task, report: reindexReport.optional() }),
    input: z.strictObject({
      /** Also files whose size, time and SHA-256 are as catalogued. */
      all: z.boolean().default(false),
    }),
    get: ({ dataDirectory }, _at, slice) => {
      const { report, ...status } = dataDirectory.reindexing.status.value;
      const broken = report?.broken ?? [];
      return answer(status, broken.length, report && { ...report, broken: sliced(broken, slice) });
    },
    watch: ({ dataDirectory }) => [dataDirectory.reindexing.status],
    post: ({ dataDirectory }, _at, { all }) => {
      dataDirectory.reindexing.start({ isAll: all });
      return undefined;
    },
    delete: ({ dataDirectory }) => dataDirectory.reindexing.cancel(),
  }),
];

type Status = Omit<TaskStatus<unknown>, "report">;

function answer<R>(status: Status, total: number, report: R | undefined) {
  return { ...status, total, ...(report === undefined ? {} : { report }) };
}

function sliced<T extends object>(
  items: readonly T[],
  { offset, limit }: { readonly offset: number; readonly limit: number },
): T[] {
  return items.slice(offset, offset + limit).map((item) => ({ ...item }));
}

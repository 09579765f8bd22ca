// /datadir: the mounted data directory, its runs and files, and the instrument configuration that lies in it.

import { z } from "zod";
import { isoUtc } from "../base/clock.ts";
import { declare } from "./model.ts";

const OCTETS_AS_JSON = 50;
const PLAIN_TEXT = 0;
const wholeNumber = z.string().regex(/^\d{1,9}$/, "expected a whole number").transform(Number);

const runSummary = z.object({
  name: z.string(),
  files: z.number(),
  batches: z.number(),
  newestBatch: z.number(),
  modified: z.string(),
});
const runDetail = z.object({
  name: z.string(),
  bytes: z.number(),
  batches: z.array(z.object({ number: z.number(), files: z.number() })),
  files: z.array(z.object({ file: z.string(), bytes: z.number() })),
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
      offset: wholeNumber.default(0),
      limit: wholeNumber.default(50),
      match: z.string().max(200).optional(),
    }),
    value: z.object({ total: z.number(), runs: z.array(runSummary) }),
    get: async ({ dataDirectory }, _at, { match, ...page }) => {
      const { total, runs } = await dataDirectory.runs({ ...page, ...(match === undefined ? {} : { match }) });
      return {
        total,
        runs: runs.map(({ modifiedUtcUs, ...run }) => ({ ...run, modified: isoUtc(modifiedUtcUs) })),
      };
    },
  }),
  declare("/datadir/runs/{run}", {
    summary: "Files of a run, newest first",
    type: "core.ll",
    value: runDetail,
    instances: () => [],
    get: async ({ dataDirectory }, { run }) => {
      const { batches, files, ...rest } = await dataDirectory.run(run);
      return { ...rest, batches: [...batches], files: [...files] };
    },
  }),
  declare("/datadir/runs/{run}/{file}", {
    summary: "A spectra file as it lies on the disk",
    contentFormat: OCTETS_AS_JSON,
    instances: () => [],
    get: async ({ dataDirectory }, { run, file }) => ({ bytes: await dataDirectory.readFile(run, file) }),
  }),
  declare("/datadir/configuration", {
    summary: "Instrument configuration; PUT validates it, keeps the old one as .bak, takes effect at the next start",
    contentFormat: PLAIN_TEXT,
    value: z.string(),
    get: async ({ configuration }) => ({ bytes: Buffer.from(await configuration.read(), "utf8") }),
    put: ({ configuration }, _at, text) => configuration.write(text),
  }),
];

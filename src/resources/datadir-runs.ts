// /datadir/runs: the runs of the data directory, their files and what happened to them.

import { z } from "zod";
import { isoUtc } from "../base/clock.ts";
import { definedOnly } from "../base/defined-only.ts";
import { isVscopeError } from "../base/errors.ts";
import type { Notes } from "../datadir/notes.ts";
import { isSpectraFile } from "../datadir/spectra-file-name.ts";
import { type ContentByPosition } from "./define.ts";
import { declare } from "./model.ts";
import { page } from "./page.ts";

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
  /** Why the run cannot be read; the numbers are 0 then. */
  problem: z.string().optional(),
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
  /** Why the events cannot be read. */
  problem: z.string().optional(),
});

export const DATADIR_RUNS = [
  declare("/datadir/runs", {
    summary: "Runs, newest first; query offset, limit, match",
    type: "core.ll",
    query: z.strictObject({
      ...page(50),
      match: z.string().max(200).optional(),
    }),
    value: z.object({ total: z.number(), runs: z.array(runSummary) }),
    get: async ({ dataDirectory }, _at, query) => {
      const { total, runs } = await dataDirectory.shelf.runs(definedOnly(query));
      return {
        total,
        runs: runs.map(({ modifiedUtcUs, ...run }) => ({ ...run, modified: isoUtc(modifiedUtcUs) })),
      };
    },
  }),
  declare("/datadir/runs/{run}", {
    summary:
      "Files of a run, newest first, with the batches they belong to, the newest events, such as interruptions, and what a crash left unfinished; query offset, limit; DELETE, with the tag of /datadir/manifests/{run} as If-Match, moves it to the trash",
    type: "core.ll",
    access: { delete: "admin" },
    query: z.strictObject(page(100)),
    value: runDetail,
    instances: () => [],
    get: async ({ dataDirectory }, { run }, query) => {
      const { batches, files, unfinished: left, ...rest } = await dataDirectory.shelf.run(run, query);
      const unfinished = left.map(({ modifiedUtcUs, ...one }) => ({
        ...one,
        modified: isoUtc(modifiedUtcUs),
      }));
      const lists = { batches: [...batches], files: [...files], unfinished };
      return { ...rest, ...lists, ...(await newestEvents(dataDirectory.notes, run)) };
    },
    delete: ({ dataDirectory }, { run }, _signal, { by, ifMatch }) =>
      dataDirectory.removal.remove(run, { by, tags: ifMatch }),
    deleteMatches: true,
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
      await dataDirectory.shelf.run(run, { limit: 0 });
      const all = await dataDirectory.notes.events(run);
      const end = Math.max(0, all.length - offset);
      return {
        total: all.length,
        events: all.slice(Math.max(0, end - limit), end).map((one) => ({ ...one })),
      };
    },
  }),
  declare("/datadir/runs/{run}/{file}", {
    summary:
      "A spectra file as it lies on the disk, the checksums of a batch (bNNNNNN.sha256) or the list of events (events.jsonl)",
    contentFormat: JSON_TEXT,
    instances: () => [],
    get: async ({ dataDirectory }, { run, file }) => {
      const opened = await dataDirectory.shelf.openFile(run, file);
      return isSpectraFile(file) ? opened : withContentFormat(opened, PLAIN_TEXT);
    },
  }),
];

// A list that cannot be read, as with a bad sector, hides no files.
async function newestEvents(
  notes: Notes,
  run: string,
): Promise<Pick<z.infer<typeof runDetail>, "events" | "problem">> {
  try {
    const newest = (await notes.events(run)).slice(-EVENTS_SHOWN);
    const events = newest.flatMap((one) => runEvent.safeParse(one).data ?? []);
    return events.length === 0 ? {} : { events };
  } catch (error) {
    if (!isVscopeError(error, "DATADIR_IO")) throw error;
    return { problem: error.message };
  }
}

function withContentFormat(content: ContentByPosition, contentFormat: number): ContentByPosition {
  const { size, tag } = content;
  return { size, tag, contentFormat, read: (...part) => content.read(...part) };
}

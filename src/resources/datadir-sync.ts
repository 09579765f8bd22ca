// /datadir/manifests: what there is to bring home, in few bytes. Lists are short of names, as they go over slow links.

import { z } from "zod";
import { runTagOf } from "../datadir/checksums/manifest-listing.ts";
import { declare } from "./model.ts";
import { page, wholeNumber } from "./page.ts";

const { limit } = page(500);
/** Name, number of the newest batch (-1: none), files, tag. */
const runLine = z.tuple([z.string(), z.number(), z.number(), z.string()]);
/** Number (-1: files that have names of their own, -2: events.jsonl), files, tag (first 8 bytes of the SHA-256 of its manifest), a short manifest. */
const batchLine = z.tuple([z.number(), z.number(), z.string(), z.string()]);

export const DATADIR_SYNC = [
  declare("/datadir/manifests", {
    summary:
      "Of each run with checksums or events, by name: name, newest batch, files, tag; the tag differs when any manifest or events.jsonl does, and is empty where one cannot be read; query after (a name), limit",
    type: "core.ll",
    query: z.strictObject({ after: z.string().max(200).optional(), limit }),
    value: z.object({
      /** Of the data directory. */
      uuid: z.string().optional(),
      runs: z.array(runLine),
      /** Whether others come after these. */
      more: z.boolean(),
    }),
    get: async ({ dataDirectory }, _at, { after = "", limit: most }) => {
      const later = await dataDirectory.manifests.runs({ after, limit: most + 1 });
      const runs = later
        .slice(0, most)
        .map(({ name, newestBatch, files, tag }): z.infer<typeof runLine> => [name, newestBatch, files, tag]);
      const { uuid } = dataDirectory.status.value;
      return { ...(uuid === undefined ? {} : { uuid }), runs, more: later.length > most };
    },
  }),
  declare("/datadir/manifests/{run}", {
    summary:
      "Of each batch of a run: number (-1: files with names of their own, -2: events.jsonl), files, tag of its manifest bNNNNNN.sha256, and that itself when it is short; query from (a batch), limit",
    type: "core.ll",
    query: z.strictObject({ from: wholeNumber.optional(), limit }),
    value: z.object({
      /** Of all batches. */
      tag: z.string(),
      batches: z.array(batchLine),
      more: z.boolean(),
    }),
    instances: () => [],
    get: async ({ dataDirectory }, { run }, { from = 0, limit: most }) => {
      const all = await dataDirectory.manifests.batches(run);
      const wanted = all.filter(({ batch }) => batch >= from || batch < 0);
      const batches = wanted
        .slice(0, most)
        .map(({ batch, files, tag, text }): z.infer<typeof batchLine> => [batch, files, tag, text]);
      return { tag: runTagOf(all), batches, more: wanted.length > most };
    },
  }),
];

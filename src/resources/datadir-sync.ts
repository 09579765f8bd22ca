// /datadir/manifests: what there is to bring home, in few bytes. Lists are short of names, as they go over slow links.

import { z } from "zod";
import { definedOnly } from "../base/defined-only.ts";
import { runTagOf } from "../datadir/checksums/manifest-listing.ts";
import { declare } from "./model.ts";
import { page, wholeNumber } from "./page.ts";

const { limit } = page(500);
/** Name, number of the newest batch (-1: none), files, tag, when it was written to. */
const runLine = z.tuple([z.string(), z.number(), z.number(), z.string(), z.number()]);
/** Number (-1: files that have names of their own, -2: events.jsonl), files, tag (first 8 bytes of the SHA-256 of its manifest), a short manifest, when it was written to. */
const batchLine = z.tuple([z.number(), z.number(), z.string(), z.string(), z.number()]);
/** Seconds since 1970. */
const time = z
  .string()
  .regex(/^\d{1,12}$/, "expected seconds since 1970")
  .transform(Number);

export const DATADIR_SYNC = [
  declare("/datadir/manifests", {
    summary:
      "Of each run with checksums or events, by name: name, newest batch, files, tag, seconds since 1970 when it was written to; the tag differs when any manifest or events.jsonl does, and is empty where the run cannot be read; query after (a name), limit",
    type: "core.ll",
    query: z.strictObject({ after: z.string().max(200).optional(), limit }),
    value: z.object({
      /** Of the data directory. */
      uuid: z.string().optional(),
      /** The newest of /datadir/instrument. */
      instrument: z.string().optional(),
      runs: z.array(runLine),
      /** Whether others come after these. */
      more: z.boolean(),
    }),
    get: async ({ dataDirectory }, _at, { after = "", limit: most }) => {
      const later = await dataDirectory.manifests.runs({ after, limit: most + 1 });
      const runs = later
        .slice(0, most)
        .map(
          ({ name, newestBatch, files, tag, writtenUtcS }): z.infer<typeof runLine> => [
            name,
            newestBatch,
            files,
            tag,
            writtenUtcS,
          ],
        );
      const { uuid } = dataDirectory.status.value;
      // What cannot be listed of them keeps no run from coming home.
      const sets = await dataDirectory.instrument.names().catch(() => []);
      const instrument = sets.at(-1);
      return { ...definedOnly({ uuid, instrument }), runs, more: later.length > most };
    },
  }),
  declare("/datadir/manifests/{run}", {
    summary:
      "Of each batch of a run: number (-1: files with names of their own, -2: events.jsonl), files, tag of its manifest bNNNNNN.sha256, that itself when it is short, seconds since 1970 when it was written to; query from (a batch), since (seconds), limit",
    type: "core.ll",
    query: z.strictObject({ from: wholeNumber.optional(), since: time.optional(), limit }),
    value: z.object({
      /** Of all batches. */
      tag: z.string(),
      batches: z.array(batchLine),
      more: z.boolean(),
    }),
    instances: () => [],
    get: async ({ dataDirectory }, { run }, { from = 0, since = 0, limit: most }) => {
      const all = await dataDirectory.manifests.batches(run);
      const recent = all.filter(({ writtenUtcS }) => writtenUtcS >= since);
      const wanted = recent.filter(({ batch }) => batch >= from || batch < 0);
      const batches = wanted
        .slice(0, most)
        .map(
          ({ batch, files, tag, text, writtenUtcS }): z.infer<typeof batchLine> => [
            batch,
            files,
            tag,
            text,
            writtenUtcS,
          ],
        );
      return { tag: runTagOf(all), batches, more: wanted.length > most };
    },
  }),
];

// /datadir/spectra: the catalogue of all spectra, slice by slice. For a search page by page see datadir-search.ts.

import { z } from "zod";
import { definedOnly } from "../base/defined-only.ts";
import { declare } from "./model.ts";
import { page } from "./page.ts";
import { CRITERIA, catalogued, cataloguedShape, criteriaOf } from "./spectrum-criteria.ts";

const spectrumQuery = z.strictObject({
  ...page(50),
  ...CRITERIA,
  run: z.string().optional(),
  serial: z.string().optional(),
  channel: z.string().optional(),
  flag: z.string().optional(),
});

export const DATADIR_SPECTRA = [
  declare("/datadir/spectra", {
    summary:
      "Catalogue of all spectra, newest first; query run, batch, sequence, serial, channel, kind, flag, flags, flags_none, from, to, offset, limit",
    type: "core.ll",
    typicalBytes: 12_000,
    query: spectrumQuery,
    value: z.object({ total: z.number(), spectra: z.array(cataloguedShape) }),
    get: async ({ dataDirectory }, _at, { limit, offset, run, serial, channel, flag, ...query }) => {
      const named = definedOnly({ run: listed(run), serial: listed(serial), channel: listed(channel) });
      const { flags = [], ...criteria } = criteriaOf(query);
      const all = flag === undefined ? flags : [...flags, flag];
      const { total, spectra } = await dataDirectory.shelf.slice(
        { ...criteria, ...named, flags: all },
        { limit, offset },
      );
      return { total, spectra: spectra.map(catalogued) };
    },
  }),
];

function listed(value: string | undefined): readonly string[] | undefined {
  return value === undefined ? undefined : [value];
}

// /datadir/instrument: the instrument configurations and calibration files that the data were recorded with.

import { z } from "zod";
import { declare } from "./model.ts";

const PLAIN_TEXT = 0;

export const DATADIR_INSTRUMENT = [
  declare("/datadir/instrument", {
    summary:
      "Names of the sets of files that the data were recorded with, instrument configuration, radiometric calibrations, panels, oldest first; each is named by the time since which it was in use",
    type: "core.ll",
    value: z.array(z.string()),
    get: async ({ dataDirectory }) => [...(await dataDirectory.instrument.names())],
  }),
  declare("/datadir/instrument/{file}", {
    summary: "A set, which is a list of files as sha256sum writes it, or a file of one",
    contentFormat: PLAIN_TEXT,
    instances: () => [],
    get: ({ dataDirectory }, { file }) => dataDirectory.instrument.open(file),
  }),
];

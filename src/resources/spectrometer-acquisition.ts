// /spectrometers/{serial}/...: how a spectrum is made: what starts it, how many scans it has, and what the device itself
// does to them. Nothing is changed while the instrument records: the lights of a batch must fit its darks.

import { z } from "zod";
import { definedOnly } from "../base/defined-only.ts";
import { TRIGGER_MODES } from "../drivers/oceanoptics/trigger-modes.ts";
import { declare, type ServerModel } from "./model.ts";
import { type At, having, reading, writing } from "./spectrometer-controls.ts";

const modes = z.enum(TRIGGER_MODES);
// PUT takes what is to change; the list of modes read before may come along.
const trigger = z.strictObject({
  mode: modes,
  number: z.int().optional(),
  timeoutS: z.number().optional(),
  modes: z.array(z.string()).optional(),
});

export const SPECTROMETER_ACQUISITION = [
  declare("/spectrometers/{serial}/trigger", {
    summary:
      "What starts the exposure of a light, by name; number is the firmware's own where it differs from the table; " +
      "timeoutS ends the wait. Darks and searches for integration times do not wait",
    value: trigger,
    example: { mode: "hardware", timeoutS: 60 },
    instances: having("trigger"),
    get: async (server, at, query, signal) => ({
      ...(await reading("trigger")(server, at, query, signal)),
      modes: [...(await reading("trigger-modes")(server, at, query, signal))],
    }),
    put: (server, at, { mode, number, timeoutS }, signal) =>
      writing("trigger")(server, at, { mode, ...definedOnly({ number, timeoutS }) }, signal),
  }),
  declare("/spectrometers/{serial}/scans", {
    summary:
      "Scans that make one spectrum, 1 to 10000: their mean, with standard deviation, smallest and largest counts",
    value: z.int(),
    example: 10,
    instances: ({ rack }) => rack.spectrometers.value.map(({ serial }) => ({ serial })),
    get: ({ rack }, { serial }) => rack.spectrometer(serial).scans.value,
    watch: ({ rack }, { serial }) => [rack.spectrometer(serial).scans],
    put: (server, { serial }, scans) => {
      server.operations.requireIdle(serial);
      server.rack.spectrometer(serial).setScans(scans);
    },
  }),
  processing("scans-to-average", "Scans that the instrument itself averages into one spectrum"),
  processing("boxcar", "Pixels on either side that the instrument takes into a moving mean"),
  processing("binning", "The instrument makes 2^n neighbouring pixels one"),
];

function processing(name: "scans-to-average" | "boxcar" | "binning", summary: string) {
  return declare(`/spectrometers/{serial}/${name}`, {
    summary,
    value: z.int(),
    example: 2,
    instances: having(name),
    get: (server: ServerModel, at: At, query: undefined, signal: AbortSignal) =>
      reading(name)(server, at, query, signal),
    put: (server: ServerModel, at: At, value: number, signal: AbortSignal) =>
      writing(name)(server, at, value, signal),
  });
}

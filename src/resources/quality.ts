// /quality: what the flags mean, from where on they are raised, and what the newest spectra got.

import { z } from "zod";
import { isoUtc } from "../base/clock.ts";
import { COLOURS, colourOf, FLAGS, flagMask, SEVERITIES } from "../spectra/flags.ts";
import type { Spectrum } from "../spectra/spectrum.ts";
import { declare, type ServerModel } from "./model.ts";

const verdict = z.object({
  serial: z.string(),
  channel: z.string(),
  kind: z.enum(["light", "dark"]),
  exposureStart: z.string(),
  colour: z.enum(COLOURS),
  mask: z.number(),
  flags: z.array(z.string()),
});

export const QUALITY = [
  declare("/quality", {
    summary:
      "The verdicts on the newest light and dark of each spectrometer and channel, and the limits of the flags",
    value: z.object({ newest: z.array(verdict), limits: z.record(z.string(), z.number()) }),
    typicalBytes: 3000,
    get: (server) => ({ newest: verdictsOf(server), limits: { ...server.qualityLimits } }),
    watch: ({ rack }) => [
      rack.spectrometers,
      ...rack.spectrometers.value.flatMap((one) => one.channels.map((channel) => one.newest(channel))),
    ],
  }),
  declare("/quality/flags", {
    summary: "All quality flags: name, mask (CF flag_masks), what it makes of a spectrum, meaning",
    value: z.array(
      z.object({ name: z.string(), mask: z.number(), severity: z.enum(SEVERITIES), meaning: z.string() }),
    ),
    typicalBytes: 3000,
    get: () =>
      Object.entries(FLAGS).map(([name, { severity, meaning }]) => ({
        name,
        mask: flagMask([name]),
        severity,
        meaning,
      })),
  }),
];

function verdictsOf({ rack }: ServerModel): z.infer<typeof verdict>[] {
  return rack.spectrometers.value.flatMap((one) =>
    one.channels.flatMap((channel) => one.newest(channel).ofEachKind.map(verdictOf)),
  );
}

function verdictOf({
  instrument,
  channel,
  kind,
  exposureStartUtcUs,
  flags,
}: Spectrum): z.infer<typeof verdict> {
  return {
    serial: instrument.serial,
    channel,
    kind,
    exposureStart: isoUtc(exposureStartUtcUs),
    colour: colourOf(flags),
    mask: flagMask(flags),
    flags: [...flags],
  };
}

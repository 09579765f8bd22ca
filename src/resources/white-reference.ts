// /acquisition/white-reference: records a white panel, and tells which references are in use.

import { z } from "zod";
import { definedOnly } from "../base/defined-only.ts";
import { batch, created } from "./acquisition.ts";
import { referenceValue, whiteReferenceShape } from "./levels.ts";
import { declare } from "./model.ts";

const panel = z.object({
  name: z.string(),
  serial: z.string(),
  calibrated: z.string(),
  validDays: z.number(),
});
const reference = whiteReferenceShape.extend({ serial: z.string(), channel: z.string() });
const request = z.strictObject({
  panel: z.string(),
  channels: z.array(z.string()).min(1).optional(),
  search: z.boolean().optional(),
  ...batch.pick({ run: true, targetPercent: true }).shape,
});

export const WHITE_REFERENCE = [
  declare("/acquisition/white-reference", {
    summary:
      "The white references in use and their ages, and the panels; POST records a panel as the new reference, with darks and downwelling light",
    type: "core.a",
    value: z.object({ references: z.array(reference), panels: z.array(panel) }),
    input: request,
    get: ({ whiteReferences, calibrations, host }) => ({
      references: whiteReferences.present.value.map((one) => ({
        serial: one.serial,
        channel: one.channel,
        ...referenceValue(one, host.utcUs),
      })),
      panels: calibrations.panels.map(({ name, serial, calibrated, validDays }) => ({
        name,
        serial,
        calibrated,
        validDays,
      })),
    }),
    watch: ({ whiteReferences }) => [whiteReferences.present],
    post: ({ recorder }, _at, asked) => created(recorder.whiteReference(definedOnly(asked))),
  }),
];

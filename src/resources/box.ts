// /box: the parts of the box beside the instruments. Their lines are configured in [box] of the server's file.

import { z } from "zod";
import { declare } from "./model.ts";

const trigger = z.object({
  usable: z.boolean(),
  started: z.number(),
  ignored: z.number(),
  newestUtc: z.string().optional(),
  reason: z.string().optional(),
});

export const BOX = [
  declare("/box/trigger", {
    summary:
      "Trigger input: whether there is one, recordings that its edges have started, edges that were ignored and why the newest was",
    value: trigger,
    example: { usable: true, started: 12, ignored: 1, newestUtc: "2026-06-21T12:00:00.000000Z" },
    get: ({ box }) =>
      box.trigger === undefined
        ? { usable: false, started: 0, ignored: 0 }
        : { usable: true, ...box.trigger.value },
    watch: ({ box }) => (box.trigger === undefined ? [] : [box.trigger]),
  }),
];

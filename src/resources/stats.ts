// /stats: what the CoAP server has counted since its start, for whoever watches over it.

import { z } from "zod";
import { declare } from "./model.ts";

export const STATS = [
  declare("/stats", {
    summary:
      "Counters of the CoAP server since its start, and what it holds now; empty without a CoAP server",
    value: z.record(z.string(), z.number()),
    example: { received: 1200, sent: 1198, requests: 1196, observers: 2, pinnedBytes: 0 },
    get: ({ coapStats }) => ({ ...coapStats() }),
  }),
];

// sysinfo: what the native tree does not have there, and piccolo3's forms of setting the clock. The other leaves of
// piccolo3 are those of src/resources/sysinfo.ts, which have its names and values, and serve both kinds of clients.

import { MS } from "../../base/clock.ts";
import { REQUIRED } from "./arguments.ts";
import { Float } from "./json-text.ts";
import type { Row } from "./row.ts";
import { momentOf } from "./times.ts";

export const SYSINFO_ROWS: readonly Row[] = [
  { path: "sysinfo/mem", get: ({ model }) => new Float(model.host.memory.usedPercent) },
  {
    path: "sysinfo/clock",
    isShared: true,
    put: {
      parameters: { clock: REQUIRED },
      role: "admin",
      call: async ({ model }, { clock }, { signal }) => {
        const utcUs = momentOf("clock", clock, true);
        model.operations.requireIdle("clock");
        await model.host.setUtc(new Date(utcUs / MS).toISOString(), signal);
      },
    },
  },
];

// Opens piccolo3's tree over the parts of the server.

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { SearchLimits } from "../acquisition/autointegration.ts";
import type { Clock } from "../base/clock.ts";
import type { Lifetime } from "../base/lifetime.ts";
import type { Log } from "../base/log.ts";
import type { InstrumentConfig } from "../config/instrument-config.ts";
import type { ServerConfig } from "../config/server-config.ts";
import type { ClientLimits } from "../instruments/client-limits.ts";
import { Legacy } from "../interfaces/legacy/legacy.ts";
import { LegacyTree } from "../interfaces/legacy/tree.ts";
import type { ServerModel } from "../resources/model.ts";
import { SCHEDULER_FILE } from "../scheduler/store.ts";

export interface LegacyOptions {
  readonly config: ServerConfig;
  readonly instrument: InstrumentConfig;
  readonly model: ServerModel;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: ClientLimits;
  readonly searchLimits: SearchLimits;
}

export function openLegacy(options: LegacyOptions, lifetime: Lifetime): LegacyTree {
  const { config, instrument, model, clock, log, limits, searchLimits } = options;
  const { mount, device, mountPoint } = config.datadir;
  const configured = {
    serials: instrument.spectrometers.map(({ serial }) => serial),
    searchMaxUs: (serial: string) => searchLimits.maxUs(serial),
    medium: mount ? { device, mountPoint } : undefined,
  };
  const legacy = new Legacy({ model, clock, log, limits, configured });
  lifetime.defer("piccolo3's tree", () => legacy.close());
  hintAtOldJobs(model, log);
  return new LegacyTree(legacy);
}

// A data directory that a Piccolo has used: nobody else would tell that its jobs do not run any more.
function hintAtOldJobs({ dataDirectory, scheduler }: ServerModel, log: Log): void {
  const path = join(dataDirectory.path, SCHEDULER_FILE);
  if (!existsSync(path) || scheduler.jobs.value.some(({ name }) => name?.startsWith("piccolo3/"))) return;
  log.warn(
    { path },
    "jobs of a Piccolo are in this file and do not run; vscope schedule import takes them over",
  );
}

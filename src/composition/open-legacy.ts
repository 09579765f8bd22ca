// Opens piccolo3's tree over the parts of the server.

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
  return new LegacyTree(legacy);
}

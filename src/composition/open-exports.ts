// Opens the exports of the server, which are made with the calibrations of the instrument configuration.

import type { Calibrations } from "../acquisition/calibrations.ts";
import type { Clock } from "../base/clock.ts";
import type { Lifetime } from "../base/lifetime.ts";
import type { Log } from "../base/log.ts";
import type { InstrumentConfig } from "../config/instrument-config.ts";
import type { DataDirectory } from "../datadir/data-directory.ts";
import { Exports } from "../export/exports.ts";

export interface OpenExportsParts {
  readonly dataDirectory: DataDirectory;
  readonly calibrations: Calibrations;
  /** Path of the instrument configuration. */
  readonly configuration: string;
  readonly instrument: InstrumentConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
}

export async function openExports(parts: OpenExportsParts, lifetime: Lifetime): Promise<Exports> {
  const { dataDirectory, calibrations, configuration, instrument, clock, log, version } = parts;
  const exports = await Exports.open({
    dataDirectory,
    calibrations: calibrations.radiometricFiles,
    configuration,
    own: instrument,
    software: `vscope-server ${version}`,
    clock,
    log,
  });
  lifetime.defer("exports", () => exports.close());
  return exports;
}

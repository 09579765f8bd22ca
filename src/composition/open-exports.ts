// Opens the exports of the server, which are made with the calibrations of the instrument configuration.

import type { Clock } from "../base/clock.ts";
import type { Lifetime } from "../base/lifetime.ts";
import type { Log } from "../base/log.ts";
import type { InstrumentConfig } from "../config/instrument-config.ts";
import type { DataDirectory } from "../datadir/data-directory.ts";
import { Exports } from "../export/exports.ts";
import type { RadiometricCalibration } from "../spectra/radiometric.ts";

export interface OpenExportsParts {
  readonly dataDirectory: DataDirectory;
  /** The radiometric ones, with the time of their use. */
  readonly calibrations: readonly RadiometricCalibration[];
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
    calibrations,
    configuration,
    own: instrument,
    software: `vscope-server ${version}`,
    clock,
    log,
  });
  lifetime.defer("exports", () => exports.close());
  return exports;
}

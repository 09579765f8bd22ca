// Opens what levels above raw counts need: calibration files, those of before among them, and the white references that were
// recorded.

import { dirname } from "node:path";
import { Calibrations } from "../acquisition/calibrations.ts";
import { InstrumentIrradiance } from "../acquisition/instrument-irradiance.ts";
import { WhiteReferences } from "../acquisition/white-references.ts";
import type { Clock } from "../base/clock.ts";
import type { Lifetime } from "../base/lifetime.ts";
import type { Log } from "../base/log.ts";
import type { InstrumentConfig } from "../config/instrument-config.ts";
import type { DataDirectory } from "../datadir/data-directory.ts";
import { CONFIGURATION_FILE } from "../datadir/instrument-archive.ts";
import { readCalibrations } from "./calibration-files.ts";
import type { InstrumentFile } from "./instrument-file.ts";
import { keepInstrument } from "./keep-instrument.ts";

export interface ReferencesParts {
  readonly instrument: InstrumentConfig;
  readonly configuration: Pick<InstrumentFile, "path" | "loaded">;
  readonly dataDirectory: DataDirectory;
  readonly clock: Clock;
  readonly log: Log;
}

export interface OpenedReferences {
  readonly calibrations: Calibrations;
  readonly instrumentIrradiance: InstrumentIrradiance;
  readonly whiteReferences: WhiteReferences;
}

/** A file that is wrong is told in the log, and to whoever asks for what needs it; raw spectra need none. */
export async function openReferences(parts: ReferencesParts, lifetime: Lifetime): Promise<OpenedReferences> {
  const { instrument, configuration, dataDirectory, clock, log } = parts;
  const { path, loaded } = configuration;
  const calibrations = await readCalibrations(instrument, dirname(path));
  for (const { message } of calibrations.mistakes)
    log.error({ reason: message }, "a calibration is not used");
  const whiteReferences = new WhiteReferences({ dataDirectory, calibrations, log });
  await whiteReferences.load();
  const files = [{ name: CONFIGURATION_FILE, bytes: Buffer.from(loaded) }, ...calibrations.files];
  await keepInstrument({ dataDirectory, files, clock, log }, lifetime);
  return { calibrations, instrumentIrradiance: new InstrumentIrradiance(), whiteReferences };
}

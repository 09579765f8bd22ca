// Opens what levels above raw counts need: calibration files, and the white references that were recorded before.

import { dirname } from "node:path";
import { Calibrations } from "../acquisition/calibrations.ts";
import { InstrumentIrradiance } from "../acquisition/instrument-irradiance.ts";
import { WhiteReferences } from "../acquisition/white-references.ts";
import type { Log } from "../base/log.ts";
import type { InstrumentConfig } from "../config/instrument-config.ts";
import type { DataDirectory } from "../datadir/data-directory.ts";
import { readCalibrations } from "./calibration-files.ts";

export interface ReferencesParts {
  readonly instrument: InstrumentConfig;
  /** Of the instrument configuration. */
  readonly path: string;
  readonly dataDirectory: DataDirectory;
  readonly log: Log;
}

export interface OpenedReferences {
  readonly calibrations: Calibrations;
  readonly instrumentIrradiance: InstrumentIrradiance;
  readonly whiteReferences: WhiteReferences;
}

/** A file that is wrong is told in the log, and to whoever asks for what needs it; raw spectra need none. */
export async function openReferences(parts: ReferencesParts): Promise<OpenedReferences> {
  const { instrument, path, dataDirectory, log } = parts;
  const calibrations = await readCalibrations(instrument, dirname(path));
  for (const { message } of calibrations.mistakes)
    log.error({ reason: message }, "a calibration is not used");
  const whiteReferences = new WhiteReferences({ dataDirectory, calibrations, log });
  await whiteReferences.load();
  return { calibrations, instrumentIrradiance: new InstrumentIrradiance(), whiteReferences };
}

// Opens what levels above raw counts need: calibration files, those of before among them, and the white references that were
// recorded.

import { dirname } from "node:path";
import { Calibrations } from "../acquisition/calibrations.ts";
import { WhiteReferences } from "../acquisition/white-references.ts";
import { messageOf } from "../base/errors.ts";
import type { Lifetime } from "../base/lifetime.ts";
import type { Log } from "../base/log.ts";
import type { InstrumentConfig } from "../config/instrument-config.ts";
import type { DataDirectory } from "../datadir/data-directory.ts";
import { CONFIGURATION_FILE } from "../datadir/instrument-archive.ts";
import { archivedCalibrations } from "../export/archived-calibrations.ts";
import type { RadiometricCalibration } from "../spectra/radiometric.ts";
import { readCalibrations } from "./calibration-files.ts";
import type { InstrumentFile } from "./instrument-file.ts";
import { keepInstrument } from "./keep-instrument.ts";

export interface ReferencesParts {
  readonly instrument: InstrumentConfig;
  readonly configuration: Pick<InstrumentFile, "path" | "loaded">;
  readonly dataDirectory: DataDirectory;
  readonly log: Log;
}

export interface OpenedReferences {
  readonly calibrations: Calibrations;
  readonly whiteReferences: WhiteReferences;
  /** The radiometric ones, also of before, with the time of their use. */
  readonly recordedWith: readonly RadiometricCalibration[];
}

/** A file that is wrong is told in the log, and to whoever asks for what needs it; raw spectra need none. */
export async function openReferences(parts: ReferencesParts, lifetime: Lifetime): Promise<OpenedReferences> {
  const { instrument, configuration, dataDirectory, log } = parts;
  const { path, loaded } = configuration;
  const calibrations = await readCalibrations(instrument, dirname(path));
  for (const { message } of calibrations.mistakes)
    log.error({ reason: message }, "a calibration is not used");
  const whiteReferences = new WhiteReferences({ dataDirectory, calibrations, log });
  await whiteReferences.load();
  const files = [{ name: CONFIGURATION_FILE, bytes: Buffer.from(loaded) }, ...calibrations.files];
  const isKept = await keepInstrument({ dataDirectory, files, log }, lifetime);
  const recordedWith = isKept ? await keptCalibrations(dataDirectory, log) : undefined;
  return { calibrations, whiteReferences, recordedWith: recordedWith ?? calibrations.radiometricFiles };
}

/** Undefined when they cannot be read: no reason not to record. */
async function keptCalibrations(
  { instrument }: DataDirectory,
  log: Log,
): Promise<readonly RadiometricCalibration[] | undefined> {
  try {
    return await archivedCalibrations(instrument);
  } catch (error) {
    log.warn({ reason: messageOf(error) }, "calibrations of before are not used");
    return undefined;
  }
}

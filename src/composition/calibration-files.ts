// Reads the calibration files that the instrument configuration names. A file that is wrong costs its own levels only:
// raw spectra can be recorded without it.

import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { calibrationKey, Calibrations, type InMemory, type Read } from "../acquisition/calibrations.ts";
import { asVscopeError, messageOf, VscopeError } from "../base/errors.ts";
import type { InstrumentConfig } from "../config/instrument-config.ts";
import { type CalibrationText, readCalibrationText } from "../spectra/calibration-file.ts";
import { type Panel, panelOf } from "../spectra/panel.ts";
import { type RadiometricCalibration, radiometricCalibrationOf } from "../spectra/radiometric.ts";

/** Names of files are relative to `folder`, that of the instrument configuration. Never throws: see `mistakes`. */
export async function readCalibrations(
  { radiometric, panels }: Pick<InstrumentConfig, "radiometric" | "panels">,
  folder: string,
): Promise<Calibrations> {
  const read = async <T>(file: string, make: (text: CalibrationText) => T): Promise<Read<T>> => {
    try {
      return make(await textOf(resolve(folder, file)));
    } catch (error) {
      return asVscopeError(error);
    }
  };
  const calibrations = new Map<string, Read<RadiometricCalibration | InMemory>>();
  for (const { serial, channel, from } of radiometric) {
    const of = { serial, channel };
    const made = "file" in from ? await read(from.file, (text) => radiometricCalibrationOf(text, of)) : from;
    calibrations.set(calibrationKey(serial, channel), made);
  }
  const found = new Map<string, Read<Panel>>();
  for (const { file, ...panel } of panels)
    found.set(panel.name, await read(file, (text) => panelOf(text, panel)));
  return new Calibrations(calibrations, found);
}

async function textOf(path: string): Promise<CalibrationText> {
  try {
    return readCalibrationText(await readFile(path, "utf8"), path);
  } catch (error) {
    if (error instanceof VscopeError) throw error;
    throw new VscopeError("CONFIG_INVALID", `${path}: cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

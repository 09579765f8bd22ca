// Reads the calibration files that the instrument configuration names. A file that is wrong costs its own levels only:
// raw spectra can be recorded without it.

import { readFile } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { calibrationKey, Calibrations, type InMemory, type Read } from "../acquisition/calibrations.ts";
import { asVscopeError, messageOf, VscopeError } from "../base/errors.ts";
import type { InstrumentConfig } from "../config/instrument-config.ts";
import type { InstrumentFileText } from "../datadir/instrument-archive.ts";
import { hashOf } from "../export/input-run.ts";
import { type CalibrationText, readCalibrationText } from "../spectra/calibration-file.ts";
import { type Panel, panelOf } from "../spectra/panel.ts";
import { type RadiometricCalibration, radiometricCalibrationOf } from "../spectra/radiometric.ts";

/** Names of files are relative to `folder`, that of the instrument configuration. Never throws: see `mistakes`. */
export async function readCalibrations(
  { radiometric, panels }: Pick<InstrumentConfig, "radiometric" | "panels">,
  folder: string,
): Promise<Calibrations> {
  const files: InstrumentFileText[] = [];
  const read = async <T>(
    file: string,
    make: (text: CalibrationText, sha256: string) => T,
  ): Promise<Read<T>> => {
    const path = resolve(folder, file);
    try {
      const bytes = await bytesOf(path);
      const made = make(readCalibrationText(bytes.toString(), path), hashOf(bytes));
      files.push({ name: file, bytes });
      return made;
    } catch (error) {
      return asVscopeError(error);
    }
  };
  const calibrations = new Map<string, Read<RadiometricCalibration | InMemory>>();
  for (const { serial, channel, from } of radiometric) {
    const of = { serial, channel };
    const make = (text: CalibrationText, sha256: string): RadiometricCalibration => ({
      ...radiometricCalibrationOf(text, of),
      source: basename(text.fileName),
      sha256,
    });
    const made = "file" in from ? await read(from.file, make) : from;
    calibrations.set(calibrationKey(serial, channel), made);
  }
  const found = new Map<string, Read<Panel>>();
  for (const { file, ...panel } of panels)
    found.set(
      panel.name,
      await read(file, (text, sha256) => ({ ...panelOf(text, panel), source: basename(file), sha256 })),
    );
  return new Calibrations(calibrations, found, files);
}

async function bytesOf(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new VscopeError("CONFIG_INVALID", `${path}: cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

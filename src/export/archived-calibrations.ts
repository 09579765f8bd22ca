// The radiometric calibrations that a data directory was recorded with, each with the time in which it was used.

import { isVscopeError } from "../base/errors.ts";
import {
  type InstrumentArchive,
  type InstrumentLine,
  sinceUtcUs,
  usedName,
} from "../datadir/instrument-archive.ts";
import { readCalibrationText, required } from "../spectra/calibration-file.ts";
import { type RadiometricCalibration, radiometricCalibrationOf } from "../spectra/radiometric.ts";
import { hashOf } from "./input-run.ts";

type Dated = Required<Pick<RadiometricCalibration, "inUse">> & RadiometricCalibration;

/**
 * Those of the first set serve what was recorded before, too. A file or list that is missing or has gone bad is none, and no older one
 * takes its place. Throws DATADIR_IO, DATADIR_NOT_MOUNTED.
 */
export async function archivedCalibrations(
  archive: InstrumentArchive,
): Promise<readonly RadiometricCalibration[]> {
  const ended: Dated[] = [];
  let used = new Map<string, Dated>();
  for (const [index, set] of (await archive.names()).entries()) {
    const fromUtcUs = index === 0 ? Number.NEGATIVE_INFINITY : sinceUtcUs(set);
    const now = new Map<string, Dated>();
    for (const line of await archive.lines(set).catch(() => [])) {
      const inUse = { fromUtcUs, untilUtcUs: Number.POSITIVE_INFINITY };
      const found = used.get(line.name) ?? (await read(archive, line));
      if (found !== undefined) now.set(line.name, { inUse, ...found });
    }
    for (const [name, one] of used)
      if (!now.has(name)) ended.push({ ...one, inUse: { ...one.inUse, untilUtcUs: fromUtcUs } });
    used = now;
  }
  return [...ended, ...used.values()];
}

async function read(
  archive: InstrumentArchive,
  { name, sha256 }: InstrumentLine,
): Promise<RadiometricCalibration | undefined> {
  const bytes = await archive.read(name).catch(() => undefined);
  if (bytes === undefined || hashOf(bytes) !== sha256) return undefined;
  try {
    const text = readCalibrationText(bytes.toString(), usedName(name));
    const of = { serial: required(text, "serial"), channel: required(text, "channel") };
    return { ...radiometricCalibrationOf(text, of), sha256 };
  } catch (error) {
    // A panel, or the configuration.
    if (isVscopeError(error, "CONFIG_INVALID")) return undefined;
    throw error;
  }
}

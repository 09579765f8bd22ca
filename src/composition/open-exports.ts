// Opens the exports of the server, which are made with the calibrations that were in use when the data were recorded.

import type { Calibrations } from "../acquisition/calibrations.ts";
import type { InstrumentIrradiance } from "../acquisition/instrument-irradiance.ts";
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Lifetime } from "../base/lifetime.ts";
import type { Log } from "../base/log.ts";
import type { InstrumentConfig } from "../config/instrument-config.ts";
import type { DataDirectory } from "../datadir/data-directory.ts";
import type { GivenCalibration, SpectrometerChannel } from "../export/calibration-shelf.ts";
import { archivedCalibrations } from "../export/archived-calibrations.ts";
import { type ConfiguredCalibrations, Exports } from "../export/exports.ts";
import type { Rack } from "../instruments/rack.ts";
import type { RadiometricCalibration } from "../spectra/radiometric.ts";

export interface OpenExportsParts {
  readonly dataDirectory: DataDirectory;
  readonly calibrations: Calibrations;
  readonly instrumentIrradiance: InstrumentIrradiance;
  readonly rack: Rack;
  /** Path of the instrument configuration. */
  readonly configuration: string;
  readonly instrument: InstrumentConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
}

export async function openExports(parts: OpenExportsParts, lifetime: Lifetime): Promise<Exports> {
  const { dataDirectory, configuration, instrument, clock, log, version } = parts;
  const exports = await Exports.open({
    dataDirectory,
    calibrations: configuredCalibrations(parts),
    configuration,
    own: instrument,
    software: `vscope-server ${version}`,
    clock,
    log,
  });
  lifetime.defer("exports", () => exports.close());
  return exports;
}

function configuredCalibrations(parts: OpenExportsParts): ConfiguredCalibrations {
  const { calibrations, instrument } = parts;
  return {
    async places() {
      const all = [...instrument.radiometric, ...((await archived(parts)) ?? [])];
      return [
        ...new Map(all.map(({ serial, channel }) => [`${serial} ${channel}`, { serial, channel }])).values(),
      ];
    },
    async read(wanted, signal) {
      const kept = await archived(parts);
      if (kept === undefined) return wanted.map((of) => ({ ...of, problem: UNREADABLE }));
      const given: GivenCalibration[] = [];
      for (const of of wanted) {
        const ofPlace = kept.filter(({ serial, channel }) => serial === of.serial && channel === of.channel);
        given.push(...ofPlace);
        if (!calibrations.isConfigured(of.serial, of.channel)) continue;
        const now = await givenFor(of, parts, signal);
        // Kept is also what is in use, from when on.
        if (ofPlace.length === 0 || !("factors" in now)) given.push(now);
      }
      return given;
    },
    panel: (name) => calibrations.panel(name),
  };
}

const UNREADABLE = "the calibrations kept beside the data cannot be read";

/** Undefined when they cannot be read: which one served when is not known then. */
async function archived({
  dataDirectory,
  log,
}: OpenExportsParts): Promise<readonly RadiometricCalibration[] | undefined> {
  try {
    return await archivedCalibrations(dataDirectory.instrument);
  } catch (error) {
    log.warn({ reason: messageOf(error) }, UNREADABLE);
    return undefined;
  }
}

// One that cannot be read costs the spectra that need it, which then tell why.
async function givenFor(
  { serial, channel }: SpectrometerChannel,
  { calibrations, instrumentIrradiance, rack }: OpenExportsParts,
  signal: AbortSignal,
): Promise<GivenCalibration> {
  try {
    const found = calibrations.radiometric(serial, channel);
    if ("factors" in found) return found;
    const { collectionAreaCm2 } = found;
    return await instrumentIrradiance.stored(
      rack.spectrometer(serial),
      { channel, collectionAreaCm2 },
      signal,
    );
  } catch (error) {
    signal.throwIfAborted();
    return { serial, channel, problem: messageOf(error) };
  }
}

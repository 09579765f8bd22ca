// `vscope-server --check`: looks at configuration and hardware, prints what it finds, changes nothing but closes shutters.

import { dirname } from "node:path";
import { panelAgeDays } from "../acquisition/white-reference.ts";
import { NEVER, withDeadline } from "../base/abort.ts";
import { until } from "../base/cell.ts";
import { type Clock, SECOND } from "../base/clock.ts";
import { VscopeError } from "../base/errors.ts";
import { Lifetime } from "../base/lifetime.ts";
import type { Log } from "../base/log.ts";
import { checkBox } from "./check-box.ts";
import { checkMedium } from "./check-medium.ts";
import { checkNetwork } from "./check-network.ts";
import type { InstrumentConfig } from "../config/instrument-config.ts";
import { dataDirectoryPath, type ServerConfig } from "../config/server-config.ts";
import { LINUX_TABLE, type MountTable } from "../datadir/medium/mount-table.ts";
import { InstrumentFile } from "./instrument-file.ts";
import { readCalibrations } from "./calibration-files.ts";
import type { Rack } from "../instruments/rack.ts";
import { openInstruments } from "./open-instruments.ts";
import { wavelengthsNm } from "../spectra/spectrum.ts";

/** What has just been switched on boots and is found within this time. */
const POWER_UP_US = 15 * SECOND;

export interface CheckOptions {
  readonly config: ServerConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly print: (line: string) => void;
  /** Of this computer when absent. */
  readonly mountTable?: MountTable;
}

/**
 * Throws CONFIG_INVALID, DATADIR_NOT_MOUNTED, DATADIR_WRONG, DATADIR_IO, or DEVICE_NOT_CONNECTED after it has printed every
 * problem with the hardware.
 */
export async function check(options: CheckOptions): Promise<void> {
  const lifetime = new Lifetime();
  try {
    const problems = await look(options, lifetime);
    if (problems > 0)
      throw new VscopeError("DEVICE_NOT_CONNECTED", `check: ${problems} hardware problems, see above`);
    options.print("everything that is configured is there");
  } finally {
    await lifetime.close();
  }
}

async function look(
  { config, clock, log, print, mountTable = LINUX_TABLE }: CheckOptions,
  lifetime: Lifetime,
): Promise<number> {
  await checkMedium(config, mountTable, print);
  const file = new InstrumentFile(dataDirectoryPath(config), config, log);
  const { config: instrument, isSample } = await file.look();
  print(`configuration    ${file.path}: ${isSample ? "not there yet, the sample is valid" : "valid"}`);
  await checkCalibrations(instrument, dirname(file.path), { clock, print });
  await checkNetwork(config, print);
  const { hardware, shutters, rack } = await openInstruments(
    { config, instrument, clock, log },
    lifetime,
    NEVER,
  );
  print(`GPIO             ${hardware.gpio.description}`);
  let problems = 0;
  if (shutters.list().length === 0) {
    print("missing          no channel is configured, nothing can be recorded");
    problems += 1;
  }
  for (const { channel, state } of shutters.list()) {
    print(
      `shutter          ${channel}: ${state.value === "unknown" ? "does not move, see GPIO" : state.value}`,
    );
    if (state.value === "unknown") problems += 1;
  }
  problems += await checkBox(config, hardware.gpio, print);
  await powerUp(rack, clock);
  return problems + printRack(rack, instrument, print);
}

async function checkCalibrations(
  instrument: InstrumentConfig,
  folder: string,
  { clock, print }: Pick<CheckOptions, "clock" | "print">,
): Promise<void> {
  const calibrations = await readCalibrations(instrument, folder);
  const { mistakes, panels } = calibrations;
  if (mistakes.length > 0)
    throw new VscopeError("CONFIG_INVALID", mistakes.map(({ message }) => message).join("\n"));
  const ranOut = (isDue: boolean): string => (isDue ? ", has run out" : "");
  for (const { serial, channel } of instrument.radiometric) {
    const found = calibrations.radiometric(serial, channel);
    const what =
      "quantity" in found
        ? `${found.quantity}, of ${found.date}${ranOut(clock.utcUs() >= (found.validUntilUtcUs ?? Infinity))}`
        : `irradiance, in the instrument, ${found.collectionAreaCm2} cm2`;
    print(`calibration      ${serial} ${channel}: ${what}`);
  }
  for (const panel of panels) {
    const isDue = panelAgeDays(panel, clock.utcUs()) > panel.validDays;
    const { name, serial, calibrated } = panel;
    print(`panel            ${name}: serial number ${serial}, of ${calibrated}${ranOut(isDue)}`);
  }
}

// Whoever does not come in time is printed as missing.
async function powerUp({ spectrometers, switched }: Rack, clock: Clock): Promise<void> {
  const late = (): Error => new VscopeError("DEVICE_NOT_CONNECTED", "check: not all are there");
  const areThere = (found: Rack["spectrometers"]["value"]): boolean =>
    switched.every((serial) => found.some((one) => one.serial === serial));
  const waited = withDeadline({ clock, us: POWER_UP_US, late }, NEVER, (signal) =>
    until(spectrometers, areThere, signal),
  );
  await waited.catch(() => {});
}

function printRack(rack: Rack, { spectrometers }: InstrumentConfig, print: (line: string) => void): number {
  for (const { serial, identity } of rack.spectrometers.value) {
    const { model, pixels, calibration, isSimulated } = identity;
    const wavelengths = wavelengthsNm(calibration.wavelengthCoefficients, pixels);
    const range = `${Math.round(wavelengths[0] ?? 0)} to ${Math.round(wavelengths.at(-1) ?? 0)} nm`;
    print(
      `spectrometer     ${serial}: ${model}, ${pixels} pixels, ${range}${isSimulated ? ", emulated" : ""}`,
    );
  }
  for (const { model, portPath, message } of rack.problems.value)
    print(`not usable       ${model} at ${portPath}: ${message}`);
  const found = new Set(rack.spectrometers.value.map(({ serial }) => serial));
  const missing = spectrometers.filter(({ serial, isSimulated }) => !found.has(serial) && !isSimulated);
  for (const { serial } of missing) print(`missing          ${serial}: configured, not on the bus`);
  const nothing = found.size === 0 && rack.problems.value.length === 0 ? 1 : 0;
  if (nothing > 0) print("missing          no spectrometer on the bus");
  return rack.problems.value.length + missing.length + nothing;
}

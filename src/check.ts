// `vscope-server --check`: looks at configuration and hardware, prints what it finds, changes nothing but closes shutters.

import { NEVER } from "./base/abort.ts";
import type { Clock } from "./base/clock.ts";
import { VscopeError } from "./base/errors.ts";
import { Lifetime } from "./base/lifetime.ts";
import type { Log } from "./base/log.ts";
import { channelsOf } from "./config/instrument-config.ts";
import { dataDirectoryPath, type ServerConfig } from "./config/server-config.ts";
import { openHardware } from "./hardware.ts";
import { InstrumentFile } from "./instrument-file.ts";
import { Rack } from "./instruments/rack.ts";
import { ShutterSet } from "./instruments/shutter.ts";
import { spectrometerSettings } from "./spectrometer-settings.ts";
import { wavelengthsNm } from "./spectra/spectrum.ts";

export interface CheckOptions {
  readonly config: ServerConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly print: (line: string) => void;
}

/** Throws CONFIG_INVALID, or DEVICE_NOT_CONNECTED after it has printed every problem with the hardware. */
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

async function look({ config, clock, log, print }: CheckOptions, lifetime: Lifetime): Promise<number> {
  const file = new InstrumentFile(dataDirectoryPath(config), config, log);
  const { config: instrument, isSample } = await file.look();
  print(`configuration    ${file.path}: ${isSample ? "not there yet, the sample is valid" : "valid"}`);
  const hardware = await openHardware({ config: config.hardware, instrument, clock, log });
  lifetime.defer("GPIO lines", () => hardware.gpio.close());
  print(`GPIO             ${hardware.gpio.description}`);
  const shutters = await ShutterSet.open(
    { bank: hardware.gpio, shutters: instrument.shutters, clock, log },
    NEVER,
  );
  lifetime.defer("shutters", () => shutters.close());
  let problems = 0;
  for (const { channel, state } of shutters.list()) {
    print(
      `shutter          ${channel}: ${state.value === "unknown" ? "does not move, see GPIO" : state.value}`,
    );
    if (state.value === "unknown") problems += 1;
  }
  const { bus, isSimulated } = hardware;
  const settings = spectrometerSettings(instrument);
  const rack = new Rack({ bus, isSimulated, clock, log, channels: channelsOf(instrument), settings });
  lifetime.defer("spectrometers", () => rack.close());
  await rack.start(NEVER);
  return (
    problems +
    printRack(
      rack,
      instrument.spectrometers.map(({ serial }) => serial),
      print,
    )
  );
}

function printRack(rack: Rack, configured: readonly string[], print: (line: string) => void): number {
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
  const missing = configured.filter((serial) => !found.has(serial) && !serial.startsWith("dummy_"));
  for (const serial of missing) print(`missing          ${serial}: configured, not on the bus`);
  const nothing = found.size === 0 && rack.problems.value.length === 0 ? 1 : 0;
  if (nothing > 0) print("missing          no spectrometer on the bus");
  return rack.problems.value.length + missing.length + nothing;
}

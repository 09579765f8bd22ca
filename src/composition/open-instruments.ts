// Opens what the server and `--check` both need: the ports to the hardware, the shutters and the spectrometers on them.

import type { Clock } from "../base/clock.ts";
import type { Lifetime } from "../base/lifetime.ts";
import type { Log } from "../base/log.ts";
import { channelsOf, type InstrumentConfig, powerSwitchesOf } from "../config/instrument-config.ts";
import type { ServerConfig } from "../config/server-config.ts";
import { type Hardware, openHardware } from "./hardware.ts";
import { openPowerSwitches } from "../instruments/power-switch.ts";
import { Presence } from "../instruments/presence.ts";
import type { Judge } from "../instruments/quality-judge.ts";
import { Rack } from "../instruments/rack.ts";
import type { SettingsKeeper } from "./settings-keeper.ts";
import { ShutterSet } from "../instruments/shutter.ts";
import { spectrometerSettings } from "./spectrometer-settings.ts";

export interface Instruments {
  readonly hardware: Hardware;
  readonly shutters: ShutterSet;
  readonly rack: Rack;
  readonly presence: Presence;
}

export interface InstrumentsOptions {
  readonly config: ServerConfig;
  readonly instrument: InstrumentConfig;
  readonly clock: Clock;
  readonly log: Log;
  /** Gives the spectra their quality flags. */
  readonly judge?: Judge;
  /** Keeps over a restart what is set of the spectrometers. */
  readonly keeper?: SettingsKeeper | undefined;
}

/** Closes every shutter, switches the spectrometers on and opens those that are there; `lifetime` closes all of it. */
export async function openInstruments(
  { config, instrument, clock, log, judge, keeper }: InstrumentsOptions,
  lifetime: Lifetime,
  signal: AbortSignal,
): Promise<Instruments> {
  const hardware = await openHardware({ config: config.hardware, instrument, clock, log });
  const { bus, gpio: bank, isSimulated } = hardware;
  lifetime.defer("USB recording", () => hardware.close());
  lifetime.defer("GPIO lines", () => bank.close());
  const shutters = await ShutterSet.open({ bank, shutters: instrument.shutters, clock, log }, signal);
  lifetime.defer("shutters", () => shutters.close());
  const switches = powerSwitchesOf(instrument);
  const powerSwitches = await openPowerSwitches({ bank, switches, clock, log }, signal);
  lifetime.defer("power switches", () => {
    for (const one of powerSwitches.values()) one.close();
  });
  const settings = spectrometerSettings(instrument);
  const channels = channelsOf(instrument);
  const rack = new Rack({ bus, isSimulated, clock, log, channels, settings, powerSwitches, judge });
  lifetime.defer("settings", () => keeper?.close());
  const configured = instrument.spectrometers.filter((one) => !one.isSimulated).map(({ serial }) => serial);
  const presence = new Presence(rack.spectrometers, { clock, configured });
  lifetime.defer("spectrometers", () => rack.close());
  keeper?.follow(rack);
  await rack.start(signal);
  return { hardware, shutters, rack, presence };
}

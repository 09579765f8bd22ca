// A rack on the emulated bus and a virtual clock, for the tests of rack and spectrometer.

import assert from "node:assert/strict";
import { NEVER } from "../../src/base/abort.ts";
import { type Log, SILENT } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import type { PowerSwitchConfig } from "../../src/config/instrument-config.ts";
import type { ModelName } from "../../src/drivers/oceanoptics/models.ts";
import type { UsbBus } from "../../src/drivers/usb/port.ts";
import type { Firmware } from "../../src/emulator/device/spectrometer.ts";
import {
  createEmulatedInstrument,
  type EmulatedDevice,
  type EmulatedInstrument,
} from "../../src/emulator/instrument.ts";
import { BOOT_US } from "../../src/emulator/usb/connection.ts";
import { openPowerSwitches, type PowerSwitch } from "../../src/instruments/power-switch.ts";
import { Rack } from "../../src/instruments/rack.ts";
import type {
  Spectrometer,
  SpectrometerSettings,
  SpectrumRequest,
} from "../../src/instruments/spectrometer.ts";
import type { Spectrum } from "../../src/spectra/spectrum.ts";

export interface BenchOptions {
  readonly spectrometers?: readonly {
    readonly model: ModelName;
    readonly serial: string;
    readonly firmware?: Firmware;
  }[];
  /** The shutters are closed. */
  readonly isDark?: boolean;
  readonly settings?: Readonly<Record<string, SpectrometerSettings>>;
  /** By serial number. */
  readonly power?: Readonly<Record<string, PowerSwitchConfig>>;
}

/** A line of the log of a recovery. */
export interface StepLine {
  readonly serial: string;
  readonly step: string;
  readonly reason: string;
  readonly outcome: string;
  readonly durationMs: number;
}

export const CHANNELS = ["downwelling", "upwelling"] as const;

export class RackBench {
  readonly clock = new VirtualClock();
  readonly instrument: EmulatedInstrument;
  readonly rack: Rack;
  readonly warnings: string[] = [];
  /** The steps that recoveries have logged. */
  readonly steps: StepLine[] = [];
  readonly #log: Log;
  readonly #power: ReadonlyMap<string, PowerSwitchConfig>;
  readonly #powerSwitches = new Map<string, PowerSwitch>();

  constructor({ spectrometers, isDark = false, settings = {}, power = {} }: BenchOptions = {}) {
    const { clock } = this;
    const note = (fields: object, message: string): void => {
      if ("step" in fields) this.steps.push(stepLine(fields, message));
    };
    const log: Log = {
      ...SILENT,
      info: note,
      warn: (_, message) => {
        this.warnings.push(message);
      },
      child: () => log,
    };
    this.#log = log;
    this.#power = new Map(Object.entries(power));
    const shutters = CHANNELS.map((channel, index) => ({
      channel,
      wiring: { kind: "latching" as const, openPin: 18 + 4 * index, closePin: 17 + 4 * index },
      isOpenAtStart: !isDark,
    }));
    this.instrument = createEmulatedInstrument({
      clock,
      log: SILENT,
      shutters,
      powerLines: this.#power,
      ...(spectrometers === undefined ? {} : { spectrometers }),
    });
    const { bus } = this.instrument;
    const settingsOf = (serial: string): SpectrometerSettings => settings[serial] ?? {};
    this.rack = this.another(bus, settingsOf);
  }

  /** One more rack on the same bus, as of another process. */
  another(
    bus: UsbBus = this.instrument.bus,
    settings = (_serial: string): SpectrometerSettings => ({}),
  ): Rack {
    const options = { clock: this.clock, log: this.#log, channels: CHANNELS, isSimulated: true, settings };
    return new Rack({ ...options, bus, powerSwitches: this.#powerSwitches });
  }

  async start(): Promise<void> {
    await this.openPower();
    await this.clock.run(this.rack.start(NEVER));
  }

  /** Switches everything on. */
  async openPower(): Promise<void> {
    const options = { bank: this.instrument.gpio, clock: this.clock, log: this.#log, switches: this.#power };
    const opened = await this.clock.run(openPowerSwitches(options, NEVER));
    for (const [serial, one] of opened) this.#powerSwitches.set(serial, one);
  }

  /** Closes everything and checks that nothing is left behind. */
  async close(): Promise<void> {
    await this.clock.run(this.rack.close());
    // A device that has just got power boots; nothing of the server may be left.
    await this.clock.advance(BOOT_US);
    for (const { spectrometer } of this.instrument.devices.values()) this.instrument.bus.detach(spectrometer);
    assert.equal(this.clock.pending, 0, "timers are left behind");
  }

  device(serial: string): EmulatedDevice {
    const device = this.instrument.devices.get(serial);
    assert.ok(device, serial);
    return device;
  }

  /** The settings of the request, now, in light. */
  request(changes: Partial<SpectrumRequest> = {}): SpectrumRequest {
    return { channel: "upwelling", kind: "light", notBeforeUs: this.clock.nowUs(), ...changes };
  }

  acquire(
    spectrometer: Spectrometer,
    changes: Partial<SpectrumRequest> = {},
    signal = NEVER,
  ): Promise<Spectrum> {
    return this.clock.run(spectrometer.acquire(this.request(changes), signal));
  }
}

function stepLine(fields: object, message: string): StepLine {
  const { step, reason, outcome, durationMs } = {
    step: "",
    reason: "",
    outcome: "",
    durationMs: -1,
    ...fields,
  };
  const serial = message.slice(0, message.indexOf(": "));
  return { serial, step, reason, outcome, durationMs };
}

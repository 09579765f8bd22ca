// A rack on the emulated bus and a virtual clock, for the tests of rack and spectrometer.

import assert from "node:assert/strict";
import { NEVER } from "../../src/base/abort.ts";
import { type Log, SILENT } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import type { ModelName } from "../../src/drivers/oceanoptics/models.ts";
import type { Firmware } from "../../src/emulator/device/spectrometer.ts";
import {
  createEmulatedInstrument,
  type EmulatedDevice,
  type EmulatedInstrument,
} from "../../src/emulator/instrument.ts";
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
}

export const CHANNELS = ["downwelling", "upwelling"] as const;

export class RackBench {
  readonly clock = new VirtualClock();
  readonly instrument: EmulatedInstrument;
  readonly rack: Rack;
  readonly warnings: string[] = [];

  constructor({ spectrometers, isDark = false, settings = {} }: BenchOptions = {}) {
    const { clock } = this;
    const log: Log = { ...SILENT, warn: (_, message) => this.warnings.push(message), child: () => log };
    const shutters = CHANNELS.map((channel, index) => ({
      channel,
      wiring: { kind: "latching" as const, openPin: 18 + 4 * index, closePin: 17 + 4 * index },
      isOpenAtStart: !isDark,
    }));
    this.instrument = createEmulatedInstrument({
      clock,
      log: SILENT,
      shutters,
      ...(spectrometers === undefined ? {} : { spectrometers }),
    });
    const { bus } = this.instrument;
    const settingsOf = (serial: string): SpectrometerSettings => settings[serial] ?? {};
    this.rack = new Rack({ bus, clock, log, channels: CHANNELS, isSimulated: true, settings: settingsOf });
  }

  async start(): Promise<void> {
    await this.clock.run(this.rack.start(NEVER));
  }

  /** Closes everything and checks that nothing is left behind. */
  async close(): Promise<void> {
    await this.clock.run(this.rack.close());
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

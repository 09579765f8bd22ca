// A whole emulated instrument: spectrometers on a USB bus, shutters on GPIO pins, and one scene that joins them.
// Simulated hardware is never silent: making one writes a line in the log.

import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { type ModelName, modelNamed } from "../drivers/oceanoptics/models.ts";
import { createSpectrometer } from "./device/create.ts";
import type { EmulatedSpectrometer, Firmware } from "./device/spectrometer.ts";
import { EmulatedGpioBank } from "./gpio/bank.ts";
import { isPowered, type PowerLineWiring, wirePower } from "./gpio/power-line.ts";
import {
  EmulatedShutterMechanism,
  type ShutterMechanics,
  type ShutterWiring,
} from "./gpio/shutter-mechanism.ts";
import { Scene, type SceneOptions } from "./light/scene.ts";
import type { TargetName } from "./light/targets.ts";
import { EmulatedUsbBus } from "./usb/bus.ts";
import { EmulatedConnection } from "./usb/connection.ts";
import { FaultPlan } from "./usb/faults.ts";

export interface EmulatedSpectrometerOptions {
  readonly model: ModelName;
  readonly serial: string;
  readonly firmware?: Firmware;
}

export interface EmulatedShutterOptions {
  readonly channel: string;
  readonly wiring: ShutterWiring;
  /** The connection is reversed: what should open closes. */
  readonly reverse?: boolean;
  /** Where a latching shutter was left. Default: closed. */
  readonly isOpenAtStart?: boolean;
  readonly mechanics?: ShutterMechanics;
}

export interface EmulatedInstrumentOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly seed?: number;
  readonly spectrometers?: readonly EmulatedSpectrometerOptions[];
  readonly shutters?: readonly EmulatedShutterOptions[];
  /** The lines that switch spectrometers' power, by serial number; the others always have power. */
  readonly powerLines?: ReadonlyMap<string, PowerLineWiring>;
  /** By default the channels of the shutters: those whose name begins with `up` look at a canopy, others at the sky. */
  readonly scene?: SceneOptions;
}

/** A spectrometer of the instrument and the faults that can be planned for it. */
export interface EmulatedDevice {
  readonly spectrometer: EmulatedSpectrometer;
  readonly faults: FaultPlan;
  readonly connection: EmulatedConnection;
}

export interface EmulatedInstrument {
  readonly bus: EmulatedUsbBus;
  readonly gpio: EmulatedGpioBank;
  readonly scene: Scene;
  /** By serial number. */
  readonly devices: ReadonlyMap<string, EmulatedDevice>;
  /** By channel. */
  readonly shutters: ReadonlyMap<string, EmulatedShutterMechanism>;
}

/** A visible and a scientific-grade spectrometer, as on a Piccolo. */
const DEFAULT_SPECTROMETERS: readonly EmulatedSpectrometerOptions[] = [
  { model: "Flame-S", serial: "FLMS01859" },
  { model: "QE Pro", serial: "QEP00709" },
];

/** The pins of a Piccolo's first two shutters. */
const DEFAULT_SHUTTERS: readonly EmulatedShutterOptions[] = [
  { channel: "downwelling", wiring: { kind: "latching", openPin: 18, closePin: 17 } },
  { channel: "upwelling", wiring: { kind: "latching", openPin: 22, closePin: 27 } },
];

export function createEmulatedInstrument(options: EmulatedInstrumentOptions): EmulatedInstrument {
  const {
    clock,
    log,
    seed = 1,
    spectrometers = DEFAULT_SPECTROMETERS,
    shutters = DEFAULT_SHUTTERS,
    powerLines = new Map<string, PowerLineWiring>(),
  } = options;
  const scene = new Scene(clock, { seed, channels: channelsOf(shutters), ...options.scene });
  const bus = new EmulatedUsbBus(clock);
  const gpio = new EmulatedGpioBank(clock);
  const mechanisms = new Map<string, EmulatedShutterMechanism>();
  for (const shutter of shutters) {
    const aperture = scene.fitShutter(shutter.channel, shutter.isOpenAtStart ?? false);
    const wiring = wiringOf(shutter);
    const mechanics = shutter.mechanics === undefined ? {} : { mechanics: shutter.mechanics };
    mechanisms.set(
      shutter.channel,
      new EmulatedShutterMechanism({ clock, bank: gpio, aperture, wiring, ...mechanics }),
    );
  }
  const devices = new Map<string, EmulatedDevice>();
  for (const { model: name, serial, firmware = {} } of spectrometers) {
    const spectrometer = createSpectrometer({
      model: modelNamed(name),
      serial,
      seed,
      clock,
      scene,
      firmware,
    });
    const faults = new FaultPlan();
    const line = powerLines.get(serial);
    const hasPower = line === undefined || isPowered(gpio, line);
    const connection = new EmulatedConnection({ bus, device: spectrometer, faults, clock }, hasPower);
    if (line !== undefined) wirePower(gpio, line, connection);
    devices.set(serial, { spectrometer, faults, connection });
  }
  log.warn({ seed, spectrometers: [...devices.keys()], channels: scene.channels }, "emulated instrument");
  return { bus, gpio, scene, devices, shutters: mechanisms };
}

function channelsOf(shutters: readonly EmulatedShutterOptions[]): Record<string, TargetName> {
  return Object.fromEntries(
    shutters.map(({ channel }) => [channel, channel.startsWith("up") ? "canopy" : "sky"]),
  );
}

function wiringOf({ wiring, reverse = false }: EmulatedShutterOptions): ShutterWiring {
  if (!reverse) return wiring;
  return wiring.kind === "level"
    ? { ...wiring, activeHigh: !wiring.activeHigh }
    : { ...wiring, openPin: wiring.closePin, closePin: wiring.openPin };
}

// Opens the ports to the hardware that the configuration names: the real ones, or the far ends of the emulator.

import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { VscopeError } from "../base/errors.ts";
import type { Unit } from "../config/fields.ts";
import { type InstrumentConfig, powerSwitchesOf } from "../config/instrument-config.ts";
import type { ServerConfig } from "../config/server-config.ts";
import type { ShutterConfig } from "../config/shutter-config.ts";
import type { GpioBank } from "../drivers/gpio/port.ts";
import { LINUX_GPIO, openGpioBank } from "../drivers/gpio/select.ts";
import type { UsbBus } from "../drivers/usb/port.ts";
import { CombinedBus } from "../drivers/net/combined-bus.ts";
import { NetworkBus } from "../drivers/net/network-bus.ts";
import { NODE_NETWORK } from "../drivers/net/node-network.ts";
import { isModelName, type ModelName, MODELS } from "../drivers/oceanoptics/models.ts";
import { OBP_GROUP, OBP_ON_NETWORK } from "../drivers/oceanoptics/obp-network.ts";
import { recordUsb } from "../drivers/usb/recording-bus.ts";
import { openTranscriptFile } from "../drivers/usb/transcript-file.ts";
import type { EmulatedInstrument, EmulatedShutterOptions } from "../emulator/instrument.ts";

export interface Hardware {
  readonly bus: UsbBus;
  readonly gpio: GpioBank;
  /** True when the spectra come from the emulator. */
  readonly isSimulated: boolean;
  /** The emulator's far ends, for tests and demonstrations; absent with real hardware. */
  readonly emulated?: EmulatedInstrument;
  /** Ends the recording of the bus, if there is one. */
  close(): Promise<void>;
}

export interface HardwareOptions {
  readonly config: ServerConfig["hardware"];
  readonly instrument: InstrumentConfig;
  readonly clock: Clock;
  readonly log: Log;
}

/** A bus without devices. */
const NO_BUS: UsbBus = { list: async () => [], watch: () => () => {} };

/** Throws DEVICE_NOT_CONNECTED when a back end that is named is not there. */
export async function openHardware(options: HardwareOptions): Promise<Hardware> {
  const { usb, gpio, gpioChip } = options.config;
  const emulated = usb === "emulated" || gpio === "emulated" ? await emulate(options) : undefined;
  if (gpio === "none") options.log.warn({}, "no GPIO is configured, shutters do not move");
  const bus = usb === "emulated" && emulated !== undefined ? emulated.bus : await openBus(usb, options.log);
  const buses = [bus, ...networkBuses(options)];
  const system = emulated === undefined ? LINUX_GPIO : { ...LINUX_GPIO, emulated: () => emulated.gpio };
  return {
    ...recorded(new CombinedBus(...buses), options),
    gpio: await openGpioBank({ backend: gpio, chip: gpioChip }, system),
    isSimulated: usb === "emulated",
    ...(emulated === undefined ? {} : { emulated }),
  };
}

function recorded(
  bus: UsbBus,
  { config: { usbLog }, clock, log }: HardwareOptions,
): Pick<Hardware, "bus" | "close"> {
  if (usbLog === undefined) return { bus, close: async () => {} };
  log.warn({ file: usbLog }, "every USB transfer is recorded");
  const file = openTranscriptFile({ path: usbLog, log });
  return { bus: recordUsb(bus, { clock, sink: file.sink }), close: () => file.close() };
}

function networkBuses({ config, clock, log }: HardwareOptions): readonly UsbBus[] {
  const { usb, networkSpectrometers: addresses, networkDiscovery } = config;
  if (addresses.length === 0 && !networkDiscovery) return [];
  if (usb === "emulated") {
    // Every file says whether its light is simulated, for all its spectra at once.
    log.warn({}, "spectrometers on the network are not used beside emulated ones");
    return [];
  }
  const options = { network: NODE_NETWORK, protocol: OBP_ON_NETWORK, clock, log, addresses };
  return [new NetworkBus(networkDiscovery ? { ...options, group: OBP_GROUP } : options)];
}

async function openBus(usb: "libusb" | "emulated" | "none", log: Log): Promise<UsbBus> {
  if (usb !== "libusb") return NO_BUS;
  const { LibusbBus } = await import("../drivers/usb/libusb.ts");
  return new LibusbBus({ log });
}

async function emulate({ config, instrument, clock, log }: HardwareOptions): Promise<EmulatedInstrument> {
  const { createEmulatedInstrument } = await import("../emulator/instrument.ts");
  const { seed, cloudStrength, target } = config.emulator;
  const channels = Object.fromEntries(
    instrument.shutters.map(({ channel }) => [channel, channel.startsWith("up") ? target : "sky"] as const),
  );
  const shutters = instrument.shutters.map(emulatedShutter);
  const scene = { seed, channels, cloudStrength };
  const powerLines = powerSwitchesOf(instrument);
  const spectrometers = config.emulator.spectrometers.map(emulatedUnit);
  return createEmulatedInstrument({ clock, log, seed, spectrometers, shutters, scene, powerLines });
}

function emulatedUnit({ model, serial }: Unit): { readonly model: ModelName; readonly serial: string } {
  if (isModelName(model)) return { model, serial };
  const names = MODELS.map(({ name }) => name).join(", ");
  throw new VscopeError(
    "CONFIG_INVALID",
    `emulator_spectrometers: there is no model ${model}, only ${names}`,
  );
}

function emulatedShutter({ channel, mechanism, reverse }: ShutterConfig): EmulatedShutterOptions {
  const { kind } = mechanism;
  const wiring =
    kind === "latching"
      ? { kind, openPin: mechanism.openPin, closePin: mechanism.closePin }
      : { kind, pin: mechanism.pin, activeHigh: mechanism.activeHigh };
  return { channel, wiring, reverse };
}

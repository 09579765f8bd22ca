// Emulated spectrometers on an emulated network, for the tests of drivers/net and of what uses it.

import { SILENT } from "../../../src/base/log.ts";
import type { Clock } from "../../../src/base/clock.ts";
import { modelNamed, type ModelName } from "../../../src/drivers/oceanoptics/models.ts";
import { NetworkBus, type NetworkBusOptions } from "../../../src/drivers/net/network-bus.ts";
import { OBP_GROUP, OBP_ON_NETWORK } from "../../../src/drivers/oceanoptics/obp-network.ts";
import type { UsbDevice } from "../../../src/drivers/usb/port.ts";
import { createSpectrometer } from "../../../src/emulator/device/create.ts";
import { Scene } from "../../../src/emulator/light/scene.ts";
import { NetworkFarEnd } from "../../../src/emulator/net/network-far-end.ts";

/** Where most tests have their spectrometer. */
export const ADDRESS = { host: "192.0.2.7", port: 57_357 } as const;
export const OTHER_ADDRESS = { host: "192.0.2.8", port: 57_357 } as const;

/** An emulated spectrometer that looks at the sky. */
export function farEndOf(clock: Clock, model: ModelName = "Ocean FX", serial = "FX00042"): NetworkFarEnd {
  const scene = new Scene(clock, { seed: 1, channels: { downwelling: "sky" } });
  scene.fitShutter("downwelling", true);
  return new NetworkFarEnd(createSpectrometer({ model: modelNamed(model), serial, seed: 1, clock, scene }));
}

/** A bus with one fixed address and no search, unless told otherwise. */
export function busOf(
  options: Pick<NetworkBusOptions, "clock" | "network"> & Partial<NetworkBusOptions>,
): NetworkBus {
  return new NetworkBus({ protocol: OBP_ON_NETWORK, log: SILENT, addresses: [ADDRESS], ...options });
}

/** A bus that searches and knows no address. */
export function searchingBusOf(
  options: Pick<NetworkBusOptions, "clock" | "network"> & Partial<NetworkBusOptions>,
): NetworkBus {
  return busOf({ addresses: [], group: OBP_GROUP, ...options });
}

/** `192.0.2.7:57357 2001`. */
export function deviceText({ portPath, productId }: UsbDevice): string {
  return `${portPath} ${productId.toString(16)}`;
}

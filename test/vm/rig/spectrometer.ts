// An emulated spectrometer in a USB socket of the guest: the device core, the faults and the truth of the in-process
// tests, on a bus of its own so that it can be pulled out and put back.

import type { Server } from "node:net";
import { join } from "node:path";
import { SystemClock } from "../../../src/base/clock.ts";
import type { SpectrometerModel } from "../../../src/drivers/oceanoptics/model.ts";
import { type ModelName, modelNamed } from "../../../src/drivers/oceanoptics/models.ts";
import { createSpectrometer } from "../../../src/emulator/device/create.ts";
import type { EmulatedSpectrometer, Firmware } from "../../../src/emulator/device/spectrometer.ts";
import { Scene, type SceneOptions } from "../../../src/emulator/light/scene.ts";
import { EmulatedUsbBus } from "../../../src/emulator/usb/bus.ts";
import { FaultPlan } from "../../../src/emulator/usb/faults.ts";
import { openUsbSocket } from "./usb-socket.ts";
import type { EndpointInfo } from "./wire.ts";

export interface RigSpectrometerOptions {
  readonly model: ModelName;
  readonly serial: string;
  readonly firmware?: Firmware;
  /** The light in front of it. */
  readonly scene?: SceneOptions;
  /** Neither noise nor drift: equal exposures give equal counts. */
  readonly isSteady?: boolean;
}

export class RigSpectrometer {
  readonly serial: string;
  readonly device: EmulatedSpectrometer;
  readonly faults = new FaultPlan();
  readonly #bus: EmulatedUsbBus;
  #server: Server | undefined;

  constructor({
    model: name,
    serial,
    firmware = {},
    scene: light,
    isSteady = false,
  }: RigSpectrometerOptions) {
    const clock = new SystemClock();
    this.serial = serial;
    this.#bus = new EmulatedUsbBus(clock);
    const scene = new Scene(clock, light);
    const model = modelNamed(name);
    this.device = createSpectrometer({ model, serial, seed: 1, clock, scene, firmware, isSteady });
    this.plug();
  }

  plug(): void {
    this.#bus.attach(this.device, { faults: this.faults });
  }

  unplug(): void {
    this.#bus.detach(this.device);
  }

  /** Opens the socket that QEMU connects to, and returns its path. */
  async listen(folder: string): Promise<string> {
    const { device } = this;
    const { vendorId, productId, speed, model } = device;
    const path = join(folder, this.serial);
    const described = {
      vendorId,
      productId,
      manufacturer: "Ocean Optics",
      product: model.name,
      endpoints: endpointsOf(model, device),
    };
    this.#server = await openUsbSocket({ path, bus: this.#bus, speed, device: described });
    return path;
  }

  close(): void {
    this.unplug();
    this.#server?.close();
  }
}

function endpointsOf({ endpoints }: SpectrometerModel, device: EmulatedSpectrometer): EndpointInfo[] {
  const { out, answer, spectrum, spectrumFirst } = endpoints;
  const first = spectrumFirst === undefined ? [] : [spectrumFirst.endpoint];
  const addresses = new Set([out, answer, spectrum, ...first]);
  return [...addresses].map((address) => ({ address, packetBytes: device.packetSize(address) }));
}

// Talks to a device core without bus or driver: bytes in, packets out.

import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { type ModelName, modelNamed } from "../../../src/drivers/oceanoptics/models.ts";
import { createSpectrometer } from "../../../src/emulator/device/create.ts";
import type { EmulatedSpectrometer, Firmware } from "../../../src/emulator/device/spectrometer.ts";
import { Scene, type SceneOptions } from "../../../src/emulator/light/scene.ts";

export interface FarEndRig {
  readonly clock: VirtualClock;
  readonly scene: Scene;
  readonly device: EmulatedSpectrometer;
  /** Sends to the OUT endpoint: bytes, or hex text with spaces. */
  send(bytes: Uint8Array | string): void;
  /** All packets that an endpoint has now. */
  packets(endpoint: number): Uint8Array[];
  /** Their bytes as hex text without spaces. */
  hex(endpoint: number): string;
}

export interface RigOptions {
  readonly serial?: string;
  readonly seed?: number;
  readonly firmware?: Firmware;
  readonly scene?: SceneOptions;
}

export function farEnd(
  name: ModelName,
  { serial = "TEST0001", seed = 1, firmware = {}, scene }: RigOptions = {},
): FarEndRig {
  const clock = new VirtualClock();
  const world = new Scene(clock, { cloudStrength: 0, ...scene });
  for (const channel of world.channels) world.fitShutter(channel, channel === "downwelling");
  const device = createSpectrometer({ model: modelNamed(name), serial, seed, clock, scene: world, firmware });
  const packets = (endpoint: number): Uint8Array[] => {
    const found: Uint8Array[] = [];
    for (let next = device.take(endpoint); next !== undefined; next = device.take(endpoint)) found.push(next);
    return found;
  };
  return {
    clock,
    scene: world,
    device,
    packets,
    send: (bytes) =>
      device.receive(device.model.endpoints.out, typeof bytes === "string" ? fromHex(bytes) : bytes),
    hex: (endpoint) => Buffer.concat(packets(endpoint)).toString("hex"),
  };
}

export function fromHex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.replaceAll(/[\s|]/g, ""), "hex"));
}

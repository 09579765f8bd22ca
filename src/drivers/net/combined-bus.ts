// Several buses as one, such as USB and the network.

import type { UsbBus, UsbDevice, UsbListener } from "../usb/port.ts";

export class CombinedBus implements UsbBus {
  readonly #buses: readonly UsbBus[];

  constructor(...buses: readonly UsbBus[]) {
    this.#buses = buses;
  }

  async list(): Promise<readonly UsbDevice[]> {
    return (await Promise.all(this.#buses.map((bus) => bus.list()))).flat();
  }

  watch(listener: UsbListener): () => void {
    const stops = this.#buses.map((bus) => bus.watch(listener));
    return () => {
      for (const stop of stops) stop();
    };
  }
}

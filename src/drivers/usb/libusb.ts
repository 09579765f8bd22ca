// The USB port over libusb (npm `usb` 2.x, its older interface with transfer objects). The library's own time-outs are
// never used: on an idle bus they come up to a minute late. Deadlines are the caller's, by its signal and our `cancel()`.

import { existsSync } from "node:fs";
import { messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { type LibraryDevice, loadUsbLibrary, translated, type UsbLibrary } from "./library.ts";
import { LibusbTransport } from "./libusb-transport.ts";
import type { UsbBus, UsbDevice, UsbListener, UsbTransport } from "./port.ts";

const SYSFS_DEVICES = "/sys/bus/usb/devices";

export interface LibusbOptions {
  readonly log: Log;
  /** How to get the library; tests give a stand-in. */
  readonly load?: () => Promise<UsbLibrary>;
  /** A computer without this folder has no USB, and the library is not even loaded. */
  readonly sysfs?: string;
}

export class LibusbBus implements UsbBus {
  readonly #log: Log;
  readonly #load: () => Promise<UsbLibrary>;
  readonly #sysfs: string;
  // The library hands out one object per device; so do we.
  readonly #devices = new WeakMap<LibraryDevice, UsbDevice>();

  constructor({ log, load = loadUsbLibrary, sysfs = SYSFS_DEVICES }: LibusbOptions) {
    this.#log = log;
    this.#load = load;
    this.#sysfs = sysfs;
  }

  async list(): Promise<readonly UsbDevice[]> {
    if (!existsSync(this.#sysfs)) return [];
    const library = await this.#load();
    return library.getDeviceList().map((device) => this.#deviceOf(device));
  }

  watch(listener: UsbListener): () => void {
    if (!existsSync(this.#sysfs)) return () => {};
    const attached = (device: LibraryDevice): void => listener.attached(this.#deviceOf(device));
    const detached = (device: LibraryDevice): void => listener.detached(this.#deviceOf(device));
    let isWatching = true;
    let stop = (): void => {};
    const start = (library: UsbLibrary): void => {
      if (!isWatching) return;
      library.on("attach", attached);
      library.on("detach", detached);
      stop = () => {
        library.off("attach", attached);
        library.off("detach", detached);
      };
    };
    this.#load().then(start, (error: unknown) =>
      this.#log.error(
        { reason: messageOf(error) },
        "USB: the library does not load, no device will be found",
      ),
    );
    return () => {
      isWatching = false;
      stop();
    };
  }

  #deviceOf(device: LibraryDevice): UsbDevice {
    const known = this.#devices.get(device);
    if (known !== undefined) return known;
    const made = new LibusbDevice(device);
    this.#devices.set(device, made);
    return made;
  }
}

class LibusbDevice implements UsbDevice {
  readonly vendorId: number;
  readonly productId: number;
  readonly portPath: string;
  readonly #device: LibraryDevice;

  constructor(device: LibraryDevice) {
    this.#device = device;
    this.vendorId = device.deviceDescriptor.idVendor;
    this.productId = device.deviceDescriptor.idProduct;
    this.portPath = `${device.busNumber}-${(device.portNumbers ?? []).join(".")}`;
  }

  async open(signal: AbortSignal): Promise<UsbTransport> {
    signal.throwIfAborted();
    try {
      this.#device.open();
    } catch (error) {
      throw translated(error, this.portPath);
    }
    try {
      const claimed = this.#device.interface(0);
      if (claimed.isKernelDriverActive()) claimed.detachKernelDriver();
      claimed.claim();
      return new LibusbTransport(this.#device, claimed, this.portPath);
    } catch (error) {
      this.#device.close();
      throw translated(error, this.portPath);
    }
  }
}

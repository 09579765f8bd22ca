// A bus whose devices are recorded when they are opened: `recordUsb(bus, { clock, sink })` stands for `bus` anywhere.

import type { UsbBus, UsbDevice, UsbListener, UsbTransport } from "./port.ts";
import { RecordingTransport } from "./recording-transport.ts";
import { idText, Transcript, type TranscriptOptions } from "./transcript.ts";

/** `bus`, with all traffic written to the sink in the format of transcript.ts. The sink may fail: that ends the transcript only. */
export function recordUsb(bus: UsbBus, options: TranscriptOptions): UsbBus {
  return new RecordingBus(bus, new Transcript(options));
}

class RecordingBus implements UsbBus {
  readonly #bus: UsbBus;
  readonly #transcript: Transcript;
  // A bus may hand out one object per device and be asked for it by that; so do we.
  readonly #devices = new WeakMap<UsbDevice, UsbDevice>();

  constructor(bus: UsbBus, transcript: Transcript) {
    this.#bus = bus;
    this.#transcript = transcript;
  }

  async list(): Promise<readonly UsbDevice[]> {
    return (await this.#bus.list()).map((device) => this.#recorded(device));
  }

  watch(listener: UsbListener): () => void {
    return this.#bus.watch({
      attached: (device) => {
        this.#note("attach", device);
        listener.attached(this.#recorded(device));
      },
      detached: (device) => {
        this.#note("detach", device);
        listener.detached(this.#recorded(device));
      },
    });
  }

  #note(what: string, { vendorId, productId, portPath }: UsbDevice): void {
    this.#transcript.event(portPath, `${what} ${idText(vendorId, productId)}`);
  }

  #recorded(device: UsbDevice): UsbDevice {
    const known = this.#devices.get(device);
    if (known !== undefined) return known;
    const made = new RecordingDevice(device, this.#transcript);
    this.#devices.set(device, made);
    return made;
  }
}

class RecordingDevice implements UsbDevice {
  readonly vendorId: number;
  readonly productId: number;
  readonly portPath: string;
  readonly #device: UsbDevice;
  readonly #transcript: Transcript;

  constructor(device: UsbDevice, transcript: Transcript) {
    this.vendorId = device.vendorId;
    this.productId = device.productId;
    this.portPath = device.portPath;
    this.#device = device;
    this.#transcript = transcript;
  }

  async open(signal: AbortSignal): Promise<UsbTransport> {
    const id = idText(this.vendorId, this.productId);
    try {
      const transport = await this.#device.open(signal);
      this.#transcript.event(this.portPath, `open ${id} ${transport.speed}`);
      return new RecordingTransport(transport, this.#transcript, this.portPath);
    } catch (error) {
      this.#transcript.failure(this.portPath, `open! ${id}`, error, signal);
      throw error;
    }
  }
}

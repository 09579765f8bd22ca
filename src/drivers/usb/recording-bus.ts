// A bus whose devices are recorded when they are opened: `recordUsb(bus, { clock, sink })` stands for `bus` anywhere.

import type { VscopeError } from "../../base/errors.ts";
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
  readonly kind?: "network";
  readonly vendorId: number;
  readonly portPath: string;
  readonly ended?: () => Promise<VscopeError>;
  readonly #device: UsbDevice;
  readonly #transcript: Transcript;

  constructor(device: UsbDevice, transcript: Transcript) {
    this.vendorId = device.vendorId;
    this.portPath = device.portPath;
    this.#device = device;
    this.#transcript = transcript;
    if (device.kind !== undefined) this.kind = device.kind;
    if (device.ended !== undefined) this.ended = device.ended.bind(device);
  }

  /** Not a copy: a device on a network tells it when it is opened. */
  get productId(): number {
    return this.#device.productId;
  }

  async open(signal: AbortSignal): Promise<UsbTransport> {
    try {
      const transport = await this.#device.open(signal);
      this.#transcript.event(this.portPath, `open ${this.#id()} ${transport.speed}`);
      return new RecordingTransport(transport, this.#transcript, this.portPath);
    } catch (error) {
      this.#transcript.failure(this.portPath, `open! ${this.#id()}`, error, signal);
      throw error;
    }
  }

  #id(): string {
    return idText(this.vendorId, this.productId);
  }
}

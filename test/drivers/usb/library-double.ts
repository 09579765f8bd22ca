// A stand-in for the objects of npm `usb`: transfers wait until the test ends them, as the bus would.

import type {
  LibraryDevice,
  LibraryEndpoint,
  LibraryInterface,
  LibraryTransfer,
  UsbLibrary,
} from "../../../src/drivers/usb/library.ts";

export function libraryError(errno: number): Error {
  return Object.assign(new Error(`LIBUSB ${errno}`), { errno });
}

export class TransferDouble implements LibraryTransfer {
  readonly timeoutMs: number;
  buffer: Buffer = Buffer.alloc(0);
  isPending = false;
  refusal: Error | undefined;
  readonly #callback: Parameters<LibraryEndpoint["makeTransfer"]>[1];

  constructor(timeoutMs: number, callback: Parameters<LibraryEndpoint["makeTransfer"]>[1]) {
    this.timeoutMs = timeoutMs;
    this.#callback = callback;
  }

  submit(buffer: Buffer): void {
    if (this.refusal !== undefined) throw this.refusal;
    this.buffer = buffer;
    this.isPending = true;
  }

  /** As libusb: the callback comes later, by `end`. */
  cancel(): boolean {
    this.cancels += 1;
    if (this.cancelRefusal !== undefined) throw this.cancelRefusal;
    return this.isPending;
  }

  /** Thrown by `cancel`, as for a device that has just been unplugged. */
  cancelRefusal: Error | undefined;

  cancels = 0;

  end(error: Error | undefined, bytes: Uint8Array | number = 0): void {
    this.isPending = false;
    if (typeof bytes !== "number") this.buffer.set(bytes);
    this.#callback(error, this.buffer, typeof bytes === "number" ? bytes : bytes.length);
  }
}

export class EndpointDouble implements LibraryEndpoint {
  readonly address: number;
  readonly descriptor: { readonly wMaxPacketSize: number };
  readonly transfers: TransferDouble[] = [];
  haltsCleared = 0;
  refusal: Error | undefined;

  constructor(address: number, wMaxPacketSize: number) {
    this.address = address;
    this.descriptor = { wMaxPacketSize };
  }

  makeTransfer(timeoutMs: number, callback: Parameters<LibraryEndpoint["makeTransfer"]>[1]): TransferDouble {
    const transfer = new TransferDouble(timeoutMs, callback);
    transfer.refusal = this.refusal;
    this.transfers.push(transfer);
    return transfer;
  }

  clearHalt(callback: (error: Error | undefined) => void): void {
    this.haltsCleared += 1;
    setImmediate(callback, this.refusal);
  }
}

export class DeviceDouble implements LibraryDevice, LibraryInterface {
  readonly busNumber = 1;
  readonly portNumbers: readonly number[] | undefined;
  readonly deviceDescriptor: LibraryDevice["deviceDescriptor"];
  readonly endpoints: readonly EndpointDouble[];
  /** What was called, in order. */
  readonly calls: string[] = [];
  openError: Error | undefined;
  claimError: Error | undefined;
  hasKernelDriver = false;

  constructor(idVendor: number, idProduct: number, { ports = [1, 4], packet = 512 } = {}) {
    this.deviceDescriptor = { idVendor, idProduct };
    this.portNumbers = ports;
    this.endpoints = [
      new EndpointDouble(0x01, packet),
      new EndpointDouble(0x81, packet),
      new EndpointDouble(0x82, packet),
    ];
  }

  open(): void {
    this.calls.push("open");
    if (this.openError !== undefined) throw this.openError;
  }

  close(): void {
    if (this.endpoints.some(({ transfers }) => transfers.some(({ isPending }) => isPending))) {
      throw new Error("closed with pending transfers");
    }
    this.calls.push("close");
  }

  interface(): LibraryInterface {
    return this;
  }

  isKernelDriverActive(): boolean {
    return this.hasKernelDriver;
  }

  detachKernelDriver(): void {
    this.calls.push("detach kernel driver");
  }

  claim(): void {
    if (this.claimError !== undefined) throw this.claimError;
    this.calls.push("claim");
  }

  release(_closeEndpoints: boolean, callback: (error?: Error) => void): void {
    this.calls.push("release");
    setImmediate(callback);
  }

  reset(callback: (error?: Error) => void): void {
    this.calls.push("reset");
    setImmediate(callback);
  }

  /** The newest transfer of an endpoint. */
  newest(address: number): TransferDouble {
    const transfer = this.endpoints.find((endpoint) => endpoint.address === address)?.transfers.at(-1);
    if (transfer === undefined) throw new RangeError(`no transfer on ${address}`);
    return transfer;
  }
}

export class LibraryDouble implements UsbLibrary {
  readonly devices: DeviceDouble[];
  readonly #listeners = new Set<{
    readonly event: string;
    readonly listener: (device: LibraryDevice) => void;
  }>();

  constructor(...devices: DeviceDouble[]) {
    this.devices = devices;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  getDeviceList(): readonly LibraryDevice[] {
    return this.devices;
  }

  on(event: "attach" | "detach", listener: (device: LibraryDevice) => void): void {
    this.#listeners.add({ event, listener });
  }

  off(event: "attach" | "detach", listener: (device: LibraryDevice) => void): void {
    for (const entry of this.#listeners) {
      if (entry.event === event && entry.listener === listener) this.#listeners.delete(entry);
    }
  }

  emit(event: "attach" | "detach", device: DeviceDouble): void {
    for (const entry of this.#listeners) if (entry.event === event) entry.listener(device);
  }
}

// One opened device: bulk transfers that end by their signal. A cancelled transfer is awaited before its promise
// rejects, so that its buffer is free; and closing awaits all transfers, because libusb must not close under them.

import { VscopeError } from "../../base/errors.ts";
import {
  isCancelled,
  type LibraryDevice,
  type LibraryEndpoint,
  type LibraryInterface,
  translated,
} from "./library.ts";
import type { UsbTransport } from "./port.ts";

// Above it a bulk endpoint belongs to a high-speed device (USB 2.0, section 5.8.3).
const FULL_SPEED_PACKET_BYTES = 64;

export class LibusbTransport implements UsbTransport {
  readonly speed: "full" | "high";
  readonly #device: LibraryDevice;
  readonly #interface: LibraryInterface;
  readonly #portPath: string;
  readonly #pending = new Set<Promise<unknown>>();
  /** Ends a running transfer with a reason. */
  readonly #cancels = new Set<(reason: unknown) => void>();
  #closed: Promise<void> | undefined;

  constructor(device: LibraryDevice, claimed: LibraryInterface, portPath: string) {
    this.#device = device;
    this.#interface = claimed;
    this.#portPath = portPath;
    const largest = Math.max(0, ...claimed.endpoints.map(({ descriptor }) => descriptor.wMaxPacketSize));
    this.speed = largest > FULL_SPEED_PACKET_BYTES ? "high" : "full";
  }

  async write(endpoint: number, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const { actualLength } = await this.#transfer(endpoint, Buffer.from(bytes), signal);
    if (actualLength !== bytes.length) {
      throw new VscopeError(
        "DEVICE_PROTOCOL",
        `USB ${this.#portPath}: ${actualLength} of ${bytes.length} bytes were taken`,
      );
    }
  }

  async read(endpoint: number, length: number, signal: AbortSignal): Promise<Uint8Array> {
    const { buffer, actualLength } = await this.#transfer(endpoint, Buffer.alloc(length), signal);
    return buffer.subarray(0, actualLength);
  }

  async clearHalt(endpoint: number): Promise<void> {
    const found = this.#endpoint(endpoint);
    await this.#track(settled((done) => found.clearHalt(done), this.#portPath));
  }

  async reset(): Promise<void> {
    await this.#track(settled((done) => this.#device.reset(done), this.#portPath));
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    for (const cancel of this.#cancels) cancel(this.#notConnected());
    await Promise.allSettled(this.#pending);
    try {
      await settled((done) => this.#interface.release(true, done), this.#portPath);
    } catch {
      // The device may be gone: there is nothing left to release.
    }
    try {
      this.#device.close();
    } catch {
      // As above; the handle is freed with the object.
    }
  }

  #transfer(
    endpoint: number,
    buffer: Buffer,
    signal: AbortSignal,
  ): Promise<{ readonly buffer: Buffer; readonly actualLength: number }> {
    return this.#track(this.#submit(this.#endpoint(endpoint), buffer, signal));
  }

  #submit(
    endpoint: LibraryEndpoint,
    buffer: Buffer,
    signal: AbortSignal,
  ): Promise<{ readonly buffer: Buffer; readonly actualLength: number }> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      let ending: { readonly reason: unknown } | undefined;
      const cancel = (reason: unknown): void => {
        ending ??= { reason };
        try {
          transfer.cancel();
        } catch {
          // LIBUSB_ERROR_NO_DEVICE: it was unplugged a moment ago, and the transfer's end is on its way.
        }
      };
      const onAbort = (): void => cancel(signal.reason);
      const finish = (): void => {
        signal.removeEventListener("abort", onAbort);
        this.#cancels.delete(cancel);
      };
      const transfer = endpoint.makeTransfer(0, (error, _buffer, actualLength) => {
        finish();
        // Bytes that came in spite of a late cancel are good bytes.
        if (error === undefined || error === null) resolve({ buffer, actualLength });
        else
          reject(
            ending !== undefined && isCancelled(error) ? ending.reason : translated(error, this.#portPath),
          );
      });
      signal.addEventListener("abort", onAbort, { once: true });
      this.#cancels.add(cancel);
      try {
        transfer.submit(buffer);
      } catch (error) {
        finish();
        reject(translated(error, this.#portPath));
      }
    });
  }

  #endpoint(address: number): LibraryEndpoint {
    if (this.#closed !== undefined) throw this.#notConnected();
    const found = this.#interface.endpoints.find((endpoint) => endpoint.address === address);
    if (found === undefined) {
      throw new VscopeError("DEVICE_PROTOCOL", `USB ${this.#portPath}: there is no endpoint ${address}`);
    }
    return found;
  }

  async #track<T>(task: Promise<T>): Promise<T> {
    this.#pending.add(task);
    try {
      return await task;
    } finally {
      this.#pending.delete(task);
    }
  }

  #notConnected(): VscopeError {
    return new VscopeError("DEVICE_NOT_CONNECTED", `USB ${this.#portPath}: closed`);
  }
}

// A call of the library with its callback as a promise.
function settled(call: (done: (error?: Error) => void) => void, portPath: string): Promise<void> {
  return new Promise((resolve, reject) => {
    try {
      call((error) =>
        error === undefined || error === null ? resolve() : reject(translated(error, portPath)),
      );
    } catch (error) {
      reject(translated(error, portPath));
    }
  });
}

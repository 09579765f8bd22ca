// The byte-level port to USB. Two implementations: libusb.ts and the emulator's bus; and drivers/net, which makes a TCP
// connection look like one.
// A transfer either moves its bytes or rejects; after a rejection its buffer is not touched any more.

import type { VscopeError } from "../../base/errors.ts";

/** A device as its descriptors tell, not opened. */
export interface UsbDevice {
  /** Absent: on USB. A device on a network tells its product when it is opened; before, `productId` can be old or 0. */
  readonly kind?: "network";
  readonly vendorId: number;
  readonly productId: number;
  /** Bus number and port path such as `1-1.4`: names the socket, whatever is plugged in. On a network `192.0.2.7:57357`. */
  readonly portPath: string;
  /** Opens, claims interface 0. Throws DEVICE_PERMISSION, DEVICE_BUSY or DEVICE_NOT_CONNECTED. */
  open(signal: AbortSignal): Promise<UsbTransport>;
  /** Resolves with the reason when the open connection has ended. Absent where the bus tells of it (`detached`). */
  ended?(): Promise<VscopeError>;
}

export interface UsbTransport {
  /** Bus speed; decides packet sizes and endpoints of some models. */
  readonly speed: "full" | "high";
  /** Sends all bytes to a bulk OUT endpoint. */
  write(endpoint: number, bytes: Uint8Array, signal: AbortSignal): Promise<void>;
  /**
   * Reads up to `length` bytes from a bulk IN endpoint; resolves on a short packet or when full.
   * There is no time limit but the signal's: it cancels the transfer, awaits that, then rejects with its reason.
   * Throws DEVICE_PROTOCOL on stall or overflow, DEVICE_NOT_CONNECTED when unplugged.
   */
  read(endpoint: number, length: number, signal: AbortSignal): Promise<Uint8Array>;
  clearHalt(endpoint: number): Promise<void>;
  /** USB port reset. The transport may be dead afterwards (re-enumeration): then it rejects with DEVICE_NOT_CONNECTED. */
  reset(): Promise<void>;
  /** Cancels what is pending, releases the interface and closes. Never rejects. */
  close(): Promise<void>;
}

export interface UsbListener {
  attached(device: UsbDevice): void;
  detached(device: UsbDevice): void;
}

export interface UsbBus {
  /** The devices present now. */
  list(): Promise<readonly UsbDevice[]>;
  /** Tells of devices that come and go, until the returned function is called. */
  watch(listener: UsbListener): () => void;
}

/** Where a device is, as messages say it: "USB 1-1.4", "network 192.0.2.7:57357". */
export function placeOf({ kind, portPath }: Pick<UsbDevice, "kind" | "portPath">): string {
  return `${kind ?? "USB"} ${portPath}`;
}

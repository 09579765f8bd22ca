// The byte-level port to USB. Two implementations: libusb.ts and the emulator's bus.
// A transfer either moves its bytes or rejects; after a rejection its buffer is not touched any more.

/** A device as its descriptors tell, not opened. */
export interface UsbDevice {
  readonly vendorId: number;
  readonly productId: number;
  /** Bus number and port path such as `1-1.4`: names the socket, whatever is plugged in. */
  readonly portPath: string;
  /** Opens, claims interface 0. Throws DEVICE_PERMISSION, DEVICE_BUSY or DEVICE_NOT_CONNECTED. */
  open(signal: AbortSignal): Promise<UsbTransport>;
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

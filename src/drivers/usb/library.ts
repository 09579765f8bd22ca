// The part of npm `usb` 2.x (libusb) that the server uses, as interfaces, so that tests can put bytes in its place;
// and the meaning of its error numbers. Loaded only when real hardware is wanted: an emulated server needs no native code.

import { VscopeError } from "../../base/errors.ts";

export interface LibraryTransfer {
  submit(buffer: Buffer): unknown;
  /** False when the transfer was not pending. */
  cancel(): boolean;
}

export interface LibraryEndpoint {
  readonly address: number;
  readonly descriptor: { readonly wMaxPacketSize: number };
  makeTransfer(
    timeoutMs: number,
    callback: (error: Error | undefined, buffer: Buffer, actualLength: number) => void,
  ): LibraryTransfer;
  clearHalt(callback: (error: Error | undefined) => void): void;
}

export interface LibraryInterface {
  readonly endpoints: readonly LibraryEndpoint[];
  isKernelDriverActive(): boolean;
  detachKernelDriver(): void;
  claim(): void;
  release(closeEndpoints: boolean, callback: (error?: Error) => void): void;
}

export interface LibraryDevice {
  readonly busNumber: number;
  readonly portNumbers: readonly number[] | undefined;
  readonly deviceDescriptor: { readonly idVendor: number; readonly idProduct: number };
  open(): void;
  close(): void;
  interface(number: number): LibraryInterface;
  reset(callback: (error?: Error) => void): void;
}

export interface UsbLibrary {
  getDeviceList(): readonly LibraryDevice[];
  on(event: "attach" | "detach", listener: (device: LibraryDevice) => void): void;
  off(event: "attach" | "detach", listener: (device: LibraryDevice) => void): void;
}

export async function loadUsbLibrary(): Promise<UsbLibrary> {
  const { usb } = await import("usb");
  return usb;
}

/** libusb_transfer_status values (positive) as the library reports them in `errno`. */
const TRANSFER_CANCELLED = 3;

// libusb_transfer_status (positive) and libusb_error (negative), libusb.h.
const MEANINGS: Readonly<Record<number, readonly [ConstructorParameters<typeof VscopeError>[0], string]>> = {
  1: ["DEVICE_PROTOCOL", "input/output error"],
  2: ["DEVICE_TIMEOUT", "transfer timed out"],
  4: ["DEVICE_PROTOCOL", "endpoint stalled"],
  5: ["DEVICE_NOT_CONNECTED", "unplugged"],
  6: ["DEVICE_PROTOCOL", "sent more than was asked for"],
  [-1]: ["DEVICE_PROTOCOL", "input/output error"],
  [-3]: ["DEVICE_PERMISSION", "may not be opened"],
  [-4]: ["DEVICE_NOT_CONNECTED", "unplugged"],
  [-5]: ["DEVICE_NOT_CONNECTED", "not found, it may have a new address"],
  [-6]: ["DEVICE_BUSY", "in use by another program"],
  [-7]: ["DEVICE_TIMEOUT", "request timed out"],
  [-8]: ["DEVICE_PROTOCOL", "sent more than was asked for"],
  [-9]: ["DEVICE_PROTOCOL", "endpoint stalled"],
};

const INSTALL_RULE =
  "install etc/60-vscope.rules: sudo cp etc/60-vscope.rules /etc/udev/rules.d/ && sudo udevadm control --reload && sudo udevadm trigger";

/** An error of the library in the server's words, beginning with the USB port. */
export function translated(error: unknown, portPath: string): VscopeError {
  if (error instanceof VscopeError) return error;
  const [code, fact] = MEANINGS[numberOf(error) ?? 0] ?? ["DEVICE_PROTOCOL", String(error)];
  const advice = code === "DEVICE_PERMISSION" ? `, ${INSTALL_RULE}` : "";
  return new VscopeError(code, `USB ${portPath}: ${fact}${advice}`, { cause: error });
}

export function isCancelled(error: unknown): boolean {
  return numberOf(error) === TRANSFER_CANCELLED;
}

function numberOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errno" in error)) return undefined;
  return typeof error.errno === "number" ? error.errno : undefined;
}

// The byte-level port to gpsd: one TCP connection. drivers/net/node-network.ts has its shape, and so has the emulator's.

import type { VscopeError } from "../../base/errors.ts";

export interface GpsdListener {
  /** Bytes as they come, in pieces of any size. */
  received(bytes: Uint8Array): void;
  /** Once, when the connection has ended by itself; not after `destroy`. */
  ended(reason: VscopeError): void;
}

export interface GpsdStream {
  write(bytes: Uint8Array): Promise<void>;
  /** Closes at once. Further calls do nothing. */
  destroy(): void;
}

export interface GpsdAddress {
  readonly host: string;
  readonly port: number;
}

export interface GpsdNetwork {
  /** Rejects with DEVICE_NOT_CONNECTED, or with the signal's reason; there is no other time limit. */
  connect(address: GpsdAddress, listener: GpsdListener, signal: AbortSignal): Promise<GpsdStream>;
}

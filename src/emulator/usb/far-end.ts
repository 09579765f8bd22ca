// What a USB device is to the wire: packets in, packets out. Device cores implement it and know no transport,
// so that the same core can be served in one process (transport.ts) or over a real USB stack.

/** A device's own side of its bulk endpoints. */
export interface UsbFarEnd {
  readonly vendorId: number;
  readonly productId: number;
  readonly speed: "full" | "high";
  /** `wMaxPacketSize` of an endpoint. */
  packetSize(endpoint: number): number;
  /** The bytes of one transfer to a bulk OUT endpoint. */
  receive(endpoint: number, bytes: Uint8Array): void;
  /** The next packet of a bulk IN endpoint, or undefined (NAK) when there is none. */
  take(endpoint: number): Uint8Array | undefined;
  /** Calls `listener` whenever an IN endpoint that was empty has a packet; one listener at a time. */
  onReady(listener: ((endpoint: number) => void) | undefined): void;
  /** USB reset, also at power-up: all state of the session is gone. */
  reset(): void;
}

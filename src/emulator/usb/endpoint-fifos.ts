// The packets that a device has ready on its IN endpoints. A message ends with a short packet; one whose length is a
// multiple of the packet size just ends (these devices send no zero-length packet).

export class EndpointFifos {
  readonly #packetSize: (endpoint: number) => number;
  readonly #packets = new Map<number, Uint8Array[]>();
  #listener: ((endpoint: number) => void) | undefined;

  constructor(packetSize: (endpoint: number) => number) {
    this.#packetSize = packetSize;
  }

  onReady(listener: ((endpoint: number) => void) | undefined): void {
    this.#listener = listener;
  }

  push(endpoint: number, message: Uint8Array): void {
    const packets = this.#packets.get(endpoint) ?? [];
    this.#packets.set(endpoint, packets);
    const size = this.#packetSize(endpoint);
    for (let offset = 0; offset < message.length; offset += size) {
      packets.push(message.slice(offset, offset + size));
    }
    this.#listener?.(endpoint);
  }

  take(endpoint: number): Uint8Array | undefined {
    return this.#packets.get(endpoint)?.shift();
  }

  /** Packets that wait on an endpoint. */
  waiting(endpoint: number): number {
    return this.#packets.get(endpoint)?.length ?? 0;
  }

  clear(): void {
    this.#packets.clear();
  }
}

// A number of bytes that may be held at one time, and what an entry of a table counts for: a client that sends many small
// things with long names must not cost more than it is charged.

export class Budget {
  readonly limitBytes: number;
  #usedBytes = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  fits(bytes: number): boolean {
    return this.#usedBytes + bytes <= this.limitBytes;
  }

  take(bytes: number): void {
    this.#usedBytes += bytes;
  }

  give(bytes: number): void {
    this.#usedBytes -= bytes;
  }
}

const ENTRY_BYTES = 256;

/** What an entry of a table costs besides its contents. */
export function entryBytes(key = ""): number {
  return ENTRY_BYTES + key.length;
}

/** The bytes, copied when they are a small part of the datagram that they would keep alive. */
export function ownBytes(bytes: Uint8Array): Uint8Array {
  return bytes.length * 2 < bytes.buffer.byteLength ? new Uint8Array(bytes) : bytes;
}

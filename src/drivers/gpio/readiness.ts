// Which descriptors have something to read. Node.js cannot wait for a GPIO line's events, so one thread of its pool waits
// in poll() for all lines together, and only while there are lines.

import type { LibcCall } from "../../base/libc.ts";

/** Waits so long at a time: a line that is no longer watched is let go after it. */
const WAIT_MS = 100;
const POLLIN = 1;
/** struct pollfd: fd@0, events@4, revents@6. */
const POLLFD_SIZE = 8;

export class Readiness {
  readonly #poll: LibcCall;
  readonly #listeners = new Map<number, () => void>();
  #isWaiting = false;

  /** `poll` is the C library's, called in another thread. */
  constructor(poll: LibcCall) {
    this.#poll = poll;
  }

  /** Calls `listener` whenever a read would not wait, also because it would fail, until the returned function is called. */
  watch(descriptor: number, listener: () => void): () => void {
    this.#listeners.set(descriptor, listener);
    if (!this.#isWaiting) void this.#wait();
    return () => {
      if (this.#listeners.get(descriptor) === listener) this.#listeners.delete(descriptor);
    };
  }

  // It never rejects: a poll that fails is one that found nothing.
  async #wait(): Promise<void> {
    this.#isWaiting = true;
    while (this.#listeners.size > 0) {
      const watched = [...this.#listeners];
      const bytes = Buffer.alloc(watched.length * POLLFD_SIZE);
      for (const [index, [descriptor]] of watched.entries()) {
        bytes.writeInt32LE(descriptor, index * POLLFD_SIZE);
        bytes.writeInt16LE(POLLIN, index * POLLFD_SIZE + 4);
      }
      await this.#poll(bytes, watched.length, WAIT_MS);
      for (const [index, [descriptor, listener]] of watched.entries()) {
        const isReady = bytes.readInt16LE(index * POLLFD_SIZE + 6) !== 0;
        // Meanwhile the number can be another's.
        if (isReady && this.#listeners.get(descriptor) === listener) listener();
      }
    }
    this.#isWaiting = false;
  }
}

// Which descriptors have something to read. Node.js cannot wait for a GPIO line's events, so one thread of its pool waits
// in poll() for all lines together, and only while there are lines.

import { NEVER } from "../../base/abort.ts";
import { type Clock, MS, SystemClock } from "../../base/clock.ts";
import { VscopeError } from "../../base/errors.ts";
import type { LibcCall } from "../../base/libc.ts";

/** Waits so long at a time: a line that is no longer watched is let go after it. Also the pause after a failure. */
const WAIT_MS = 100;
/** The kernel keeps the events meanwhile, so a shortage of memory may pass: given up after a minute. */
const MOST_FAILURES = 600;
const POLLIN = 1;
/** struct pollfd: fd@0, events@4, revents@6. */
const POLLFD_SIZE = 8;

/** Without `failure` a read would not wait, also because it would fail; with one nothing more will be told. */
export type ReadyListener = (failure?: VscopeError) => void;

export class Readiness {
  readonly #poll: LibcCall;
  readonly #clock: Clock;
  readonly #listeners = new Map<number, ReadyListener>();
  #isWaiting = false;

  /** `poll` is the C library's, called in another thread. */
  constructor(poll: LibcCall, clock: Clock = new SystemClock()) {
    this.#poll = poll;
    this.#clock = clock;
  }

  /** Calls `listener` until it was told a failure or the returned function is called. */
  watch(descriptor: number, listener: ReadyListener): () => void {
    this.#listeners.set(descriptor, listener);
    if (!this.#isWaiting) void this.#wait();
    return () => {
      if (this.#listeners.get(descriptor) === listener) this.#listeners.delete(descriptor);
    };
  }

  // It never rejects.
  async #wait(): Promise<void> {
    this.#isWaiting = true;
    let failures = 0;
    while (this.#listeners.size > 0) {
      const isDone = await this.#look();
      failures = isDone ? 0 : failures + 1;
      if (isDone) continue;
      if (failures === MOST_FAILURES) return this.#giveUp();
      await this.#clock.delay(WAIT_MS * MS, NEVER);
    }
    this.#isWaiting = false;
  }

  /** Waits once and tells who is ready; false when the kernel refused. */
  async #look(): Promise<boolean> {
    const watched = [...this.#listeners];
    const bytes = Buffer.alloc(watched.length * POLLFD_SIZE);
    for (const [index, [descriptor]] of watched.entries()) {
      bytes.writeInt32LE(descriptor, index * POLLFD_SIZE);
      bytes.writeInt16LE(POLLIN, index * POLLFD_SIZE + 4);
    }
    if ((await this.#poll(bytes, watched.length, WAIT_MS)) < 0) return false;
    for (const [index, [descriptor, listener]] of watched.entries()) {
      const isReady = bytes.readInt16LE(index * POLLFD_SIZE + 6) !== 0;
      // Meanwhile the number can be another's.
      if (isReady && this.#listeners.get(descriptor) === listener) listener();
    }
    return true;
  }

  #giveUp(): void {
    this.#isWaiting = false;
    const seconds = (MOST_FAILURES * WAIT_MS) / 1000;
    const watched = [...this.#listeners.values()];
    this.#listeners.clear();
    for (const listener of watched)
      listener(new VscopeError("DEVICE_FAULT", `poll: has failed for ${seconds} s, no event will be seen`));
  }
}

// The sender's sequence numbers of one context. A number makes the nonce, and a nonce that is used twice gives the key
// away; so numbers are reserved on disk, many at a time, before the first of them is used (RFC 8613 appendix B.1.1).
// After a crash the rest of a reservation is lost, which costs nothing: there are 2^40.

import { VscopeError } from "../../base/errors.ts";

/** Where reservations survive the process. */
export interface SequenceStore {
  /**
   * Reserves `RESERVED` numbers and resolves with the first of them, once the reservation would survive a loss of power.
   * No number may ever be reserved twice, by any process, as long as the key exists.
   */
  reserve(): Promise<number>;
}

/** Numbers in one reservation: at 2000 notifications a second the store is asked every two seconds. */
export const RESERVED = 4096;

/** RFC 8613 section 7.2.1. */
const LAST_NUMBER = 2 ** 40 - 1;

interface Range {
  next: number;
  readonly end: number;
}

export class SenderSequence {
  readonly #store: SequenceStore;
  #current: Range;
  #spare: Range | undefined;
  #reserving: Promise<void> | undefined;

  /** Makes the first reservation; throws what the store throws. */
  static async open(store: SequenceStore): Promise<SenderSequence> {
    return new SenderSequence(store, await reserve(store));
  }

  private constructor(store: SequenceStore, first: Range) {
    this.#store = store;
    this.#current = first;
  }

  /** No number is left: the key has served its time. */
  get isExhausted(): boolean {
    return this.#current.next > LAST_NUMBER;
  }

  /** A number that was never taken before. Undefined while the store is slower than the traffic, and after the last one. */
  take(): number | undefined {
    if (this.#current.next === this.#current.end && this.#spare !== undefined) {
      this.#current = this.#spare;
      this.#spare = undefined;
    }
    const { next, end } = this.#current;
    if (end - next <= RESERVED / 2 && this.#spare === undefined) void this.#prepare().catch(() => {});
    if (next === end || next > LAST_NUMBER) return undefined;
    this.#current.next += 1;
    return next;
  }

  /** As `take`, but waits for the store. Throws CONFIG_INVALID after the last number, and what the store throws. */
  async taken(name: string): Promise<number> {
    let number = this.take();
    while (number === undefined) {
      if (this.isExhausted)
        throw new VscopeError("CONFIG_INVALID", `key ${name}: all ${LAST_NUMBER} messages have been sent`);
      await this.#prepare();
      number = this.take();
    }
    return number;
  }

  /** Goes on with numbers beyond those that any process has reserved so far. */
  async skip(): Promise<void> {
    await this.#prepare();
    this.#current = this.#spare ?? this.#current;
    this.#spare = undefined;
  }

  // A failure is tried again with the next number that is taken.
  #prepare(): Promise<void> {
    this.#reserving ??= reserve(this.#store)
      .then((range) => void (this.#spare = range))
      .finally(() => void (this.#reserving = undefined));
    return this.#reserving;
  }
}

async function reserve(store: SequenceStore): Promise<Range> {
  const first = await store.reserve();
  return { next: first, end: first + RESERVED };
}

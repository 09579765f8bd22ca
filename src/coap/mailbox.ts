// The newest notification of an observation. Older ones are overwritten, late ones dropped (RFC 7641 section 3.4).

import type { Clock } from "../base/clock.ts";
import type { Message } from "./codec.ts";
import { findUint, OPTION } from "./options.ts";

/** After this time a lower sequence number is newer again. */
const ORDER_US = 128_000_000;
const HALF_RANGE = 2 ** 23;

export class Mailbox {
  readonly #clock: Clock;
  #newest: Message | undefined;
  #sequence: number | undefined;
  #arrivedUs = 0;
  #isLost = false;
  #wake: () => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes a notification, unless a newer one was here already. One without sequence number is an error, and the last. */
  put(message: Message): void {
    const sequence = findUint(message.options, OPTION.OBSERVE);
    const nowUs = this.#clock.nowUs();
    if (sequence !== undefined && !this.#isNewer(sequence, nowUs)) return;
    this.#sequence = sequence;
    this.#arrivedUs = nowUs;
    this.#newest = message;
    this.#wake();
  }

  /** Nothing more will come, as the connection has ended: whoever waits learns it now, or the next one to wait. */
  lose(): void {
    this.#isLost = true;
    this.#wake();
  }

  /**
   * Resolves with the newest notification not yet taken, or undefined after `us` or a loss; rejects when the signal aborts.
   */
  take(us: number, signal: AbortSignal): Promise<Message | undefined> {
    return new Promise((resolve, reject) => {
      const finish = (): void => {
        cancel();
        signal.removeEventListener("abort", onAbort);
        this.#wake = () => {};
        const message = this.#newest;
        this.#newest = undefined;
        if (message === undefined) this.#isLost = false;
        resolve(message);
      };
      const onAbort = (): void => {
        cancel();
        this.#wake = () => {};
        reject(signal.reason);
      };
      const cancel = this.#clock.after(us, finish);
      signal.addEventListener("abort", onAbort, { once: true });
      this.#wake = finish;
      if (signal.aborted) onAbort();
      else if (this.#newest !== undefined || this.#isLost) finish();
    });
  }

  #isNewer(sequence: number, nowUs: number): boolean {
    if (this.#sequence === undefined || nowUs > this.#arrivedUs + ORDER_US) return true;
    const ahead = (sequence - this.#sequence + 2 * HALF_RANGE) % (2 * HALF_RANGE);
    return ahead > 0 && ahead < HALF_RANGE;
  }
}

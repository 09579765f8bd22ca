// The newest notification of an observation. Older ones are overwritten, late ones dropped (RFC 7641 section 3.4).

import type { Clock } from "../../base/clock.ts";
import type { Message } from "../message/codec.ts";
import { findUint, OPTION } from "../message/options.ts";

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

  /**
   * Notes the answer to a registration, which does not come through here: what is older than it is dropped. A server that
   * has started again counts from the beginning, so the answer is right even when its number is lower.
   */
  begin({ options }: Message): void {
    const sequence = findUint(options, OPTION.OBSERVE);
    const nowUs = this.#clock.nowUs();
    const held = findUint(this.#newest?.options ?? [], OPTION.OBSERVE);
    if (sequence === undefined || (held !== undefined && isAhead(held, sequence))) return;
    if (held !== undefined) this.#newest = undefined;
    this.#sequence = sequence;
    this.#arrivedUs = nowUs;
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
    return isAhead(sequence, this.#sequence);
  }
}

/** Whether a sequence number comes after another, in the 24 bits that they have (RFC 7641 section 3.4). */
function isAhead(sequence: number, other: number): boolean {
  const ahead = (sequence - other + 2 * HALF_RANGE) % (2 * HALF_RANGE);
  return ahead > 0 && ahead < HALF_RANGE;
}

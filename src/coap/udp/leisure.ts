// Answers to multicast wait for a random part of DEFAULT_LEISURE, so that the servers of a network do not all answer at once
// (RFC 7252 section 8.2).

import type { Clock } from "../../base/clock.ts";

/** RFC 7252 section 4.8. */
export const DEFAULT_LEISURE_US = 5_000_000;

/** Answers that wait; further requests are not answered. */
const WAITING = 64;

export class Leisure {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #waiting = new Map<string, () => void>();

  /** `random` gives 0 to 1. */
  constructor(clock: Clock, random: () => number = Math.random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Calls `answer` later; not at all when one with this key waits already, or too many do. */
  after(key: string, answer: () => void): void {
    if (this.#waiting.has(key) || this.#waiting.size >= WAITING) return;
    const cancel = this.#clock.after(Math.round(this.#random() * DEFAULT_LEISURE_US), () => {
      this.#waiting.delete(key);
      answer();
    });
    this.#waiting.set(key, cancel);
  }

  stop(): void {
    for (const cancel of this.#waiting.values()) cancel();
    this.#waiting.clear();
  }
}

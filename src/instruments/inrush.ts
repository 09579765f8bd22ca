// Instruments on one supply are switched on one after the other: the inrush of one is over before the next begins.

import type { Clock } from "../base/clock.ts";

export class Inrush {
  readonly #clock: Clock;
  #freeAtUs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when an instrument whose inrush lasts `lengthUs` may be switched on; turns come in the order of asking. */
  async turn(lengthUs: number, signal: AbortSignal): Promise<void> {
    const nowUs = this.#clock.nowUs();
    const turnUs = Math.max(nowUs, this.#freeAtUs);
    this.#freeAtUs = turnUs + lengthUs;
    if (turnUs > nowUs) await this.#clock.delay(turnUs - nowUs, signal);
  }
}

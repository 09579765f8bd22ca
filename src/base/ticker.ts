// One timer for many waiting things: it ticks only while there is something to wait for, so an idle endpoint has no timer.

import type { Clock } from "./clock.ts";

export class Ticker {
  readonly #clock: Clock;
  readonly #periodUs: number;
  readonly #tick: (nowUs: number) => boolean;
  #cancel: (() => void) | undefined;

  /** `tick` returns whether it is needed again. */
  constructor(clock: Clock, periodUs: number, tick: (nowUs: number) => boolean) {
    this.#clock = clock;
    this.#periodUs = periodUs;
    this.#tick = tick;
  }

  /** Starts ticking, unless it does already. */
  wake(): void {
    this.#cancel ??= this.#clock.after(this.#periodUs, () => {
      this.#cancel = undefined;
      if (this.#tick(this.#clock.nowUs())) this.wake();
    });
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}

// Looks at something every so often, never twice at once: the next look is due a period after the last has ended.

import type { Clock } from "../../base/clock.ts";

export class Refresher {
  readonly #clock: Clock;
  readonly #periodUs: number;
  readonly #look: () => Promise<void>;
  #isLooking = false;
  #cancel = (): void => {};
  #looking: Promise<void> = Promise.resolve();
  #isStopped = false;

  /** `look` must not throw. */
  constructor(clock: Clock, periodUs: number, look: () => Promise<void>) {
    this.#clock = clock;
    this.#periodUs = periodUs;
    this.#look = look;
  }

  start(): void {
    if (this.#isStopped) return;
    this.#cancel = this.#clock.after(this.#periodUs, () => this.now());
  }

  /** Looks at once, unless it is looking. */
  now(): void {
    if (this.#isStopped || this.#isLooking) return;
    this.#cancel();
    this.#isLooking = true;
    this.#looking = this.#look().then(() => {
      this.#isLooking = false;
      this.start();
    });
  }

  /** Resolves when the last look has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancel();
    await this.#looking;
  }
}

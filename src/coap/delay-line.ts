// Calls each function a fixed time after it was added. As the time is the same for all, they are due in the order of
// addition and one timer serves them all. Used for the empty acknowledgement of requests that take long.

import type { Clock } from "../base/clock.ts";

export class DelayLine {
  readonly #clock: Clock;
  readonly #delayUs: number;
  readonly #entries: { readonly dueUs: number; readonly fn: () => void }[] = [];
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, delayUs: number) {
    this.#clock = clock;
    this.#delayUs = delayUs;
  }

  add(fn: () => void): void {
    this.#entries.push({ dueUs: this.#clock.nowUs() + this.#delayUs, fn });
    this.#arm();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#entries.length = 0;
  }

  #arm(): void {
    const first = this.#entries[0];
    if (first === undefined || this.#cancel !== undefined) return;
    this.#cancel = this.#clock.after(Math.max(0, first.dueUs - this.#clock.nowUs()), () => {
      this.#cancel = undefined;
      this.#fire();
      this.#arm();
    });
  }

  #fire(): void {
    const nowUs = this.#clock.nowUs();
    const due = this.#entries.findIndex((entry) => entry.dueUs > nowUs);
    for (const { fn } of this.#entries.splice(0, due < 0 ? this.#entries.length : due)) fn();
  }
}

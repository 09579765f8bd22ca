// The pause after a write to EEPROM: until the device is ready, further accesses are answered late, or lost in other
// firmware.

import { type Clock, MS } from "../../base/clock.ts";

/** Vendor's waiting time after a write. */
const WRITE_US = 200 * MS;

export class SlowMemory {
  readonly #clock: Clock;
  readonly #whileBusy: "late" | "ignored";
  readonly #waiting: (() => void)[] = [];
  #isBusy = false;
  #cancel = (): void => {};

  constructor(clock: Clock, whileBusy: "late" | "ignored") {
    this.#clock = clock;
    this.#whileBusy = whileBusy;
  }

  /** Calls `access` when the memory is ready: at once, as a rule. */
  read(access: () => void): void {
    if (!this.#isBusy) access();
    else if (this.#whileBusy === "late") this.#waiting.push(access);
  }

  write(access: () => void): void {
    this.read(() => {
      access();
      this.#isBusy = true;
      this.#cancel = this.#clock.after(WRITE_US, () => this.#goOn());
    });
  }

  reset(): void {
    this.#cancel();
    this.#waiting.length = 0;
    this.#isBusy = false;
  }

  #goOn(): void {
    this.#isBusy = false;
    while (!this.#isBusy) {
      const access = this.#waiting.shift();
      if (access === undefined) return;
      access();
    }
  }
}

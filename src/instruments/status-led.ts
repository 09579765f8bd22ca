// An LED on a GPIO line that shows the state of the box by its pattern of light. Dark at the end.

import type { ReadableCell } from "../base/cell.ts";
import { type Clock, MS } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { GpioBank, GpioLine } from "../drivers/gpio/port.ts";
import { type LedState, PATTERNS } from "./led-pattern.ts";

export interface StatusLedOptions {
  readonly bank: GpioBank;
  /** BCM number; level 1 lights the LED. */
  readonly pin: number;
  readonly state: ReadableCell<LedState>;
  readonly clock: Clock;
  readonly log: Log;
}

export class StatusLed {
  readonly #line: GpioLine;
  readonly #options: StatusLedOptions;
  readonly #unsubscribe: () => void;
  #isLit = false;
  #cancel: (() => void) | undefined;

  private constructor(line: GpioLine, options: StatusLedOptions) {
    this.#line = line;
    this.#options = options;
    this.#unsubscribe = options.state.subscribe((state) => this.#show(state));
    this.#show(options.state.value);
  }

  /** Claims the line and follows the state from now on. Throws the bank's errors. */
  static async open(options: StatusLedOptions): Promise<StatusLed> {
    return new StatusLed(await options.bank.output(options.pin, 0), options);
  }

  close(): void {
    this.#unsubscribe();
    this.#cancel?.();
    this.#light(false);
    this.#line.close();
  }

  #show(state: LedState): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const times: readonly number[] = PATTERNS[state].litMs;
    if (times.length < 2) this.#light(times.length === 1);
    else this.#blink(times, 0);
  }

  #blink(times: readonly number[], index: number): void {
    this.#light(index % 2 === 0);
    const us = (times[index] ?? 0) * MS;
    this.#cancel = this.#options.clock.after(us, () => this.#blink(times, (index + 1) % times.length));
  }

  // An LED that fails must not end the recording that it shows.
  #light(isLit: boolean): void {
    if (isLit === this.#isLit) return;
    try {
      this.#line.write(isLit ? 1 : 0);
      this.#isLit = isLit;
    } catch (error) {
      this.#options.log.warn({ reason: messageOf(error) }, "the status LED did not change");
    }
  }
}

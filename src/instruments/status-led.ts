// An LED on a GPIO line that follows a cell, such as "lit while recording". Dark at the end.

import type { ReadableCell } from "../base/cell.ts";
import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { GpioBank, GpioLine } from "../drivers/gpio/port.ts";

export interface StatusLedOptions<T> {
  readonly bank: GpioBank;
  /** BCM number; level 1 lights the LED. */
  readonly pin: number;
  readonly cell: ReadableCell<T>;
  readonly isLit: (value: T) => boolean;
  readonly log: Log;
}

export class StatusLed {
  readonly #line: GpioLine;
  readonly #unsubscribe: () => void;
  readonly #log: Log;

  private constructor(line: GpioLine, unsubscribe: () => void, log: Log) {
    this.#line = line;
    this.#unsubscribe = unsubscribe;
    this.#log = log;
  }

  /** Claims the line and follows the cell from now on. Throws the bank's errors. */
  static async open<T>({ bank, pin, cell, isLit, log }: StatusLedOptions<T>): Promise<StatusLed> {
    const line = await bank.output(pin, isLit(cell.value) ? 1 : 0);
    return new StatusLed(
      line,
      cell.subscribe((value) => light(line, isLit(value), log)),
      log,
    );
  }

  close(): void {
    this.#unsubscribe();
    light(this.#line, false, this.#log);
    this.#line.close();
  }
}

// An LED that fails must not end the recording that it shows.
function light(line: GpioLine, isLit: boolean, log: Log): void {
  try {
    line.write(isLit ? 1 : 0);
  } catch (error) {
    log.warn({ reason: messageOf(error) }, "the status LED did not change");
  }
}

// An emulated GPIO chip: pins with levels, their history, and listeners for what hangs on them.

import type { Clock } from "../../base/clock.ts";
import { VscopeError } from "../../base/errors.ts";
import type { GpioBank, GpioInput, GpioInputOptions, GpioLine } from "../../drivers/gpio/port.ts";

export interface PinChange {
  readonly pin: number;
  readonly level: 0 | 1;
  /** `Clock.nowUs`. */
  readonly atUs: number;
}

/** BCM numbers of a Raspberry Pi's header. */
const PINS = 28;
const LONGEST_HISTORY = 10_000;

export class EmulatedGpioBank implements GpioBank {
  readonly description = "emulated GPIO";
  readonly #clock: Clock;
  readonly #levels = new Map<number, 0 | 1>();
  readonly #claimed = new Set<number>();
  readonly #history: PinChange[] = [];
  readonly #listeners = new Set<(change: PinChange) => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Changes of level, oldest first; the newest ten thousand. */
  get history(): readonly PinChange[] {
    return this.#history;
  }

  level(pin: number): 0 | 1 {
    return this.#levels.get(pin) ?? 0;
  }

  /** Calls `listener` after each change of a level until the returned function is called. */
  watch(listener: (change: PinChange) => void): () => void {
    const entry = (change: PinChange): void => listener(change);
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  async output(pin: number, initial: 0 | 1): Promise<GpioLine> {
    this.#claim(pin);
    this.#drive(pin, initial);
    return this.#line(pin);
  }

  async input(pin: number, { pull, onEdge }: GpioInputOptions): Promise<GpioInput> {
    this.#claim(pin);
    this.#drive(pin, pull === "up" ? 1 : 0);
    const unwatch = this.watch((change) => {
      if (change.pin === pin) onEdge(change.level);
    });
    const line = this.#line(pin);
    return {
      read: () => line.read(),
      close: () => {
        unwatch();
        line.close();
      },
    };
  }

  /** What hangs on an input does: drives its level from outside. */
  drive(pin: number, level: 0 | 1): void {
    this.#drive(pin, level);
  }

  #claim(pin: number): void {
    if (!Number.isInteger(pin) || pin < 0 || pin >= PINS) {
      throw new VscopeError("RESOURCE_NOT_FOUND", `gpio: there is no line ${pin}, only 0..${PINS - 1}`);
    }
    if (this.#claimed.has(pin)) throw new VscopeError("DEVICE_BUSY", `gpio: line ${pin} is taken`);
    this.#claimed.add(pin);
  }

  async close(): Promise<void> {
    this.#claimed.clear();
  }

  #line(pin: number): GpioLine {
    let isOpen = true;
    return {
      write: (level) => {
        if (!isOpen) throw new VscopeError("DEVICE_FAULT", `gpio: line ${pin} is closed`);
        this.#drive(pin, level);
      },
      read: () => this.level(pin),
      close: () => {
        if (isOpen) this.#claimed.delete(pin);
        isOpen = false;
      },
    };
  }

  #drive(pin: number, level: 0 | 1): void {
    if (this.level(pin) === level) return;
    this.#levels.set(pin, level);
    const change: PinChange = { pin, level, atUs: this.#clock.nowUs() };
    this.#history.push(change);
    if (this.#history.length > LONGEST_HISTORY) this.#history.shift();
    for (const listener of this.#listeners) listener(change);
  }
}

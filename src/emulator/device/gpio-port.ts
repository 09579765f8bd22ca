// The GPIO pins of a device's accessory connector. The host sets directions and levels; a test looks at the outputs and
// drives the inputs. Bit n is pin n.

export class GpioPort {
  readonly pins: number;
  readonly #all: number;
  #mux = 0;
  #outputEnable = 0;
  #latch = 0;
  #driven = 0;

  constructor(pins: number) {
    this.pins = pins;
    this.#all = 2 ** pins - 1;
  }

  /** Pins that serve another function than GPIO. */
  get mux(): number {
    return this.#mux;
  }

  get outputEnable(): number {
    return this.#outputEnable;
  }

  /** What the device puts out: the levels of the pins that are outputs. */
  get outputs(): number {
    return this.#latch & this.#outputEnable & ~this.#mux;
  }

  /** What the host reads: outputs as set, inputs as driven from outside. */
  get levels(): number {
    return this.outputs | (this.#driven & ~this.#outputEnable & this.#all);
  }

  /** Drives an input from outside; without effect on the level while the pin is an output. */
  drive(pin: number, isHigh: boolean): void {
    const bit = 1 << pin;
    this.#driven = isHigh ? this.#driven | bit : this.#driven & ~bit;
  }

  setMux(value: number): void {
    this.#mux = value & this.#all;
  }

  /** Directions of the pins in `mask`: 1 is an output. */
  setOutputEnable(value: number, mask: number): void {
    this.#outputEnable = this.#merged(this.#outputEnable, value, mask);
  }

  /** Levels of the pins in `mask`; an input keeps its for the time when it becomes an output. */
  setLevels(value: number, mask: number): void {
    this.#latch = this.#merged(this.#latch, value, mask);
  }

  reset(): void {
    this.#mux = 0;
    this.#outputEnable = 0;
    this.#latch = 0;
  }

  #merged(old: number, value: number, mask: number): number {
    return ((old & ~mask) | (value & mask)) & this.#all;
  }
}

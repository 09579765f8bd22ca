// The FPGA registers of an OOI device, 16 bits each, and what they do: strobes, acquisition delay, lamp, GPIO.
// Two generations of the FPGA count the strobe's period in different ways. Registers that do nothing here keep their value.

import type { GpioPort } from "./gpio-port.ts";
import type { DeviceSettings, Settings } from "./settings.ts";

const REGISTER = {
  version: 0x04,
  strobeDivisor: 0x08,
  strobeCount: 0x0c,
  acquisitionDelay: 0x28,
  singleStrobeHigh: 0x38,
  singleStrobeLow: 0x3c,
  lampEnable: 0x40,
  gpioMux: 0x48,
  gpioOutputEnable: 0x50,
  gpioData: 0x54,
  offset: 0x5c,
  offsetControl: 0x60,
  maxSaturation: 0x68,
} as const;
const KNOWN: ReadonlySet<number> = new Set(Object.values(REGISTER));

const WORD = 0x1_0000;
const ALL_PINS = WORD - 1;
/** Counts of the 48 MHz clock in a microsecond. */
const CLOCKS_PER_US = 48;
/** From this major version on the strobe's period is one number of 32 bits. */
const NEW_FPGA = 3;

export interface RegistersOptions {
  readonly fpgaVersion: readonly [major: number, minor: number, patch: number];
  readonly settings: Settings;
  readonly gpio: GpioPort;
  readonly saturationCounts: number;
}

export class Registers {
  readonly fpgaMajor: number;
  readonly #version: number;
  readonly #settings: Settings;
  readonly #gpio: GpioPort;
  readonly #saturationCounts: number;
  readonly #values = new Map<number, number>();

  constructor({ fpgaVersion: [major, minor, patch], settings, gpio, saturationCounts }: RegistersOptions) {
    this.fpgaMajor = major;
    this.#version = (major << 12) | (minor << 4) | patch;
    this.#settings = settings;
    this.#gpio = gpio;
    this.#saturationCounts = saturationCounts;
  }

  /** 0 for a register that does not exist. */
  read(register: number): number {
    if (register === REGISTER.version) return this.#version;
    if (register === REGISTER.lampEnable) return this.isLampOn ? 1 : 0;
    if (register === REGISTER.gpioMux) return this.#gpio.mux;
    if (register === REGISTER.gpioOutputEnable) return this.#gpio.outputEnable;
    if (register === REGISTER.gpioData) return this.#gpio.levels;
    return this.#value(register);
  }

  /** The version cannot be written. */
  write(register: number, value: number): void {
    if (register === REGISTER.version || !KNOWN.has(register)) return;
    this.#values.set(register, value);
    if (register === REGISTER.gpioMux) this.#gpio.setMux(value);
    if (register === REGISTER.gpioOutputEnable) this.#gpio.setOutputEnable(value, ALL_PINS);
    if (register === REGISTER.gpioData) this.#gpio.setLevels(value, ALL_PINS);
    this.#settings.change(this.#lines());
  }

  get isLampOn(): boolean {
    return this.#value(REGISTER.lampEnable) !== 0;
  }

  /** The Lamp Enable line, as command 03 sets it. */
  setLamp(isOn: boolean): void {
    this.write(REGISTER.lampEnable, isOn ? 1 : 0);
  }

  reset(): void {
    this.#values.clear();
    this.#gpio.reset();
    this.#settings.change(this.#lines());
  }

  #value(register: number): number {
    const initial = register === REGISTER.maxSaturation ? Math.min(this.#saturationCounts, WORD - 1) : 0;
    return this.#values.get(register) ?? initial;
  }

  // The Lamp Enable line gates both strobes.
  #lines(): Partial<DeviceSettings> {
    const isLampOn = this.isLampOn;
    const high = this.#value(REGISTER.singleStrobeHigh);
    const low = this.#value(REGISTER.singleStrobeLow);
    const strobePeriodUs = this.#strobePeriodUs();
    return {
      isLampOn,
      acquisitionDelayUs: this.#value(REGISTER.acquisitionDelay) / CLOCKS_PER_US,
      isStrobing: isLampOn && strobePeriodUs > 0,
      strobePeriodUs,
      isSingleStrobeOn: isLampOn && low > high,
      singleStrobeDelayUs: high / CLOCKS_PER_US,
      singleStrobeWidthUs: Math.max(low - high, 0) / CLOCKS_PER_US,
    };
  }

  // Divisor 0: the strobe was never set up.
  #strobePeriodUs(): number {
    const divisor = this.#value(REGISTER.strobeDivisor);
    const count = this.#value(REGISTER.strobeCount);
    const clocks = this.fpgaMajor >= NEW_FPGA ? divisor * WORD + count : divisor * (count + 1);
    return clocks / CLOCKS_PER_US;
  }
}

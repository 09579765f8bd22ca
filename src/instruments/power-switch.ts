// The power of a spectrometer behind a GPIO line: the last step of its recovery, and a client's to switch. The line
// keeps its level when the server ends, so that the instrument stays on.

import { Cell, type ReadableCell } from "../base/cell.ts";
import { type Clock, SECOND } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { PowerSwitchConfig } from "../config/instrument-config.ts";
import type { GpioBank, GpioLine } from "../drivers/gpio/port.ts";

export type Power = "on" | "off";

export interface PowerSwitchesOptions {
  readonly bank: GpioBank;
  readonly clock: Clock;
  readonly log: Log;
  /** By serial number. */
  readonly switches: ReadonlyMap<string, PowerSwitchConfig>;
}

/** The inrush of one instrument is over before the next is switched on. */
const STAGGER_US = SECOND;

export class PowerSwitch {
  /** Without power for this long it has forgotten everything. */
  readonly offUs: number;
  readonly #line: GpioLine;
  readonly #activeHigh: boolean;
  readonly #clock: Clock;
  readonly #state = new Cell<Power>("on");
  #orders = 0;
  #cycling: Promise<void> | undefined;

  private constructor(line: GpioLine, { activeHigh, offUs }: PowerSwitchConfig, clock: Clock) {
    this.#line = line;
    this.#activeHigh = activeHigh;
    this.#clock = clock;
    this.offUs = offUs;
  }

  /** Claims the line and switches on. Throws the bank's errors. */
  static async open(bank: GpioBank, config: PowerSwitchConfig, clock: Clock): Promise<PowerSwitch> {
    const line = await bank.output(config.pin, config.activeHigh ? 1 : 0);
    return new PowerSwitch(line, config, clock);
  }

  /** What somebody wants it to be: a cycle does not show here. */
  get state(): ReadableCell<Power> {
    return this.#state;
  }

  /** How often it has been set: whether an order is still the newest. */
  get orders(): number {
    return this.#orders;
  }

  /** Throws DEVICE_FAULT when the line does not take it; then the state is the old one. */
  set(power: Power): void {
    this.#drive(power);
    this.#orders += 1;
    this.#state.set(power);
  }

  /** Off, and on again after `offUs`, an abort included, unless it was switched off meanwhile. Two cycles at once are one. */
  cycle(signal: AbortSignal): Promise<void> {
    this.#cycling ??= this.#cycle(signal).finally(() => {
      this.#cycling = undefined;
    });
    return this.#cycling;
  }

  /** Gives the line back as it is. */
  close(): void {
    this.#line.close();
  }

  async #cycle(signal: AbortSignal): Promise<void> {
    this.#drive("off");
    try {
      await this.#clock.delay(this.offUs, signal);
    } finally {
      this.#drive(this.#state.value);
    }
  }

  #drive(power: Power): void {
    this.#line.write((power === "on") === this.#activeHigh ? 1 : 0);
  }
}

/**
 * The switches of an instrument, by serial number; everything is switched on, one after the other. A switch whose line
 * is refused is left out and logged.
 */
export async function openPowerSwitches(
  { bank, clock, log, switches }: PowerSwitchesOptions,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, PowerSwitch>> {
  const opened = new Map<string, PowerSwitch>();
  for (const [serial, config] of switches) {
    const { pin } = config;
    if (opened.size > 0) await clock.delay(STAGGER_US, signal);
    try {
      opened.set(serial, await PowerSwitch.open(bank, config, clock));
      log.info({ serial, pin }, `${serial}: power is on`);
    } catch (error) {
      const reason = messageOf(error);
      log.error({ serial, pin, reason }, `${serial}: the power switch is not usable`);
    }
  }
  return opened;
}

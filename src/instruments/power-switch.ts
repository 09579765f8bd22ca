// The power of a spectrometer behind a GPIO line: the last step of its recovery, and a client's to switch. The line
// keeps its level when the server ends, so that the instrument stays on.

import { Cell, type ReadableCell } from "../base/cell.ts";
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { PowerSwitchConfig } from "../config/instrument-config.ts";
import type { GpioBank, GpioLine } from "../drivers/gpio/port.ts";
import { Inrush } from "./inrush.ts";

export type Power = "on" | "off";

export interface PowerSwitchesOptions {
  readonly bank: GpioBank;
  readonly clock: Clock;
  readonly log: Log;
  /** By serial number. */
  readonly switches: ReadonlyMap<string, PowerSwitchConfig>;
}

interface SwitchParts {
  readonly bank: GpioBank;
  readonly clock: Clock;
  /** Shared by all that one supply feeds. */
  readonly inrush: Inrush;
}

export class PowerSwitch {
  /** Without power for this long it has forgotten everything. */
  readonly offUs: number;
  /** How long its inrush lasts. */
  readonly onDelayUs: number;
  readonly #line: GpioLine;
  readonly #config: PowerSwitchConfig;
  readonly #clock: Clock;
  readonly #inrush: Inrush;
  readonly #state = new Cell<Power>("on");
  #orders = 0;
  #cycling: Promise<void> | undefined;

  private constructor(line: GpioLine, config: PowerSwitchConfig, { clock, inrush }: SwitchParts) {
    this.#line = line;
    this.#config = config;
    this.#clock = clock;
    this.#inrush = inrush;
    this.offUs = config.offUs;
    this.onDelayUs = config.onDelayUs;
  }

  /** Claims the line and switches on. Throws the bank's errors. */
  static async open(config: PowerSwitchConfig, parts: SwitchParts): Promise<PowerSwitch> {
    const line = await parts.bank.output(config.pin, config.activeHigh ? 1 : 0);
    return new PowerSwitch(line, config, parts);
  }

  /** Resolves when the supply has room for its inrush: after the others that were switched on before. */
  turn(signal: AbortSignal): Promise<void> {
    return this.#inrush.turn(this.onDelayUs, signal);
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
      if (this.#state.value === "on") await this.turn(signal);
    } finally {
      this.#drive(this.#state.value);
    }
  }

  #drive(power: Power): void {
    this.#line.write((power === "on") === this.#config.activeHigh ? 1 : 0);
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
  const inrush = new Inrush(clock);
  for (const [serial, config] of switches) {
    const { pin } = config;
    await inrush.turn(config.onDelayUs, signal);
    try {
      opened.set(serial, await PowerSwitch.open(config, { bank, clock, inrush }));
      log.info({ serial, pin }, `${serial}: power is on`);
    } catch (error) {
      const reason = messageOf(error);
      log.error({ serial, pin, reason }, `${serial}: the power switch is not usable`);
    }
  }
  return opened;
}

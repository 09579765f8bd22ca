// The GPIO lines of one shutter and the levels that move it. A pulse line never stays high.

import { type Clock, MS } from "../base/clock.ts";
import { VscopeError } from "../base/errors.ts";
import type { ShutterConfig } from "../config/shutter-config.ts";
import type { GpioBank, GpioLine } from "../drivers/gpio/port.ts";

type Target = "open" | "closed";

interface Claimed {
  readonly lines: readonly GpioLine[];
  /** Moves the blades; resolves at the end of the pulse, before they rest. */
  readonly drive: (target: Target, signal: AbortSignal) => Promise<void>;
}

export class ShutterLines {
  readonly #config: ShutterConfig;
  readonly #bank: GpioBank;
  readonly #clock: Clock;
  #claimed: Claimed | undefined;
  #isReleased = false;

  constructor(config: ShutterConfig, bank: GpioBank, clock: Clock) {
    this.#config = config;
    this.#bank = bank;
    this.#clock = clock;
  }

  get isClaimed(): boolean {
    return this.#claimed !== undefined;
  }

  /** From the end of `drive` until the blades rest. */
  get settleUs(): number {
    return this.#config.settleMs * MS;
  }

  /** Time of a move: pulse and settle time. */
  get moveUs(): number {
    const { mechanism } = this.#config;
    return this.settleUs + (mechanism.kind === "latching" ? mechanism.pulseMs * MS : 0);
  }

  /** Moves the shutter; claims the lines before the first move. Throws the bank's errors. */
  async drive(target: Target, signal: AbortSignal): Promise<void> {
    const claimed = this.#claimed ?? (await this.#claim());
    this.#claimed = claimed;
    if (this.#isReleased) {
      this.release();
      throw new VscopeError("DEVICE_NOT_CONNECTED", "its lines are given back");
    }
    signal.throwIfAborted();
    await claimed.drive(target, signal);
  }

  /** Gives the lines back for good. */
  release(): void {
    this.#isReleased = true;
    const lines = this.#claimed?.lines ?? [];
    this.#claimed = undefined;
    for (const line of lines) line.close();
  }

  async #claim(): Promise<Claimed> {
    const { mechanism, reverse } = this.#config;
    if (mechanism.kind === "level") {
      const openLevel: 0 | 1 = mechanism.activeHigh === reverse ? 0 : 1;
      const closedLevel: 0 | 1 = openLevel === 1 ? 0 : 1;
      const line = await this.#bank.output(mechanism.pin, closedLevel);
      return {
        lines: [line],
        drive: async (target) => line.write(target === "open" ? openLevel : closedLevel),
      };
    }
    const openPin = reverse ? mechanism.closePin : mechanism.openPin;
    const closePin = reverse ? mechanism.openPin : mechanism.closePin;
    const open = await this.#bank.output(openPin, 0);
    const close = await this.#bank.output(closePin, 0).catch((error: unknown) => {
      open.close();
      throw error;
    });
    const pulseUs = mechanism.pulseMs * MS;
    return {
      lines: [open, close],
      drive: (target, signal) => this.#pulse(target === "open" ? open : close, pulseUs, signal),
    };
  }

  async #pulse(line: GpioLine, pulseUs: number, signal: AbortSignal): Promise<void> {
    try {
      line.write(1);
      await this.#clock.delay(pulseUs, signal);
    } finally {
      line.write(0);
    }
  }
}

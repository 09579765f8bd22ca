// The relay behind a power switch's pin: its level decides whether a spectrometer has power.

import type { EmulatedConnection } from "../usb/connection.ts";
import type { EmulatedGpioBank } from "./bank.ts";

export interface PowerLineWiring {
  readonly pin: number;
  /** Level 1 closes the relay. */
  readonly activeHigh: boolean;
}

/** Whether the relay lets the power through at the moment. */
export function isPowered(bank: EmulatedGpioBank, { pin, activeHigh }: PowerLineWiring): boolean {
  return (bank.level(pin) === 1) === activeHigh;
}

/** From now on the connection's power follows the pin. */
export function wirePower(
  bank: EmulatedGpioBank,
  wiring: PowerLineWiring,
  connection: EmulatedConnection,
): void {
  bank.watch(({ pin }) => {
    if (pin === wiring.pin) connection.setPowered(isPowered(bank, wiring));
  });
}

// What joins a spectrometer to the bus: its plug and its power. It is on the bus while it has both; with power it comes
// back after it has booted, and has forgotten everything.

import { type Clock, SECOND } from "../../base/clock.ts";
import type { EmulatedUsbBus } from "./bus.ts";
import type { UsbFarEnd } from "./far-end.ts";
import type { FaultPlan } from "./faults.ts";

/** From power to the bus. */
export const BOOT_US = 2 * SECOND;

export interface ConnectionOptions {
  readonly bus: EmulatedUsbBus;
  readonly device: UsbFarEnd;
  readonly faults: FaultPlan;
  readonly clock: Clock;
}

export class EmulatedConnection {
  readonly #options: ConnectionOptions;
  #isPlugged = true;
  #isPowered: boolean;
  #stopBoot = (): void => {};

  constructor(options: ConnectionOptions, isPowered: boolean) {
    this.#options = options;
    this.#isPowered = isPowered;
    if (isPowered) this.#join();
  }

  get isPlugged(): boolean {
    return this.#isPlugged;
  }

  setPlugged(isPlugged: boolean): void {
    this.#isPlugged = isPlugged;
    if (isPlugged) this.#join();
    else this.#part();
  }

  setPowered(isPowered: boolean): void {
    if (isPowered === this.#isPowered) return;
    this.#isPowered = isPowered;
    if (isPowered) this.#stopBoot = this.#options.clock.after(BOOT_US, () => this.#join());
    else this.#part();
  }

  #join(): void {
    const { bus, device, faults } = this.#options;
    if (this.#isPlugged && this.#isPowered) bus.attach(device, { faults });
  }

  #part(): void {
    this.#stopBoot();
    this.#options.bus.detach(this.#options.device);
  }
}

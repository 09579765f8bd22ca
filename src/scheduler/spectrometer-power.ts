// The power of all spectrometers that have a switch, together; one after the other, so that their inrush is, too.

import { type Clock, SECOND } from "../base/clock.ts";
import { messageOf, VscopeError } from "../base/errors.ts";
import type { Rack } from "../instruments/rack.ts";

const STAGGER_US = SECOND;

export class SpectrometerPower {
  readonly #rack: Pick<Rack, "switched" | "setPower">;
  readonly #clock: Clock;

  constructor(rack: Pick<Rack, "switched" | "setPower">, clock: Clock) {
    this.#rack = rack;
    this.#clock = clock;
  }

  /** How many have a switch. */
  get count(): number {
    return this.#rack.switched.length;
  }

  /** One that fails does not keep the others from being switched. Throws DEVICE_FAULT with all failures. */
  async set(wanted: "on" | "off", signal: AbortSignal): Promise<void> {
    const failures: string[] = [];
    for (const [index, serial] of this.#rack.switched.entries()) {
      if (index > 0) await this.#clock.delay(STAGGER_US, signal);
      await this.#rack
        .setPower(serial, wanted, signal)
        .catch((error: unknown) => failures.push(messageOf(error)));
    }
    signal.throwIfAborted();
    if (failures.length > 0) throw new VscopeError("DEVICE_FAULT", failures.join("; "));
  }
}

// The power of all spectrometers that have a switch, together; one after the other, so that their inrush is, too. It is an
// operation: nothing is measured meanwhile, and nothing that is measured loses its power.

import type { Operation } from "../acquisition/operation.ts";
import type { Operations } from "../acquisition/operations.ts";
import type { Origin } from "../acquisition/origin.ts";
import { type Clock, SECOND } from "../base/clock.ts";
import { messageOf, VscopeError } from "../base/errors.ts";
import type { Rack } from "../instruments/rack.ts";

const STAGGER_US = SECOND;

export interface SpectrometerPowerParts {
  readonly rack: Pick<Rack, "switched" | "setPower">;
  readonly operations: Pick<Operations, "start">;
  readonly clock: Clock;
}

export class SpectrometerPower {
  readonly #parts: SpectrometerPowerParts;

  constructor(parts: SpectrometerPowerParts) {
    this.#parts = parts;
  }

  /** How many have a switch. */
  get count(): number {
    return this.#parts.rack.switched.length;
  }

  /** One that fails does not keep the others from being switched. Throws STATE_CONFLICT while something else runs. */
  begin(wanted: "on" | "off", origin: Origin): Operation {
    const { operations, rack, clock } = this.#parts;
    const { switched } = rack;
    if (switched.length === 0)
      throw new VscopeError("STATE_CONFLICT", "power: no spectrometer has a power switch");
    return operations.start(
      "power",
      switched.length,
      async (report, signal) => {
        const failures: string[] = [];
        for (const [index, serial] of switched.entries()) {
          if (index > 0) await clock.delay(STAGGER_US, signal);
          await rack
            .setPower(serial, wanted, signal)
            .catch((error: unknown) => failures.push(messageOf(error)));
          report.progress(index + 1, switched.length);
        }
        signal.throwIfAborted();
        if (failures.length > 0) throw new VscopeError("DEVICE_FAULT", failures.join("; "));
      },
      origin,
    );
  }
}

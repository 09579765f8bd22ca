// The spectrometers of a batch that was interrupted: whether they have power, and the wait until they are back.

import { type Clock, SECOND } from "../base/clock.ts";
import { VscopeError } from "../base/errors.ts";
import type { Rack } from "../instruments/rack.ts";
import type { UnderWay } from "./under-way.ts";

/** Spectrometers need longer to appear than the server to start. */
const ALL_WITHIN_US = 60 * SECOND;
const ANY_WITHIN_US = 600 * SECOND;

type Wanted = Pick<UnderWay, "spectrometers">;

/** Whether all of them are switched off, as in quiet time. */
export function areSwitchedOff({ spectrometers }: Wanted, rack: Rack): boolean {
  const isOff = ({ serial }: { readonly serial: string }): boolean =>
    rack.switched.includes(serial) && rack.powerSwitch(serial).state.value === "off";
  return spectrometers.length > 0 && spectrometers.every(isOff);
}

/** Resolves when those that took part are back, or some of them after a while. Throws DEVICE_NOT_CONNECTED. */
export async function spectrometersBack(
  { spectrometers }: Wanted,
  { clock, rack }: { readonly clock: Clock; readonly rack: Rack },
  signal: AbortSignal,
): Promise<void> {
  const startUs = clock.nowUs();
  const wanted = spectrometers.map(({ serial }) => serial);
  for (;;) {
    const ready = rack.spectrometers.value.filter(({ status }) => status.value.state === "idle");
    const waitedUs = clock.nowUs() - startUs;
    if (wanted.every((serial) => ready.some((one) => one.serial === serial))) return;
    if (ready.length > 0 && waitedUs >= ALL_WITHIN_US) return;
    if (waitedUs >= ANY_WITHIN_US) {
      const fact = `no spectrometer was ready within ${ANY_WITHIN_US / SECOND} s`;
      throw new VscopeError("DEVICE_NOT_CONNECTED", fact);
    }
    await clock.delay(SECOND, signal);
  }
}

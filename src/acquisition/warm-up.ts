// Waits until the coolers of the detectors have settled at their set points.

import { type Clock, SECOND } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Rack } from "../instruments/rack.ts";
import type { Spectrometer } from "../instruments/spectrometer.ts";
import type { Pause } from "./pause.ts";

/** A cooler that has not settled by then does not on this day. */
export const WARM_UP_US = 600 * SECOND;
const POLL_US = 2 * SECOND;

/** A cooler that has not settled, and why it is taken to be so. */
export interface Unsettled {
  readonly serial: string;
  readonly reason: string;
}

/** What became of a warm-up. */
export interface WarmUp {
  readonly waitedS: number;
  readonly unsettled: readonly Unsettled[];
}

/** Resolves when every cooler that runs has settled, or at the deadline, to which a pause does not count. */
export async function warmUp(
  { clock, rack, pause }: { readonly clock: Clock; readonly rack: Rack; readonly pause: Pause },
  signal: AbortSignal,
): Promise<WarmUp> {
  const workedUs = (): number => clock.nowUs() - pause.heldUs;
  const startUs = workedUs();
  for (;;) {
    await pause.pass(signal);
    const unsettled = await unsettledOf(rack, signal);
    const waitedUs = workedUs() - startUs;
    if (unsettled.length === 0 || waitedUs >= WARM_UP_US)
      return { waitedS: Math.round(waitedUs / SECOND), unsettled };
    await pause.delay(POLL_US, signal);
  }
}

async function unsettledOf(rack: Rack, signal: AbortSignal): Promise<readonly Unsettled[]> {
  const cooled = rack.spectrometers.value.filter(({ identity, isAttached }) => identity.hasTec && isAttached);
  const found = await Promise.all(
    cooled.map(async (spectrometer) => {
      const reason = await obstacleOf(spectrometer, signal);
      return reason === undefined ? [] : [{ serial: spectrometer.serial, reason }];
    }),
  );
  return found.flat();
}

// One whose temperature cannot be read now may be so later: that is its recovery's business.
async function obstacleOf(spectrometer: Spectrometer, signal: AbortSignal): Promise<string | undefined> {
  try {
    const { enabled, stable, temperatureC, setpointC } = await spectrometer.readTec(signal);
    if (!enabled || stable === true) return undefined;
    return `detector at ${temperatureC.toFixed(1)} degC, set point ${setpointC.toFixed(1)} degC`;
  } catch (error) {
    signal.throwIfAborted();
    return messageOf(error);
  }
}

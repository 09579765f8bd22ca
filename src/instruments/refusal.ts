// What was refused has left the device as it was: nothing has to be recovered, and trying again would not help.

import { isVscopeError, messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";

/** Awaits a setting; one that is refused is left out. */
export type Tolerate = (what: string, setting: Promise<void>) => Promise<void>;

// Numbers of OBP errors: the device has no such message or data, or does not take the value.
const REFUSALS: readonly unknown[] = [2, 5, 6, 12];

/** True for a request that did not reach the device. */
export function isRefusal(error: unknown): boolean {
  return isVscopeError(error, "VALUE_INVALID", "VALUE_OUT_OF_RANGE", "RESOURCE_NOT_FOUND", "STATE_CONFLICT");
}

/** Refused settings are left out with a warning; every other failure is thrown. */
export function tolerateRefusals(log: Log, serial: string): Tolerate {
  return async (what, setting) => {
    try {
      await setting;
    } catch (error) {
      if (!isRefusal(error) && !isRefusedByDevice(error)) throw error;
      log.warn({ what, reason: messageOf(error) }, `${serial}: ${what} is refused, and not restored`);
    }
  };
}

function isRefusedByDevice(error: unknown): boolean {
  return isVscopeError(error, "DEVICE_PROTOCOL") && REFUSALS.includes(error.details.errorNumber);
}

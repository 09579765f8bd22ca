// What brings an OBP device into a known state: whatever an earlier session or a broken exchange has left under way is
// ended, and what is on its way to the host is dropped.

import { orAborted } from "../../base/abort.ts";
import { MS, SECOND } from "../../base/clock.ts";
import { isVscopeError } from "../../base/errors.ts";
import type { RecoveryStep } from "./driver.ts";
import type { FastBuffer } from "./fast-buffer.ts";
import type { Obp } from "./obp.ts";
import { OBP1, u8 } from "./obp-messages.ts";

/** After a crash of the host some devices go on sending the old session's answer; they pause less than this. */
export const QUIET_US = 100 * MS;
/** Longest step of a recovery of a device that answers at all. */
export const STEP_US = 5 * SECOND;

/** The same after opening and after an error. */
export function quietening(obp: Obp, fastBuffer: FastBuffer | undefined): readonly RecoveryStep[] {
  const { link, model } = obp;
  const { endpoints, protocol, features } = model;
  const step = (name: string, run: RecoveryStep["run"]): RecoveryStep => ({ name, deadlineUs: STEP_US, run });
  const clearHalts = step("clear halts", (signal) => orAborted(link.clearHalts(endpoints), signal));
  const drain = step(
    "drain",
    async (signal) => void (await link.drain([endpoints.answer], QUIET_US, signal)),
  );
  if (protocol === "obp2") return [clearHalts, drain];
  const initialise = async (signal: AbortSignal): Promise<void> => {
    await abort(obp, signal);
    if (features.includes("data-buffer")) await obp.commandIfPresent({ type: OBP1.clearBuffer }, signal);
    await fastBuffer?.release(signal);
  };
  const disarm = async (signal: AbortSignal): Promise<void> => {
    await obp.commandIfPresent({ type: OBP1.setTriggerMode, data: u8(0) }, signal);
  };
  return [clearHalts, step("initialise", initialise), drain, step("disarm", disarm)];
}

async function abort(obp: Obp, signal: AbortSignal): Promise<void> {
  try {
    await obp.commandIfPresent({ type: OBP1.abort }, signal);
  } catch (error) {
    if (!isVscopeError(error, "DEVICE_PROTOCOL", "DEVICE_TIMEOUT")) throw error;
    // The device may have taken it for the rest of a message that was broken off.
    await obp.commandIfPresent({ type: OBP1.abort }, signal);
  }
}

/** The trigger number that `quietening` leaves, where it sets one. */
export function quietTrigger({ model }: Obp): number | undefined {
  return model.protocol === "obp2" ? undefined : 0;
}

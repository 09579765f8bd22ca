// Pause and abort of what runs. piccolo3's pause is a switch: the second one continues.

import { VscopeError } from "../../base/errors.ts";
import type { Legacy } from "./legacy.ts";

/** Throws STATE_CONFLICT in piccolo3's words. */
export function requireBusy({ model }: Legacy): void {
  if (model.operations.running === undefined)
    throw new VscopeError("STATE_CONFLICT", "piccolo system is not busy");
}

export function togglePause(legacy: Legacy): null {
  requireBusy(legacy);
  const { pausing } = legacy;
  if (pausing.isAsked) pausing.resume();
  else pausing.pause();
  return null;
}

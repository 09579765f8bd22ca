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
  const { recorder } = legacy.model;
  const { phase, pausing = false } = recorder.status.value;
  if (phase === "paused" || pausing) recorder.resume();
  else recorder.pause();
  return null;
}

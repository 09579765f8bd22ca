// Names of the trigger modes, and the numbers that a firmware has for them. Pure.

import type { SpectrometerModel } from "./model.ts";

/** All modes that can be set. In `disabled`, which some firmware has, nothing is exposed. */
export const TRIGGER_MODES = ["normal", "software", "synchronization", "hardware", "level"] as const;
export type SettableMode = (typeof TRIGGER_MODES)[number];
export type TriggerModes = ReadonlyMap<SettableMode, number>;

/** How the user wants exposures to be started. */
export interface TriggerSetting {
  readonly mode: SettableMode;
  /** The device's own number of the mode, where its firmware differs from the table. */
  readonly number?: number;
  /** How long an exposure waits for its signal; for ever when absent. */
  readonly timeoutS?: number;
}

/** Names and numbers of the trigger modes that a firmware has. */
export function triggerModes({ triggers }: SpectrometerModel, fpgaMajor: number): TriggerModes {
  const modes = triggers.findLast((map) => fpgaMajor >= map.fpgaMajorFrom)?.modes ?? {};
  return new Map(
    TRIGGER_MODES.flatMap((name) => (modes[name] === undefined ? [] : [[name, modes[name]] as const])),
  );
}

/** True where the length of an exposure is not the host's to set: it lasts from signal to signal. */
export function isTimedOutside(mode: SettableMode): boolean {
  return mode === "synchronization";
}

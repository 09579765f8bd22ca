// The trigger column of the model table, read from the device's side.

import type { SpectrometerModel, TriggerMode } from "../../drivers/oceanoptics/model.ts";

const ALL = ["normal", "software", "synchronization", "hardware", "level", "disabled"] as const;

/** The meaning of a trigger number for a firmware, or undefined when it is refused. */
export function triggerMode(
  model: SpectrometerModel,
  fpgaMajor: number,
  number: number,
): TriggerMode | undefined {
  const modes = model.triggers.findLast((map) => fpgaMajor >= map.fpgaMajorFrom)?.modes ?? {};
  return ALL.find((mode) => modes[mode] === number);
}

// The scale on which units of a model agree: the maker's software shows counts so that saturation is at max counts.

import { type Correction, type Counts, type NotApplied, notApplied } from "./correction.ts";

export type GainFacts = {
  /** Without unit, at least 1. */
  readonly factor: number;
};

export interface GainLevels {
  /** Largest number the ADC can give. */
  readonly maxCounts: number;
  /** Where this unit's detector saturates, in raw counts. */
  readonly saturationLevel: number;
  /**
   * Whether the model stores its saturation level to be scaled by ("autonulling"). Others have a saturation level too,
   * such as the QE Pro's usable range, and must not be scaled by it.
   */
  readonly isGainScaled: boolean;
}

/**
 * y = x max counts / saturation level. Linear, so it may come before or after a dark correction. Never clipped.
 * Judge saturation on raw counts before. Sources: python-seabreeze (does not clip), libseabreeze (clips; takes no level
 * of 0 or above max counts, neither do we).
 */
export function scaleGain(counts: Counts, levels: GainLevels): Correction<GainFacts> {
  const factor = gainFactorOf(levels);
  if (typeof factor !== "number") return factor;
  const result = new Float64Array(counts.length);
  for (let pixel = 0; pixel < result.length; pixel++) result[pixel] = (counts[pixel] ?? 0) * factor;
  return { applied: true, counts: result, facts: { factor } };
}

/** Max counts over the saturation level, or why this instrument has no such factor. */
export function gainFactorOf({ maxCounts, saturationLevel, isGainScaled }: GainLevels): number | NotApplied {
  if (!isGainScaled) return notApplied("no-gain-scale", "the model has no gain scale");
  if (saturationLevel > 0 && saturationLevel <= maxCounts && Number.isFinite(maxCounts))
    return maxCounts / saturationLevel;
  return notApplied("level-unusable", `saturation level ${saturationLevel} is outside 0..${maxCounts}`);
}

// Gives each spectrum its quality flags at the instant of its recording: from itself, from those before it, and from
// what is known of the clock and the sun then.

import type { ReadableCell } from "../base/cell.ts";
import { definedOnly } from "../base/defined-only.ts";
import {
  DEFAULT_LIMITS,
  type QualityLimits,
  type ReferenceAge,
  type SpectraBefore,
  type Surroundings,
  verdictOn,
} from "../spectra/quality.ts";
import type { Spectrum } from "../spectra/spectrum.ts";
import { sunPosition } from "../spectra/sun.ts";
import type { ClockState } from "./clock-state.ts";
import type { Position } from "./position.ts";

/** The spectrum with its flags. A trial has nothing `before`. */
export type Judge = (spectrum: Spectrum, before: SpectraBefore | undefined) => Spectrum;

export interface JudgeParts {
  readonly limits: QualityLimits;
  readonly position: ReadableCell<Position | undefined>;
  readonly clockState: ReadableCell<ClockState>;
  /** How old the white reference of the spectrum is; undefined where there is none. */
  readonly referenceAge?: ((spectrum: Spectrum) => ReferenceAge | undefined) | undefined;
}

/** Knows the spectrum only. */
export const UNINFORMED: Judge = (spectrum) => ({
  ...spectrum,
  flags: verdictOn(spectrum, undefined, {}, DEFAULT_LIMITS),
});

export function qualityJudge({ limits, position, clockState, referenceAge }: JudgeParts): Judge {
  return (spectrum, before) => {
    const { source, errorUs } = clockState.value;
    const around = {
      ...surroundingsOf(spectrum, position.value, clockState.value),
      ...definedOnly({ reference: referenceAge?.(spectrum) }),
    };
    return {
      ...spectrum,
      flags: verdictOn(spectrum, before, around, limits),
      ...definedOnly({ clockSource: source === "unknown" ? undefined : source, clockErrorUs: errorUs }),
    };
  };
}

function surroundingsOf(
  { kind, exposureStartUtcUs }: Spectrum,
  position: Position | undefined,
  { isSynchronised, errorUs }: ClockState,
): Surroundings {
  const clock = isSynchronised === undefined ? undefined : { isSynchronised, ...definedOnly({ errorUs }) };
  const isSunWanted = kind === "light" && position !== undefined;
  return definedOnly({
    clock,
    sunElevationDeg: isSunWanted ? sunPosition(exposureStartUtcUs, position).elevationDeg : undefined,
    positionAgeS: position?.ageS,
  });
}

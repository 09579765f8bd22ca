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
import type { Spectrum, SunDirection } from "../spectra/spectrum.ts";
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
    const place = position.value;
    const sun = place === undefined ? undefined : sunDirection(spectrum.exposureStartUtcUs, place);
    const around = {
      ...surroundingsOf(place, sun, clockState.value),
      ...definedOnly({ reference: referenceAge?.(spectrum) }),
    };
    return {
      ...spectrum,
      flags: verdictOn(spectrum, before, around, limits),
      ...definedOnly({ clockSource: source === "unknown" ? undefined : source, clockErrorUs: errorUs }),
      ...definedOnly({ place, sun }),
    };
  };
}

function surroundingsOf(
  position: Position | undefined,
  sun: SunDirection | undefined,
  { isSynchronised, errorUs }: ClockState,
): Surroundings {
  const clock = isSynchronised === undefined ? undefined : { isSynchronised, ...definedOnly({ errorUs }) };
  return definedOnly({ clock, sunElevationDeg: sun?.elevationDeg, positionAgeS: position?.ageS });
}

// To 0.0001 degrees: the algorithm is good to three times that.
function sunDirection(utcUs: number, place: Position): SunDirection {
  const { elevationDeg, azimuthDeg } = sunPosition(utcUs, place);
  return { elevationDeg: rounded(elevationDeg), azimuthDeg: rounded(azimuthDeg) };
}

function rounded(degrees: number): number {
  return Math.round(degrees * 1e4) / 1e4;
}

// Errors of a live level, by the mathematics of products (spectra/processing). The noise is found from the newest spectra of the
// spectrometer: from the scatter of their scans, or from two lights of a channel with the same settings.

import type { Spectrometer } from "../instruments/spectrometer.ts";
import { atLevel, axisOf } from "../spectra/processing/at-level.ts";
import { noiseOf, type NoisePair } from "../spectra/processing/noise.ts";
import { systematicErrorOf, systematicObstacle, type Uncertain } from "../spectra/processing/systematic.ts";
import type { Level } from "./levels.ts";
import { allTaken } from "./taken.ts";

/** k = 1, in the unit of the level; or why there are none. */
export interface LevelErrors {
  readonly standard: Float64Array | string;
  readonly systematic: Float64Array | string;
}

const made = new WeakMap<Level, LevelErrors>();

/** The same each time for a level. */
export function errorsOf(level: Level, spectrometer: Spectrometer): LevelErrors {
  const before = made.get(level);
  if (before !== undefined) return before;
  const errors = { standard: standardErrorOf(level, spectrometer), systematic: systematicOf(level) };
  made.set(level, errors);
  return errors;
}

function standardErrorOf({ sources }: Level, spectrometer: Spectrometer): Float64Array | string {
  const noise = noiseOf(newestPairs(spectrometer));
  const found = noise && atLevel(sources, noise).standardError;
  return found ?? "too few spectra to find the noise of the detector: scans of 8 or more tell it";
}

function newestPairs(spectrometer: Spectrometer): readonly NoisePair[] {
  return spectrometer.channels.flatMap((channel) => {
    const taken = allTaken(spectrometer, channel).map(({ exposed }) => exposed);
    const [newest, other] = taken;
    if (newest === undefined) return [];
    const alone = taken.flatMap(({ light, dark }) => [
      { light, dark },
      { light: dark, dark },
    ]);
    const ofScans = alone.map((one): NoisePair => [one, one]);
    const isAlike = other?.light.integrationTimeUs === newest.light.integrationTimeUs;
    return other !== undefined && isAlike ? [...ofScans, [newest, other]] : ofScans;
  });
}

function systematicOf({
  sources,
  curve,
  calibration,
  calibrations,
  reference,
}: Level): Float64Array | string {
  const parts: readonly (Uncertain | undefined)[] =
    reference === undefined
      ? [calibration, calibrations?.radiance, calibrations?.irradiance]
      : [reference.panel];
  const used = parts.filter((one) => one !== undefined);
  return systematicObstacle(used) ?? systematicErrorOf(curve.values, axisOf(sources.target.light), used);
}

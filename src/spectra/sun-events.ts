// When the sun is where somebody wants it: noon, rise and set of a solar day, and its way through any elevation. A solar
// day lasts from one lower passage of the meridian to the next, so at every place it has one noon, and a rise before it
// and a set after it, unless the sun stays up or down.

import { SECOND } from "../base/clock.ts";
import { type Place, sunHourAngleDeg, sunPosition } from "./sun.ts";

/** Elevation of the centre when the upper edge is seen at a flat horizon: refraction of 34 and a radius of 16 minutes. */
export const SUNRISE_DEG = -0.8333;

const DAY_US = 86_400 * SECOND;
const DEGREE_US = DAY_US / 360;
const CLOSE_US = SECOND / 100;

export interface SunTimes {
  readonly noonUtcUs: number;
  /** Absent when the sun does not pass the elevation on that day. */
  readonly risingUtcUs?: number;
  readonly settingUtcUs?: number;
}

/** Number of the solar day of a moment, counted from 1970; noon of day n is near (n + 0.5) days less the longitude. */
export function solarDay(utcUs: number, { longitudeDeg }: Place): number {
  return Math.floor(utcUs / DAY_US + longitudeDeg / 360);
}

/** Noon of a solar day, and when the sun rises and sets through an elevation on it. */
export function sunTimes(day: number, place: Place, elevationDeg = SUNRISE_DEG): SunTimes {
  const noonUtcUs = meridianPassage((day + 0.5 - place.longitudeDeg / 360) * DAY_US, place, 0);
  const before = meridianPassage(noonUtcUs - DAY_US / 2, place, 180);
  const after = meridianPassage(noonUtcUs + DAY_US / 2, place, 180);
  const risingUtcUs = passage({ fromUtcUs: before, toUtcUs: noonUtcUs }, place, elevationDeg);
  const settingUtcUs = passage({ fromUtcUs: after, toUtcUs: noonUtcUs }, place, elevationDeg);
  return {
    noonUtcUs,
    ...(risingUtcUs === undefined ? {} : { risingUtcUs }),
    ...(settingUtcUs === undefined ? {} : { settingUtcUs }),
  };
}

// The hour angle grows by 15 degrees an hour, but for seconds a day: two steps are enough.
function meridianPassage(nearUtcUs: number, place: Place, hourAngleDeg: number): number {
  let utcUs = nearUtcUs;
  for (let step = 0; step < 3; step++) {
    const ahead = sunHourAngleDeg(utcUs, place) - hourAngleDeg;
    utcUs -= (ahead - 360 * Math.round(ahead / 360)) * DEGREE_US;
  }
  return Math.round(utcUs);
}

// From a low sun to a high one, by halving; `from` may be later than `to`.
function passage(
  { fromUtcUs, toUtcUs }: { readonly fromUtcUs: number; readonly toUtcUs: number },
  place: Place,
  elevationDeg: number,
): number | undefined {
  const isAbove = (utcUs: number): boolean => sunPosition(utcUs, place).elevationDeg > elevationDeg;
  if (isAbove(fromUtcUs) || !isAbove(toUtcUs)) return undefined;
  let [below, above] = [fromUtcUs, toUtcUs];
  while (Math.abs(above - below) > CLOSE_US) {
    const middle = (below + above) / 2;
    if (isAbove(middle)) above = middle;
    else below = middle;
  }
  return Math.round(above);
}

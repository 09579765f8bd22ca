// Where the emulated instruments stand, and how high the sun is there.

import { SECOND } from "../../base/clock.ts";

export interface Site {
  readonly latitudeDeg: number;
  readonly longitudeDeg: number;
  /** The sun's declination; `season` follows the date. */
  readonly declinationDeg: number | "season";
}

/** Midsummer at Ny-Ålesund: the sun does not set, so there is light whenever somebody tries the server. */
export const MIDNIGHT_SUN: Site = { latitudeDeg: 78.9, longitudeDeg: 11.9, declinationDeg: 23.44 };

const DAY_US = 86_400 * SECOND;
const DEG = Math.PI / 180;
/** 2000-01-01T00:00Z as the start of the year's phase. */
const Y2000_DAYS = 10_957;

/** Elevation of the sun's centre in degrees; no refraction, no equation of time (off by up to 4 degrees of hour angle). */
export function sunElevationDeg(site: Site, utcUs: number): number {
  const hourAngle = ((utcUs / DAY_US) % 1) * 360 - 180 + site.longitudeDeg;
  const declination = declinationDeg(site, utcUs) * DEG;
  const latitude = site.latitudeDeg * DEG;
  const sine =
    Math.sin(latitude) * Math.sin(declination) +
    Math.cos(latitude) * Math.cos(declination) * Math.cos(hourAngle * DEG);
  return Math.asin(sine) / DEG;
}

function declinationDeg(site: Site, utcUs: number): number {
  if (site.declinationDeg !== "season") return site.declinationDeg;
  const dayOfYear = (utcUs / DAY_US - Y2000_DAYS) % 365.25;
  return -23.44 * Math.cos((2 * Math.PI * (dayOfYear + 10)) / 365.25);
}

// Where the sun is: the Solar Position Algorithm of Reda and Andreas (NREL/TP-560-34302, 2008), good to 0.0003 degrees.
// The numbers in brackets are its equations. The earth's rotation is not known ahead: its lag of 69.2 s (2020 to 2026) is
// taken for all times, which is worth less than 0.0002 degrees from 1985 to 2060.

import { SECOND } from "../base/clock.ts";
import { DISTANCE, LATITUDE, LONGITUDE, NUTATION } from "./earth-orbit.ts";

export interface Place {
  /** North is positive. */
  readonly latitudeDeg: number;
  /** East is positive. */
  readonly longitudeDeg: number;
  /** Above sea level. */
  readonly heightM: number;
}

/** What bends the light; the standard atmosphere of the height when it is not given. */
export interface Air {
  readonly pressureHpa: number;
  readonly temperatureC: number;
}

export interface SunPosition {
  /** Of the sun's centre, geometric: without refraction. */
  readonly elevationDeg: number;
  /** Clockwise from true north. */
  readonly azimuthDeg: number;
  /** Where it is seen; the geometric one when all of it is below the horizon. */
  readonly refractedElevationDeg: number;
  readonly distanceAu: number;
}

const DEG = Math.PI / 180;
const DAY_US = 86_400 * SECOND;
/** Julian day of 1970-01-01T00:00Z, and of the epoch of the tables. */
const JD_1970 = 2_440_587.5;
const JD_2000 = 2_451_545;
const EARTH_LAG_DAYS = 69.2 / 86_400;
const EARTH_RADIUS_M = 6_378_140;
const EARTH_FLATTENING = 0.99664719;

/** The sun as seen from a place. */
export function sunPosition(utcUs: number, place: Place, air = standardAir(place.heightM)): SunPosition {
  const { hourAngle, declination, distanceAu } = topocentricSun(utcUs, place);
  const latitude = place.latitudeDeg * DEG;
  const sine =
    Math.sin(latitude) * Math.sin(declination) +
    Math.cos(latitude) * Math.cos(declination) * Math.cos(hourAngle); // (41)
  const elevationDeg = Math.asin(Math.min(1, Math.max(-1, sine))) / DEG;
  const fromSouth = Math.atan2(
    Math.sin(hourAngle) * Math.cos(declination),
    Math.cos(hourAngle) * Math.sin(latitude) * Math.cos(declination) -
      Math.sin(declination) * Math.cos(latitude),
  ); // (45), with both sides times the cosine of the declination
  return {
    elevationDeg,
    azimuthDeg: modulo(fromSouth / DEG + 180, 360),
    refractedElevationDeg: elevationDeg + refractionDeg(elevationDeg, air),
    distanceAu,
  };
}

/** How far the sun is past the meridian, -180..180 degrees; 0 at solar noon. */
export function sunHourAngleDeg(utcUs: number, place: Place): number {
  return modulo(topocentricSun(utcUs, place).hourAngle / DEG + 180, 360) - 180;
}

interface TopocentricSun {
  /** Radians, all of them. */
  readonly hourAngle: number;
  readonly declination: number;
  readonly distanceAu: number;
}

function topocentricSun(utcUs: number, { latitudeDeg, longitudeDeg, heightM }: Place): TopocentricSun {
  const days = utcUs / DAY_US + JD_1970 - JD_2000;
  const { rightAscension, declination, sidereal, distanceAu } = geocentricSun(days);
  const hourAngle = sidereal + longitudeDeg * DEG - rightAscension; // (32)
  const parallax = (8.794 / 3600 / distanceAu) * DEG; // (33)
  const latitude = latitudeDeg * DEG;
  const reduced = Math.atan(EARTH_FLATTENING * Math.tan(latitude)); // (34)
  const height = heightM / EARTH_RADIUS_M;
  const x = (Math.cos(reduced) + height * Math.cos(latitude)) * Math.sin(parallax); // (35)
  const y = (EARTH_FLATTENING * Math.sin(reduced) + height * Math.sin(latitude)) * Math.sin(parallax); // (36)
  const east = -x * Math.sin(hourAngle);
  const out = Math.cos(declination) - x * Math.cos(hourAngle);
  const shift = Math.atan2(east, out); // (37)
  return {
    hourAngle: hourAngle - shift, // (40)
    declination: Math.atan2((Math.sin(declination) - y) * Math.cos(shift), out), // (39)
    distanceAu,
  };
}

interface GeocentricSun {
  readonly rightAscension: number;
  readonly declination: number;
  /** Apparent sidereal time at Greenwich. */
  readonly sidereal: number;
  readonly distanceAu: number;
}

function geocentricSun(days: number): GeocentricSun {
  const centuries = (days + EARTH_LAG_DAYS) / 36_525; // (7)
  const millennia = centuries / 10;
  const distanceAu = sumOfSeries(DISTANCE, millennia);
  const { longitudeNutation, obliquityNutation } = nutation(centuries);
  const aberration = (-20.4898 / 3600 / distanceAu) * DEG; // (26)
  const longitude = sumOfSeries(LONGITUDE, millennia) + Math.PI + longitudeNutation + aberration; // (13), (27)
  const latitude = -sumOfSeries(LATITUDE, millennia); // (14)
  const obliquity = meanObliquity(millennia) + obliquityNutation; // (25)
  const universal = days / 36_525;
  const meanSiderealDeg =
    280.46061837 + 360.98564736629 * days + universal ** 2 * (0.000387933 - universal / 38_710_000); // (28)
  return {
    rightAscension: Math.atan2(
      Math.sin(longitude) * Math.cos(obliquity) - Math.tan(latitude) * Math.sin(obliquity),
      Math.cos(longitude),
    ), // (30)
    declination: Math.asin(
      Math.sin(latitude) * Math.cos(obliquity) +
        Math.cos(latitude) * Math.sin(obliquity) * Math.sin(longitude),
    ), // (31)
    sidereal: modulo(meanSiderealDeg, 360) * DEG + longitudeNutation * Math.cos(obliquity), // (29)
    distanceAu,
  };
}

// (9) to (11): the tables have one list for each power of the time.
function sumOfSeries(series: typeof LONGITUDE, millennia: number): number {
  let sum = 0;
  let power = 1;
  for (const terms of series) {
    for (const [a, b, c] of terms) sum += power * a * Math.cos(b + c * millennia);
    power *= millennia;
  }
  return sum * 1e-8;
}

function nutation(centuries: number): {
  readonly longitudeNutation: number;
  readonly obliquityNutation: number;
} {
  const t = centuries;
  const x0 = 297.85036 + 445_267.11148 * t - 0.0019142 * t ** 2 + t ** 3 / 189_474; // (15)
  const x1 = 357.52772 + 35_999.05034 * t - 0.0001603 * t ** 2 - t ** 3 / 300_000; // (16)
  const x2 = 134.96298 + 477_198.867398 * t + 0.0086972 * t ** 2 + t ** 3 / 56_250; // (17)
  const x3 = 93.27191 + 483_202.017538 * t - 0.0036825 * t ** 2 + t ** 3 / 327_270; // (18)
  const x4 = 125.04452 - 1_934.136261 * t + 0.0020708 * t ** 2 + t ** 3 / 450_000; // (19)
  let longitude = 0;
  let obliquity = 0;
  for (const { y, psi, epsilon } of NUTATION) {
    const argument = (x0 * y[0] + x1 * y[1] + x2 * y[2] + x3 * y[3] + x4 * y[4]) * DEG;
    longitude += (psi[0] + psi[1] * t) * Math.sin(argument); // (20)
    obliquity += (epsilon[0] + epsilon[1] * t) * Math.cos(argument); // (21)
  }
  return {
    longitudeNutation: (longitude / 36e6) * DEG,
    obliquityNutation: (obliquity / 36e6) * DEG,
  };
}

// (24), arc seconds, in powers of ten thousand years.
const OBLIQUITY = [
  84_381.448, -4680.93, -1.55, 1999.25, -51.38, -249.67, -39.05, 7.12, 27.87, 5.79, 2.45,
] as const;

function meanObliquity(millennia: number): number {
  const u = millennia / 10;
  return (OBLIQUITY.reduceRight<number>((sum, term) => sum * u + term, 0) / 3600) * DEG;
}

/** How much higher than it is the sun is seen, (42). */
function refractionDeg(elevationDeg: number, { pressureHpa, temperatureC }: Air): number {
  // The sun's radius, and the refraction at the horizon.
  if (elevationDeg < -(0.26667 + 0.5667)) return 0;
  const bend = 1.02 / (60 * Math.tan((elevationDeg + 10.3 / (elevationDeg + 5.11)) * DEG));
  return (pressureHpa / 1010) * (283 / (273 + temperatureC)) * bend;
}

/** The standard atmosphere (ISO 2533) of the troposphere. */
function standardAir(heightM: number): Air {
  const temperatureC = 15 - 0.0065 * heightM;
  return { temperatureC, pressureHpa: 1013.25 * ((273.15 + temperatureC) / 288.15) ** 5.2559 };
}

function modulo(value: number, period: number): number {
  return value - period * Math.floor(value / period);
}

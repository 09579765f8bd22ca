import assert from "node:assert/strict";
import { test } from "node:test";
import { MS } from "../../src/base/clock.ts";
import { type Place, sunHourAngleDeg, sunPosition } from "../../src/spectra/sun.ts";
import { solarDay, sunTimes } from "../../src/spectra/sun-events.ts";

const at = (iso: string): number => Date.parse(iso) * MS;
const place = (latitudeDeg: number, longitudeDeg: number, heightM = 0): Place => ({
  latitudeDeg,
  longitudeDeg,
  heightM,
});
/** Of two directions, the short way round. */
const apart = (a: number, b: number): number => Math.abs(((a - b + 540) % 360) - 180);

test("the example of NREL/TP-560-34302: zenith 50.11162, azimuth 194.34024", () => {
  const golden = place(39.742476, -105.1786, 1830.14);
  const air = { pressureHpa: 820, temperatureC: 11 };
  const sun = sunPosition(at("2003-10-17T12:30:30-07:00"), golden, air);
  assert.ok(Math.abs(90 - sun.refractedElevationDeg - 50.11162) < 5e-5, String(sun.refractedElevationDeg));
  assert.ok(Math.abs(sun.azimuthDeg - 194.34024) < 5e-5, String(sun.azimuthDeg));
  assert.ok(Math.abs(sun.distanceAu - 0.9965422974) < 1e-7, String(sun.distanceAu));
  const refraction = sun.refractedElevationDeg - sun.elevationDeg;
  assert.ok(Math.abs(refraction - 0.016332) < 2e-6, String(refraction));
});

/** pvlib 0.16.1, spa_python, delta T 69.2 s: time, latitude, longitude, height, elevation without refraction, azimuth, distance. */
const PVLIB: readonly (readonly [string, number, number, number, number, number, number])[] = [
  ["1995-02-28T23:59:59Z", 78.9, 11.9, 10, -18.81206, 9.16899, 0.990754],
  ["2024-06-20T20:50:00Z", 78.9, 11.9, 10, 14.32735, 326.13602, 1.016195],
  ["2026-09-23T00:05:00Z", 78.9, 11.9, 10, -10.71888, 15.28617, 1.003577],
  ["2049-07-04T03:15:30Z", 78.9, 11.9, 10, 16.92237, 56.23086, 1.016672],
  ["2004-12-21T11:30:00Z", 51.48, -0.01, 46, 14.81841, 173.2812, 0.983699],
  ["2026-03-20T14:46:00Z", 51.48, -0.01, 46, 28.65684, 226.63722, 0.995918],
  ["2026-11-21T16:30:00Z", 51.48, -0.01, 46, -4.44135, 243.01842, 0.98786],
  ["1995-02-28T23:59:59Z", 55.92, -3.17, 80, -41.66761, 351.61673, 0.990754],
  ["2024-06-20T20:50:00Z", 55.92, -3.17, 80, 0.3824, 314.4215, 1.016195],
  ["2026-09-23T00:05:00Z", 55.92, -3.17, 80, -34.08194, 359.93146, 1.003577],
  ["2049-07-04T03:15:30Z", 55.92, -3.17, 80, -2.66684, 40.35541, 1.016672],
  ["2004-12-21T11:30:00Z", 0.0, 0.0, 0, 65.57261, 164.14944, 0.983699],
  ["2026-03-20T14:46:00Z", 0.0, 0.0, 0, 50.34907, 270.00025, 0.995918],
  ["2026-11-21T16:30:00Z", 0.0, 0.0, 0, 17.78908, 248.93305, 0.98786],
  ["1995-02-28T23:59:59Z", -33.86, 151.21, 39, 50.73021, 55.87428, 0.990754],
  ["2024-06-20T20:50:00Z", -33.86, 151.21, 39, -2.68579, 63.37967, 1.016195],
  ["2026-09-23T00:05:00Z", -33.86, 151.21, 39, 48.45046, 40.79029, 1.003577],
  ["2049-07-04T03:15:30Z", -33.86, 151.21, 39, 30.50414, 339.66906, 1.016672],
  ["2004-12-21T11:30:00Z", -77.85, 166.67, 34, 11.99689, 199.08493, 0.983699],
  ["2026-03-20T14:46:00Z", -77.85, 166.67, 34, -10.87678, 153.16123, 0.995918],
  ["2026-11-21T16:30:00Z", -77.85, 166.67, 34, 13.23027, 125.33278, 0.98786],
  ["1995-02-28T23:59:59Z", 90, 0, 0, -7.84683, 356.85802, 0.990754],
  ["2024-06-20T20:50:00Z", 90, 0, 0, 23.43603, 312.05368, 1.016195],
  ["2026-09-23T00:05:00Z", 90, 0, 0, -0.00238, 3.11323, 1.003577],
  ["2049-07-04T03:15:30Z", 90, 0, 0, 22.83076, 47.74335, 1.016672],
  ["2004-12-21T11:30:00Z", -90, 0, 2835, 23.43845, 7.07133, 0.983699],
  ["2026-03-20T14:46:00Z", -90, 0, 2835, -0.0026, 320.35063, 0.995918],
  ["2026-11-21T16:30:00Z", -90, 0, 2835, 20.01277, 288.97732, 0.98786],
  ["1995-02-28T23:59:59Z", 28.3, -16.5, 2390, -62.39933, 314.05182, 0.990754],
  ["2024-06-20T20:50:00Z", 28.3, -16.5, 2390, -9.20281, 303.01482, 1.016195],
  ["2026-09-23T00:05:00Z", 28.3, -16.5, 2390, -58.93307, 333.34366, 1.003577],
  ["2049-07-04T03:15:30Z", 28.3, -16.5, 2390, -30.6544, 33.75693, 1.016672],
  ["2004-12-21T11:30:00Z", -22.95, -67.75, 5000, 22.10364, 107.11412, 0.983699],
  ["2026-03-20T14:46:00Z", -22.95, -67.75, 5000, 54.31951, 53.86101, 0.995918],
  ["2026-11-21T16:30:00Z", -22.95, -67.75, 5000, 85.77083, 313.33177, 0.98786],
];

test("agrees with another implementation over years, latitudes and both poles", (context) => {
  let worst = 0;
  for (const [time, latitude, longitude, height, elevation, azimuth, distance] of PVLIB) {
    const sun = sunPosition(at(time), place(latitude, longitude, height));
    const off = [
      Math.abs(sun.elevationDeg - elevation),
      apart(sun.azimuthDeg, azimuth) * Math.cos((elevation * Math.PI) / 180),
      Math.abs(sun.distanceAu - distance),
    ];
    worst = Math.max(worst, ...off);
    assert.ok(Math.max(...off) < 2e-5, `${time} ${latitude} ${longitude}: ${off.join(" ")}`);
  }
  context.diagnostic(`largest difference ${worst.toExponential(1)} degrees over ${PVLIB.length} moments`);
});

/** pvlib 0.16.1, sun_rise_set_transit_spa, which is good to some seconds (but on the UTC day before, where its elevation was
 * searched for -0.8333 degrees instead); undefined where the sun does not rise. */
const DAYS: readonly (readonly [string, number, number, string | undefined, string, string | undefined])[] = [
  ["2026-06-21", 55.92, -3.17, "2026-06-21T03:26:26Z", "2026-06-21T12:14:30Z", "2026-06-21T21:02:33Z"],
  ["2026-12-21", 55.92, -3.17, "2026-12-21T08:41:45Z", "2026-12-21T12:10:45Z", "2026-12-21T15:39:45Z"],
  ["2026-11-21", -33.86, 151.21, "2026-11-20T18:40:29Z", "2026-11-21T01:40:55Z", "2026-11-21T08:41:46Z"],
  ["2026-06-21", 78.9, 11.9, undefined, "2026-06-21T11:14:13Z", undefined],
  ["2026-12-21", 78.9, 11.9, undefined, "2026-12-21T11:10:31Z", undefined],
  ["2026-03-20", 0, 0, "2026-03-20T06:04:11Z", "2026-03-20T12:07:26Z", "2026-03-20T18:10:42Z"],
  ["2026-04-10", 69.65, 18.96, "2026-04-10T03:06:54Z", "2026-04-10T10:45:27Z", "2026-04-10T18:26:51Z"],
];

test("noon, rise and set of a solar day; none where the sun stays up or down", () => {
  for (const [date, latitude, longitude, rise, noon, set] of DAYS) {
    const here = place(latitude, longitude);
    const day = solarDay(at(noon), here);
    const times = sunTimes(day, here);
    // The slow sun of the far north, seen by an algorithm that interpolates.
    const toleranceS = Math.abs(latitude) > 66 ? 60 : 5;
    for (const [found, expected] of [
      [times.risingUtcUs, rise],
      [times.noonUtcUs, noon],
      [times.settingUtcUs, set],
    ] as const) {
      if (expected === undefined) assert.equal(found, undefined, `${date} ${latitude}`);
      else
        assert.ok(
          Math.abs((found ?? 0) - at(expected)) < toleranceS * 1e6,
          `${date} ${latitude}: ${new Date((found ?? 0) / MS).toISOString()} is not ${expected}`,
        );
    }
  }
});

test("through an elevation twice a day, at it; the sun is in the south at a northern noon and in the north at a southern", () => {
  for (const here of [
    place(55.92, -3.17, 80),
    place(-33.86, 151.21, 39),
    place(10, 179.9),
    place(-40, -179.9),
  ]) {
    const day = solarDay(at("2026-10-01T00:00:00Z"), here);
    const { risingUtcUs = 0, noonUtcUs, settingUtcUs = 0 } = sunTimes(day, here, 20);
    assert.ok(risingUtcUs < noonUtcUs && noonUtcUs < settingUtcUs);
    for (const utcUs of [risingUtcUs, settingUtcUs])
      assert.ok(Math.abs(sunPosition(utcUs, here).elevationDeg - 20) < 1e-4);
    assert.ok(Math.abs(sunHourAngleDeg(noonUtcUs, here)) < 1e-4);
    const { azimuthDeg } = sunPosition(noonUtcUs, here);
    assert.ok(apart(azimuthDeg, here.latitudeDeg < -5 ? 0 : 180) < 0.01, String(azimuthDeg));
    assert.equal(solarDay(noonUtcUs, here), day);
    assert.equal(sunTimes(day + 1, here).noonUtcUs > noonUtcUs + 86_300e6, true);
  }
});

test("at the pole the sun neither rises nor sets, but about the equinoxes", () => {
  const pole = place(90, 0);
  const first = solarDay(at("2026-01-01T12:00:00Z"), pole);
  const rises = Array.from({ length: 365 }, (_, day) => sunTimes(first + day, pole))
    .map(({ risingUtcUs, settingUtcUs }) => risingUtcUs ?? settingUtcUs)
    .filter((utcUs) => utcUs !== undefined)
    .map((utcUs) => new Date(utcUs / MS).toISOString().slice(0, 7));
  assert.ok(rises.length <= 2);
  assert.ok(
    rises.every((month) => month === "2026-03" || month === "2026-09"),
    rises.join(" "),
  );
});

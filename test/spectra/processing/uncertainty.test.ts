import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { PicoSpectrum } from "../../../src/spectra/pico.ts";
import { atLevel } from "../../../src/spectra/processing/at-level.ts";
import { darkened } from "../../../src/spectra/processing/dark-choice.ts";
import { noiseOf } from "../../../src/spectra/processing/noise.ts";
import type { RadiometricCalibration } from "../../../src/spectra/radiometric.ts";
import { sampleSpectrum } from "../../client/sample-spectra.ts";

const NOISE = { readNoiseCounts: 20, electronsPerCount: 1.5 };
const PLACE = { serial: "FLMS01859", sequence: 0 };

function measured(channel: string, change: Partial<PicoSpectrum> = {}, darks = 1) {
  const light = { ...sampleSpectrum({ ...PLACE, channel, kind: "light" }), ...change };
  const dark = sampleSpectrum({ ...PLACE, channel, kind: "dark" });
  return darkened(
    light,
    Array.from({ length: darks }, () => ({ item: dark, weight: 1 / darks })),
  );
}

test("errors of rates by hand: read noise of light and dark, photon noise, scans", () => {
  const error = (change: Partial<PicoSpectrum> = {}, darks = 1): number =>
    atLevel({ level: "corrected", target: measured("downwelling", change, darks) }, NOISE)
      .standardError?.[0] ?? Number.NaN;
  // 1000 counts in 10 ms.
  assert.ok(Math.abs(error() - Math.sqrt(400 + 1000 / 1.5 + 400) * 100) < 1e-6);
  assert.ok(Math.abs(error({}, 2) - Math.sqrt(400 + 1000 / 1.5 + 200) * 100) < 1e-6);
  const processing = { scans: 4, boxcarHalfWidth: 0, binning: 0 };
  assert.ok(Math.abs(error({ processing }) - Math.sqrt((400 + 1000 / 1.5) / 4 + 400) * 100) < 1e-6);
});

test("the nonlinearity polynomial changes errors by the slope of its correction", () => {
  const target = measured("downwelling", { nonlinearityCoefficients: [1, -1e-5] });
  const found = atLevel({ level: "corrected", target }, NOISE).standardError?.[0] ?? Number.NaN;
  // d/ds s / (1 - 1e-5 s) = 1 / (1 - 1e-5 s)^2 at s = 1000.
  const expected = (Math.sqrt(800 + 1000 / 1.5) * 100) / 0.99 ** 2;
  assert.ok(Math.abs(found / expected - 1) < 1e-5);
});

test("reflectance: both errors in squares; a pixel without value has no error, and no pixel a negative one", () => {
  const counts = sampleSpectrum({ ...PLACE, channel: "upwelling", kind: "light" }).counts.with(5, 60_000);
  const [target, sky] = [measured("upwelling", { counts }), measured("downwelling")];
  const row = atLevel({ level: "reflectance", target, irradiance: [sky] }, NOISE);
  const { values, standardError = assert.fail() } = row;
  assert.ok(Number.isNaN(values[5]) && Number.isNaN(standardError[5]));
  const relative = Math.hypot(Math.sqrt(800 + 1000 / 1.5) / 1000, Math.sqrt(800 + 1000 / 1.5) / 1000);
  assert.ok(Math.abs((standardError[0] ?? 0) / (0.25 * relative) - 1) < 1e-6);
  assert.ok(standardError.every((error) => Number.isNaN(error) || error > 0));
  const both = atLevel({ level: "reflectance", target, irradiance: [sky, sky] }, NOISE);
  assert.deepEqual(both.values, values);
  assert.equal(atLevel({ level: "reflectance", target, irradiance: [sky] }).standardError, undefined);
});

test("with calibrations of both channels reflectance and its error are those of pi L / E", () => {
  const calibration = (quantity: "radiance" | "irradiance", factor: number): RadiometricCalibration => ({
    quantity,
    ...PLACE,
    channel: "any",
    source: "any.csv",
    axis: "wavelength",
    factors: { wavelengthsNm: Float64Array.of(200, 1200), values: Float64Array.of(factor, factor) },
  });
  const pair = { radiance: calibration("radiance", 3e-7), irradiance: calibration("irradiance", 2e-6) };
  const [target, sky] = [measured("upwelling"), measured("downwelling")];
  for (const irradiance of [[sky], [sky, sky]]) {
    const counts = atLevel({ level: "reflectance", target, irradiance }, NOISE);
    const physical = atLevel({ level: "reflectance", target, irradiance, pair }, NOISE);
    const factor = (Math.PI * 3e-7) / 2e-6;
    for (const key of ["values", "standardError"] as const)
      assert.ok(Math.abs((physical[key]?.[9] ?? 0) / (counts[key]?.[9] ?? 0) / factor - 1) < 1e-9, key);
  }
});

test("errors fall with the root of the scans; a brighter sky scales reflectance and its error by the same factor", () => {
  const scans = fc.integer({ min: 1, max: 10_000 });
  const brightness = fc.double({ min: 0.1, max: 4, noNaN: true });
  fc.assert(
    fc.property(scans, brightness, fc.boolean(), (count, share, isTwice) => {
      const processing = { scans: count, boxcarHalfWidth: 0, binning: 0 };
      const one = measured("upwelling");
      const dark = { ...one.dark, processing };
      const many = darkened({ ...one.light, processing }, [{ item: dark, weight: 1 }]);
      const [single, mean] = [one, many].map(
        (target) => atLevel({ level: "corrected", target }, NOISE).standardError?.[9] ?? Number.NaN,
      );
      assert.ok(Math.abs(((mean ?? 0) * Math.sqrt(count)) / (single ?? 0) - 1) < 1e-9);
      // The same light in less time: the rate is larger, the counts and their noise are not.
      const integrationTimeUs = Math.round(10_000 / share);
      const sky = measured("downwelling");
      const brighter = darkened({ ...sky.light, integrationTimeUs }, [
        { item: { ...sky.dark, integrationTimeUs }, weight: 1 },
      ]);
      const [before, after] = [sky, brighter].map((light) =>
        atLevel({ level: "reflectance", target: one, irradiance: isTwice ? [light, light] : [light] }, NOISE),
      );
      const factor = integrationTimeUs / 10_000;
      for (const key of ["values", "standardError"] as const)
        assert.ok(Math.abs((after?.[key]?.[9] ?? 0) / (before?.[key]?.[9] ?? 0) / factor - 1) < 1e-9);
    }),
  );
});

test("with too few spectra, or without noise, there is no noise model", () => {
  assert.equal(noiseOf([]), undefined);
  const [one, other] = [measured("upwelling"), measured("upwelling")];
  assert.equal(noiseOf([[one, other]]), undefined);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { CalibrationShelf, type GivenCalibration } from "../../src/export/calibration-shelf.ts";
import type { Indexed } from "../../src/export/input-run.ts";
import type { PicoSpectrum } from "../../src/spectra/pico.ts";
import { recordedOf } from "../../src/spectra/processing/dark-choice.ts";
import type { Quantity, RadiometricCalibration } from "../../src/spectra/radiometric.ts";
import { sampleSpectrum } from "../client/sample-spectra.ts";

const SERIAL = "FLMS01859";

function light(channel: string, change: Partial<PicoSpectrum> = {}): Indexed {
  const spectrum = { ...sampleSpectrum({ serial: SERIAL, channel, kind: "light", sequence: 0 }), ...change };
  const place = { position: 0, batch: 0, sameHead: "", panel: null };
  return { ...recordedOf(spectrum, "b000000_s000000_light.pico"), kind: "light", ...place };
}

function calibration(
  channel: string,
  quantity: Quantity,
  change: Partial<RadiometricCalibration> = {},
): RadiometricCalibration {
  const factors = { wavelengthsNm: Float64Array.of(200, 1200), values: Float64Array.of(1, 1) };
  return {
    quantity,
    serial: SERIAL,
    channel,
    source: `${channel}.csv`,
    axis: "wavelength",
    factors,
    ...change,
  };
}

const UP = calibration("upwelling", "radiance");
const DOWN = calibration("downwelling", "irradiance");
const [GROUND, SKY] = [light("upwelling"), light("downwelling")];

function pairOf(given: readonly GivenCalibration[], ground = GROUND, skies: readonly Indexed[] = [SKY]) {
  return new CalibrationShelf(given).pairOf(ground, skies);
}

function obstacleIn(found: ReturnType<typeof pairOf>): string {
  return typeof found === "string" ? found : assert.fail("it serves");
}

test("both that serve make a reflectance; without any it is a ratio, and nothing is to tell", () => {
  assert.deepEqual(pairOf([DOWN, UP]), { radiance: UP, irradiance: DOWN });
  assert.equal(pairOf([]), undefined);
  assert.equal(pairOf([calibration("nadir", "radiance")]), undefined);
});

test("one that does not serve one of the spectra leaves a ratio, and why", () => {
  const binned = { processing: { scans: 1, boxcarHalfWidth: 0, binning: 1 } };
  const validUntilUtcUs = SKY.exposureStartUtcUs;
  const stored = { serial: SERIAL, channel: "downwelling", microjoules: [1], collectionAreaCm2: 1, gain: 1 };
  assert.equal(pairOf([DOWN]), "no calibration of FLMS01859 upwelling was given");
  assert.equal(pairOf([UP]), "no calibration of FLMS01859 downwelling was given");
  assert.equal(
    pairOf([DOWN, calibration("upwelling", "irradiance")]),
    "the calibration of FLMS01859 upwelling is one of irradiance, there is none of radiance",
  );
  const expired = calibration("downwelling", "irradiance", { validUntilUtcUs });
  assert.match(
    obstacleIn(pairOf([expired, UP])),
    /^the calibration of FLMS01859 downwelling was valid until \d/,
  );
  const until = calibration("downwelling", "irradiance", { validUntilUtcUs: validUntilUtcUs + 1 });
  assert.deepEqual(pairOf([until, UP]), { radiance: UP, irradiance: until });
  const later = light("downwelling", { exposureStartUtcUs: validUntilUtcUs + 1 });
  assert.match(obstacleIn(pairOf([until, UP], GROUND, [SKY, later])), /was valid until/);
  assert.match(obstacleIn(pairOf([DOWN, UP], light("upwelling", binned))), /binned/);
  assert.deepEqual(pairOf([stored, UP]), { radiance: UP, irradiance: stored });
  assert.equal(pairOf([{ serial: SERIAL, channel: "downwelling", problem: "unplugged" }, UP]), "unplugged");
});

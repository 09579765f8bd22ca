// Irradiance and radiance of the emulated scene. The calibrations are made from the response of the emulated unit itself
// (counts per second for 1 W m-2 nm-1, pixel by pixel), so that what comes out must be the light of the scene.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { SILENT } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { createEmulatedInstrument } from "../../src/emulator/instrument.ts";
import {
  CONFIGURATION,
  factorsOf,
  FLAME,
  LevelsRig,
  type LevelValue,
  radiometricText,
} from "../support/levels.ts";

// The same serial number has the same response everywhere.
const UNIT = createEmulatedInstrument({ clock: new VirtualClock(), log: SILENT });
const DETECTOR = UNIT.devices.get(FLAME)?.spectrometer.detector ?? assert.fail();

// What reaches the bare fibre of an even (Lambertian) target: radiance is irradiance times reflectance over pi.
const FILES = {
  "down.csv": radiometricText(
    "irradiance",
    "downwelling",
    factorsOf(DETECTOR, (response) => 1 / response),
  ),
  "up.csv": radiometricText(
    "radiance",
    "upwelling",
    factorsOf(DETECTOR, (response) => 1 / (Math.PI * response)),
  ),
};

/** The scene's light at a pixel, as wide as the line shape of the instrument has it. */
function lightAt(rig: LevelsRig, channel: string, pixel: number): number {
  const { instrument } = rig;
  const { scene } = instrument.emulated;
  const { exposureStartUs = 0, integrationTimeUs = 0 } =
    instrument.model.rack.spectrometer(FLAME).newest(channel).value ?? {};
  const sigmaNm = DETECTOR.profile.resolutionNm / 2.3548;
  const centreNm = DETECTOR.wavelengthsNm[pixel] ?? Number.NaN;
  let [sum, weights] = [0, 0];
  for (let step = -60; step <= 60; step++) {
    const weight = Math.exp(-0.5 * (step / 20) ** 2);
    const nm = centreNm + (step / 20) * sigmaNm;
    // The emulated unit sees the target's reflectance at the middle of a pixel.
    const sky = scene.irradianceAt("downwelling", nm, exposureStartUs + integrationTimeUs / 2);
    sum += weight * sky;
    weights += weight;
  }
  return (sum / weights) * scene.reflectance(channel, centreNm);
}

function compare(rig: LevelsRig, { values }: LevelValue, channel: string, factor: number) {
  let [pixels, largest] = [0, 0];
  for (let pixel = 300; pixel < 1800; pixel += 10) {
    const expected = lightAt(rig, channel, pixel) * factor;
    pixels += 1;
    largest = Math.max(largest, Math.abs((values[pixel] ?? Number.NaN) / expected - 1));
    assert.ok(values[pixel] !== null);
  }
  return { pixels, largest };
}

function setUp(rig: LevelsRig): void {
  const spectrometer = rig.instrument.model.rack.spectrometer(FLAME);
  spectrometer.setScans(100);
  spectrometer.setIntegrationTimeUs("downwelling", 18_000);
  spectrometer.setIntegrationTimeUs("upwelling", 18_000);
  rig.look("soil");
}

test("calibration files: the light of the scene comes back within 1 %", async (context) => {
  const rig = await LevelsRig.start(context, { folder: await LevelsRig.folder(context, FILES) });
  setUp(rig);
  rig.look("white-panel");
  await rig.instrument.record({ run: "light" });
  const sky = await rig.level("irradiance", {}, "downwelling");
  const ground = await rig.level("radiance", {}, "upwelling");
  assert.deepEqual([sky.unit, ground.unit], ["W m-2 nm-1", "W m-2 sr-1 nm-1"]);
  assert.deepEqual(sky["calibration"], { source: "down.csv", date: "2026-03-01" });
  const results = [compare(rig, sky, "downwelling", 1), compare(rig, ground, "upwelling", 1 / Math.PI)];
  for (const { pixels, largest } of results) {
    context.diagnostic(`${pixels} pixels, at most ${(100 * largest).toFixed(2)} % off`);
    assert.ok(largest < 0.01, `${largest}`);
  }
  assert.equal(
    sky.values[DETECTOR.model.opticalPixelRange[0] - 1],
    null,
    "a pixel without light has no value",
  );
});

test("the memory of the instrument: energy per count, with the collection area of the configuration", async (context) => {
  const area = 0.2;
  const configuration = CONFIGURATION.replace("radiometric_file = down.csv", `collection_area_cm2 = ${area}`);
  const rig = await LevelsRig.start(context, {
    folder: await LevelsRig.folder(context, FILES),
    configuration,
  });
  setUp(rig);
  const { clock, model } = rig.instrument;
  const spectrometer = model.rack.spectrometer(FLAME);
  await rig.instrument.record({ run: "light" });
  await assert.rejects(rig.level("irradiance", {}, "downwelling"), {
    code: "RESOURCE_NOT_FOUND",
    message: `${FLAME}: no irradiance calibration in the instrument`,
  });
  // Backwards: 1 W m-2 nm-1 is 1e-4 W on a square centimetre, and fills a pixel as wide as it is. The maker's counts are
  // those of a unit without a scale of its own.
  const scale = spectrometer.identity.maxCounts / spectrometer.identity.saturationLevel;
  const nm = DETECTOR.wavelengthsNm;
  const microjoules = Array.from(nm, (_, pixel) => {
    const widthNm = ((nm[pixel + 1] ?? 0) - (nm[pixel - 1] ?? 0)) / 2;
    const response = (DETECTOR.response[pixel] ?? 0) * scale;
    return response > 0 ? (1e-4 * area * widthNm * 1e6) / response : 0;
  });
  await clock.run(spectrometer.controls.write("irradiance", microjoules, NEVER));
  await rig.instrument.record({ run: "light" });
  const sky = await rig.level("irradiance", {}, "downwelling");
  assert.deepEqual(sky["calibration"], { source: "instrument" });
  const { pixels, largest } = compare(rig, sky, "downwelling", 1);
  context.diagnostic(`${pixels} pixels, at most ${(100 * largest).toFixed(2)} % off`);
  assert.ok(largest < 0.01, `${largest}`);
});

test("why there is none: no light, no calibration, another quantity, expired, a wrong file", async (context) => {
  const expired = FILES["up.csv"].replace(
    "# date: 2026-03-01",
    "# date: 2024-03-01\n# valid_until: 2025-03-01",
  );
  const folder = await LevelsRig.folder(context, { ...FILES, "up.csv": expired });
  const rig = await LevelsRig.start(context, { folder });
  await assert.rejects(rig.level("irradiance", {}, "downwelling"), {
    message: `${FLAME} downwelling: no light spectrum since the start`,
  });
  await rig.instrument.record({ run: "light" });
  const { standardErrors, noStandardErrors } = await rig.level(
    "irradiance",
    { uncertainty: "true" },
    "downwelling",
  );
  assert.equal(standardErrors, undefined);
  assert.match(noStandardErrors ?? "", /^too few spectra to find the noise/);
  await assert.rejects(rig.level("radiance", {}, "downwelling"), {
    code: "RESOURCE_NOT_FOUND",
    message: `${FLAME} downwelling: its calibration is one of irradiance, there is none of radiance`,
  });
  await assert.rejects(rig.level("radiance"), {
    code: "STATE_CONFLICT",
    message: `${FLAME} upwelling: the calibration has expired, it was valid until 2025-03-01`,
  });
  await assert.rejects(rig.get("/spectrometers/QEP00709/irradiance/downwelling"), {
    code: "RESOURCE_NOT_FOUND",
    message: "QEP00709 downwelling: no radiometric calibration was configured when the server started",
  });

  const wrong = await LevelsRig.start(context, {
    folder: await LevelsRig.folder(context, { "down.csv": "1, 2" }),
  });
  assert.equal(
    (await wrong.instrument.record({ run: "light" })).state,
    "done",
    "raw spectra need no calibration",
  );
  await assert.rejects(wrong.level("irradiance", {}, "downwelling"), { code: "CONFIG_INVALID" });
});

test("saturated pixels have no value", async (context) => {
  const rig = await LevelsRig.start(context, { folder: await LevelsRig.folder(context, FILES) });
  rig.instrument.model.rack.spectrometer(FLAME).setIntegrationTimeUs("downwelling", 60_000);
  await rig.instrument.record({ run: "light" });
  const sky = await rig.level("irradiance", {}, "downwelling");
  const { counts, instrument } =
    rig.instrument.model.rack.spectrometer(FLAME).newest("downwelling").value ?? assert.fail();
  const [first, end] = instrument.opticalPixelRange;
  const saturated = Array.from(counts.keys()).filter(
    (pixel) => pixel >= first && pixel < end && (counts[pixel] ?? 0) >= instrument.saturationLevel,
  );
  assert.ok(saturated.length > 10);
  assert.ok(saturated.every((pixel) => sky.values[pixel] === null));
  assert.ok(sky.flags.includes("saturated"));
});

test("reflectance with both calibrations is pi L / E; with one that cannot be used a ratio of counts, and why", async (context) => {
  // A foreoptic that lets half of the light through.
  const up = radiometricText(
    "radiance",
    "upwelling",
    factorsOf(DETECTOR, (response) => 2 / (Math.PI * response)),
  );
  const expired = up.replace("# date: 2026-03-01", "# date: 2024-03-01\n# valid_until: 2025-03-01");
  const reflectance = async (files: Readonly<Record<string, string>>) => {
    const rig = await LevelsRig.start(context, { folder: await LevelsRig.folder(context, files) });
    setUp(rig);
    await rig.instrument.record({ run: "light" });
    const level = await rig.level("reflectance", { way: "dual" });
    const truth = (pixel: number): number =>
      rig.instrument.emulated.scene.reflectance("upwelling", DETECTOR.wavelengthsNm[pixel] ?? 0);
    const ratios = [500, 1000, 1500].map((pixel) => (level.values[pixel] ?? Number.NaN) / truth(pixel));
    return { level, ratios };
  };
  const isNear = (factor: number) => (ratio: number) => Math.abs(ratio / factor - 1) < 0.02;
  const { level, ratios } = await reflectance({ ...FILES, "up.csv": up });
  assert.equal(level.method, "radiance over irradiance");
  const date = "2026-03-01";
  const sources = { radiance: { source: "up.csv", date }, irradiance: { source: "down.csv", date } };
  assert.deepEqual(level["calibrations"], sources);
  assert.ok(ratios.every(isNear(2)), ratios.join(", "));

  const old = await reflectance({ ...FILES, "up.csv": expired });
  assert.equal(old.level.method, "dual field of view");
  const reason = "the calibration has expired, it was valid until 2025-03-01";
  assert.equal(old.level["notCalibrated"], `${FLAME} upwelling: ${reason}`);
  assert.ok(old.ratios.every(isNear(1)), old.ratios.join(", "));
});

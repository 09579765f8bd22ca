// The scene: what reaches the fibres and what an exposure gathers.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { MS, SECOND } from "../../../src/base/clock.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { modelNamed } from "../../../src/drivers/oceanoptics/models.ts";
import { Detector } from "../../../src/emulator/device/detector.ts";
import { Scene } from "../../../src/emulator/light/scene.ts";
import { standardIrradiance } from "../../../src/emulator/light/standard-lamp.ts";
import { canopyReflectance } from "../../../src/emulator/light/targets.ts";
import { lampCertificateOf } from "../../../src/spectra/calibration/lamp-certificate.ts";
import { readCalibrationText } from "../../../src/spectra/calibration-file.ts";
import { sourceRoot } from "../../support/sources.ts";

test("upwelling over downwelling is the reflectance of the target, under any sky", () => {
  const scene = new Scene(new VirtualClock(), { cloudStrength: 0.8 });
  for (const nm of [400, 550, 680, 760.5, 800, 940]) {
    for (const atUs of [0, 100 * SECOND, 5000 * SECOND]) {
      const ratio = scene.irradianceAt("upwelling", nm, atUs) / scene.irradianceAt("downwelling", nm, atUs);
      assert.ok(Math.abs(ratio / canopyReflectance(nm) - 1) < 1e-9);
    }
  }
});

test("an exposure gathers light through the open shutters only, for as long as they are open", () => {
  const scene = new Scene(new VirtualClock(), { cloudStrength: 0 });
  scene.fitShutter("downwelling", false);
  scene.fitShutter("upwelling", false);
  assert.deepEqual(scene.gather(0, SECOND), []);
  scene.aperture("upwelling").move(true, 600_000, 0);
  const [light, ...others] = scene.gather(0, SECOND);
  assert.equal(others.length, 0);
  assert.equal(light?.channel, "upwelling");
  assert.ok(Math.abs((light?.beamSeconds ?? 0) - 0.4) < 1e-12);
});

test("a long exposure gathers the mean of the weather, not one moment of it", () => {
  const scene = new Scene(new VirtualClock(), { cloudStrength: 1 });
  const whole = scene.gather(0, 60 * SECOND)[0]?.beamSeconds ?? 0;
  let parts = 0;
  for (let second = 0; second < 60; second++) {
    parts += scene.gather(second * SECOND, (second + 1) * SECOND)[0]?.beamSeconds ?? 0;
  }
  assert.ok(Math.abs(whole - parts) < 1e-6);
  assert.ok(whole < 60);
});

test("an unknown channel is refused by name", () => {
  const scene = new Scene(new VirtualClock());
  assert.throws(() => scene.aperture("sideways"), { code: "RESOURCE_NOT_FOUND" });
  assert.throws(() => scene.fitShutter("sideways", false), { code: "RESOURCE_NOT_FOUND" });
});

test("under a lamp the target does not matter", () => {
  const scene = new Scene(new VirtualClock(), { source: "hg-ar", cloudStrength: 1 });
  assert.equal(scene.reflectance("upwelling", 680), 1);
  assert.equal(scene.gather(0, SECOND)[0]?.beamSeconds, 1);
  assert.equal(scene.gather(0, SECOND)[0]?.skySeconds, 0);
});

test("another source replaces the light of a unit at once, the target's colour too", () => {
  const scene = new Scene(new VirtualClock(), { cloudStrength: 0 });
  const detector = new Detector({ model: modelNamed("Flame-S"), serial: "TEST0001", seed: 1, scene });
  scene.fitShutter("downwelling", false);
  const expose = () => detector.expose({ startUs: 0, endUs: 5 * MS });
  const sun = expose();
  scene.setSource("hg-ar");
  assert.equal(scene.source, "hg-ar");
  const [mercury, standard] = [expose(), (scene.setSource("standard"), expose())];
  const at = (counts: Uint32Array, nm: number): number => {
    return (counts[detector.wavelengthsNm.findIndex((one) => one >= nm)] ?? 0) - 1500;
  };
  assert.ok(at(mercury, 546.1) > 20 * Math.abs(at(mercury, 530)));
  // Under a lamp a canopy does not absorb: red and near infrared as the lamp has them.
  const ratio = (nm: number): number => {
    const pixel = detector.wavelengthsNm.findIndex((one) => one >= nm);
    return at(standard, nm) / (standardIrradiance(nm) * (detector.response[pixel] ?? 0));
  };
  assert.ok(Math.abs(ratio(680) / ratio(800) - 1) < 0.05, `${ratio(680)}, ${ratio(800)}`);
  scene.setSource("sun");
  assert.ok(Math.abs(at(expose(), 800) / at(sun, 800) - 1) < 0.1);
  assert.throws(() => scene.setSource("moon"), {
    code: "VALUE_INVALID",
    message: "light 'moon': there is none, there are sun, standard, hg-ar, ne",
  });
});

test("the certificate that is shipped is that of the standard lamp", async () => {
  const text = await readFile(new URL("pdata/example-lamp.csv", sourceRoot), "utf8");
  const { curve } = lampCertificateOf(readCalibrationText(text, "example-lamp.csv"));
  for (const [row, nm] of curve.wavelengthsNm.entries())
    assert.ok(Math.abs((curve.values[row] ?? 0) / standardIrradiance(nm) - 1) < 1e-4);
});

// The scene: what reaches the fibres and what an exposure gathers.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SECOND } from "../../../src/base/clock.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { Scene } from "../../../src/emulator/light/scene.ts";
import { canopyReflectance } from "../../../src/emulator/light/targets.ts";

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

// The light model against facts of physics: lines, bands, air mass, targets.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SECOND } from "../../../src/base/clock.ts";
import { airColumn, groundIrradiance, sunPath } from "../../../src/emulator/light/atmosphere.ts";
import { Clouds } from "../../../src/emulator/light/clouds.ts";
import { MIDNIGHT_SUN, sunElevationDeg } from "../../../src/emulator/light/site.ts";
import { extraterrestrialIrradiance } from "../../../src/emulator/light/sun.ts";
import {
  canopyReflectance,
  soilReflectance,
  whitePanelReflectance,
} from "../../../src/emulator/light/targets.ts";

function globalIrradiance(nm: number, elevationDeg: number): number {
  const { beam, sky } = groundIrradiance(airColumn(nm), sunPath(elevationDeg));
  return beam + sky;
}

test("the solar constant between 300 and 2500 nm is that of the sun", () => {
  let sum = 0;
  for (let nm = 300; nm < 2500; nm++) sum += extraterrestrialIrradiance(nm);
  // 1361 W m-2 in all, 3.6 % of it beyond 2500 nm and 1.2 % below 300 nm.
  assert.ok(Math.abs(sum - 1295) < 30, `${sum} W m-2`);
});

test("Fraunhofer lines are dips at their wavelengths", () => {
  for (const [name, nm] of [
    ["Ca K", 393.37],
    ["H beta", 486.13],
    ["Mg b", 517.3],
    ["H alpha", 656.28],
    ["Ca II", 854.21],
  ] as const) {
    const beside = (extraterrestrialIrradiance(nm - 4) + extraterrestrialIrradiance(nm + 4)) / 2;
    assert.ok(extraterrestrialIrradiance(nm) < 0.85 * beside, name);
  }
});

test("oxygen and water take their bands, more of them through more air", () => {
  for (const [name, bandNm, besideNm] of [
    ["O2 A", 760.5, 755],
    ["O2 B", 687.4, 684],
    ["water", 940, 870],
    ["water", 1384, 1280],
  ] as const) {
    const share = (elevation: number): number =>
      globalIrradiance(bandNm, elevation) / globalIrradiance(besideNm, elevation);
    assert.ok(share(60) < 0.75, `${name}: ${share(60)}`);
    assert.ok(share(20) < share(60), name);
  }
});

test("through more air the light is redder and weaker; the sky is bluer than the beam", () => {
  const blueToRed = (elevation: number): number =>
    globalIrradiance(450, elevation) / globalIrradiance(650, elevation);
  assert.ok(blueToRed(10) < 0.9 * blueToRed(60));
  assert.ok(globalIrradiance(550, 10) < 0.4 * globalIrradiance(550, 60));
  const blue = groundIrradiance(airColumn(420), sunPath(45));
  const red = groundIrradiance(airColumn(800), sunPath(45));
  assert.ok(blue.sky / blue.beam > 5 * (red.sky / red.beam));
});

test("ozone ends the spectrum at 300 nm, and night ends it all without a step", () => {
  assert.ok(globalIrradiance(295, 40) < 0.01 * globalIrradiance(330, 40));
  assert.ok(globalIrradiance(550, -5) < 1e-4 * globalIrradiance(550, 45));
  const before = globalIrradiance(550, 0.51);
  const after = globalIrradiance(550, 0.49);
  assert.ok(after > 0.9 * before && after < before);
});

test("the sun at the default site never sets, and culminates at local noon", () => {
  const dayUs = 86_400 * SECOND;
  const elevations = Array.from({ length: 96 }, (_, quarter) =>
    sunElevationDeg(MIDNIGHT_SUN, 20_000 * dayUs + (quarter * dayUs) / 96),
  );
  assert.ok(Math.min(...elevations) > 12);
  const noonQuarter = elevations.indexOf(Math.max(...elevations));
  assert.ok(Math.abs(noonQuarter / 4 - (12 - 11.9 / 15)) < 0.3);
});

test("a site can follow the season: the sun stands over the tropics at the solstices", () => {
  const equator = { latitudeDeg: 0, longitudeDeg: 0, declinationDeg: "season" } as const;
  assert.ok(Math.abs(sunElevationDeg(equator, Date.UTC(2026, 5, 21, 12) * 1000) - 66.6) < 0.3);
  assert.ok(Math.abs(sunElevationDeg(equator, Date.UTC(2026, 2, 21, 12) * 1000) - 90) < 1.5);
});

test("clouds: repeatable by seed, slow, within 0..strength, and none at strength 0", () => {
  const clouds = new Clouds(5, 0.6);
  const covers = Array.from({ length: 2000 }, (_, second) => clouds.cover(second * SECOND));
  assert.deepEqual(
    covers,
    covers.map((_, second) => new Clouds(5, 0.6).cover(second * SECOND)),
  );
  assert.ok(covers.every((cover) => cover >= 0 && cover <= 0.6));
  assert.ok(Math.max(...covers) - Math.min(...covers) > 0.15);
  for (const [second, cover] of covers.entries()) {
    assert.ok(Math.abs(cover - (covers[second - 1] ?? cover)) < 0.02, `jump at ${second} s`);
  }
  assert.equal(new Clouds(5, 0).cover(1e9), 0);
  assert.notEqual(new Clouds(6, 0.6).cover(1e9), clouds.cover(1e9));
});

test("targets look like what they are named after", () => {
  assert.ok(canopyReflectance(550) > 1.8 * canopyReflectance(670), "green peak");
  assert.ok(canopyReflectance(800) > 15 * canopyReflectance(670), "red edge");
  assert.ok(canopyReflectance(1450) < 0.3 * canopyReflectance(1280), "water");
  assert.ok(soilReflectance(1600) > soilReflectance(800) && soilReflectance(800) > soilReflectance(450));
  for (let nm = 300; nm <= 2600; nm += 10) {
    for (const reflectance of [canopyReflectance, soilReflectance, whitePanelReflectance]) {
      const value = reflectance(nm);
      assert.ok(value > 0 && value < 1, `${reflectance.name} at ${nm} nm is ${value}`);
    }
    if (nm >= 400 && nm <= 2000) assert.ok(whitePanelReflectance(nm) > 0.94);
  }
});

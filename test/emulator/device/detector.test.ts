// The detector: what the counts of a frame are made of.

import assert from "node:assert/strict";
import { test } from "node:test";
import { MS, SECOND } from "../../../src/base/clock.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { type ModelName, modelNamed } from "../../../src/drivers/oceanoptics/models.ts";
import { polynomial } from "../../../src/emulator/device/calibration.ts";
import { Detector } from "../../../src/emulator/device/detector.ts";
import { Scene, type SceneOptions } from "../../../src/emulator/light/scene.ts";
import { canopyReflectance } from "../../../src/emulator/light/targets.ts";

function bench(
  name: ModelName,
  options: SceneOptions = {},
): { readonly detector: Detector; readonly scene: Scene } {
  const scene = new Scene(new VirtualClock(), { cloudStrength: 0, ...options });
  for (const channel of scene.channels) scene.fitShutter(channel, false);
  const model = modelNamed(name);
  return { scene, detector: new Detector({ model, serial: "TEST0001", seed: 1, scene }) };
}

function mean(values: ArrayLike<number>, from: number, to: number): number {
  let sum = 0;
  for (let index = from; index < to; index++) sum += values[index] ?? 0;
  return sum / (to - from);
}

const MODELS = ["Flame-S", "USB4000", "QE65000", "Maya2000 Pro", "NIRQuest512", "STS", "QE Pro"] as const;

for (const name of MODELS) {
  test(`${name}: noon light at the profile's integration time peaks near 80 % of saturation`, () => {
    const { detector, scene } = bench(name);
    scene.aperture("downwelling").move(true, 0, 0);
    const counts = detector.expose({ startUs: 0, endUs: detector.profile.noonUs });
    const share = Math.max(...counts) / detector.calibration.saturationCounts;
    assert.ok(share > 0.7 && share < 0.9, `${share}`);
  });
}

test("a frame with all shutters closed has only offset and dark signal, which grows with time and temperature", () => {
  const { detector } = bench("Flame-S");
  const { saturationCounts } = detector.calibration;
  const level = (endUs: number): number => mean(detector.expose({ startUs: 0, endUs }), 100, 2000);
  const short = level(1 * MS);
  assert.ok(Math.abs(short / saturationCounts - 0.025) < 0.001);
  const perSecond = level(1 * SECOND) - short;
  const perTwo = level(2 * SECOND) - short;
  assert.ok(Math.abs(perTwo / perSecond - 2) < 0.1, `${perTwo / perSecond}`);
  const { detector: cooled } = bench("QE Pro");
  const cold = mean(cooled.expose({ startUs: 0, endUs: 10 * SECOND }), 10, 1034);
  cooled.cooler.setEnabled(false, 0);
  const warm = mean(cooled.expose({ startUs: 3600 * SECOND, endUs: 3610 * SECOND }), 10, 1034);
  const offset = mean(cooled.expose({ startUs: 0, endUs: 8 * MS }), 10, 1034);
  const factor = (warm - offset) / (cold - offset);
  assert.ok(factor > 15 && factor < 35, `32 K warmer: dark times ${factor}`);
});

test("a steady detector gives equal counts for equal exposures at any time; any other does not", () => {
  for (const isSteady of [true, false]) {
    const clock = new VirtualClock();
    const scene = new Scene(clock, { source: "hg-ar" });
    const model = modelNamed("Flame-S");
    const detector = new Detector({ model, serial: "TEST0001", seed: 1, scene, isSteady });
    const [first, second] = [0, 900 * SECOND + 7].map((startUs) =>
      detector.expose({ startUs, endUs: startUs + 20 * MS }),
    );
    assert.equal(first?.join() === second?.join(), isSteady);
    assert.ok(Math.max(...(first ?? [])) > detector.calibration.saturationCounts / 4);
  }
});

test("electrically dark pixels stay dark in bright light", () => {
  const { detector, scene } = bench("Flame-S");
  scene.aperture("downwelling").move(true, 0, 0);
  const counts = detector.expose({ startUs: 0, endUs: 20 * MS });
  assert.ok(mean(counts, 6, 21) < 0.04 * detector.calibration.saturationCounts);
});

test("too much light clips at the saturation level, below the ADC's full scale", () => {
  const { detector, scene } = bench("Flame-S");
  scene.aperture("downwelling").move(true, 0, 0);
  const counts = detector.expose({ startUs: 0, endUs: 2 * SECOND });
  assert.equal(Math.max(...counts), detector.calibration.saturationCounts);
  assert.ok(detector.calibration.saturationCounts < 65_535);
});

test("photon noise is the square root of the electrons", () => {
  const { detector, scene } = bench("Flame-S");
  scene.aperture("downwelling").move(true, 0, 0);
  const pixel = 600;
  const frames = Array.from(
    { length: 400 },
    () => detector.expose({ startUs: 0, endUs: 20 * MS })[pixel] ?? 0,
  );
  const average = mean(frames, 0, frames.length);
  const deviation = Math.sqrt(frames.reduce((sum, value) => sum + (value - average) ** 2, 0) / frames.length);
  const { saturationCounts } = detector.calibration;
  const electrons = ((average - 0.025 * saturationCounts) / saturationCounts) * 90_000;
  const expected = (Math.sqrt(electrons) / 90_000) * saturationCounts;
  assert.ok(deviation > 0.85 * expected && deviation < 1.2 * expected, `${deviation}, expected ${expected}`);
});

test("the stored nonlinearity polynomial makes the counts linear in light", () => {
  const { detector, scene } = bench("QE Pro");
  scene.aperture("downwelling").move(true, 0, 0);
  const { nonlinearityCoefficients } = detector.calibration;
  const rate = (endUs: number, isCorrected: boolean): number => {
    const dark = detector.expose({ startUs: -2 * SECOND, endUs: -2 * SECOND + endUs });
    const light = detector.expose({ startUs: 0, endUs });
    let sum = 0;
    for (let pixel = 300; pixel < 500; pixel++) {
      const counts = (light[pixel] ?? 0) - (dark[pixel] ?? 0);
      sum += (isCorrected ? counts / polynomial(nonlinearityCoefficients, counts) : counts) / endUs;
    }
    return sum;
  };
  const error = (isCorrected: boolean): number =>
    Math.abs(rate(30 * MS, isCorrected) / rate(8 * MS, isCorrected) - 1);
  assert.ok(error(false) > 0.002, `uncorrected ${error(false)}`);
  assert.ok(error(true) < 0.0008, `corrected ${error(true)}`);
});

test("a shutter that opens in mid-exposure leaves its share of light in the frame", () => {
  const { detector, scene } = bench("QE Pro");
  scene.aperture("downwelling").move(true, 100 * MS, 0);
  const level = (startUs: number): number =>
    mean(detector.expose({ startUs, endUs: startUs + 20 * MS }), 300, 500);
  const dark = level(0);
  const half = level(90 * MS) - dark;
  const full = level(100 * MS) - dark;
  assert.ok(Math.abs(half / full - 0.5) < 0.01);
});

test("light truth: the reflectance computed from two exposures is the target's, within 1 %", () => {
  const { detector, scene } = bench("QE Pro");
  scene.aperture("downwelling").move(true, 0, 0);
  scene.aperture("downwelling").move(false, SECOND, 0);
  scene.aperture("upwelling").move(true, 2 * SECOND, 0);
  const average = (startUs: number, integrationTimeUs: number): Float64Array => {
    const sum = new Float64Array(1044);
    const { nonlinearityCoefficients } = detector.calibration;
    for (let frame = 0; frame < 20; frame++) {
      const light = detector.expose({ startUs, endUs: startUs + integrationTimeUs });
      const dark = detector.expose({
        startUs: 1500 * MS,
        endUs: 1500 * MS + Math.min(integrationTimeUs, 400 * MS),
      });
      for (let pixel = 0; pixel < 1044; pixel++) {
        const counts = (light[pixel] ?? 0) - (dark[pixel] ?? 0);
        const linear = counts / polynomial(nonlinearityCoefficients, counts);
        sum[pixel] = (sum[pixel] ?? 0) + linear / integrationTimeUs;
      }
    }
    return sum;
  };
  const down = average(100 * MS, 30 * MS);
  const up = average(2100 * MS, 90 * MS);
  let squares = 0;
  let pixels = 0;
  for (const [pixel, nm] of detector.wavelengthsNm.entries()) {
    if (nm < 450 || nm > 850) continue;
    squares += ((up[pixel] ?? 0) / (down[pixel] ?? 1) / canopyReflectance(nm) - 1) ** 2;
    pixels += 1;
  }
  assert.ok(pixels > 500);
  const rms = Math.sqrt(squares / pixels);
  assert.ok(rms < 0.01, `${(100 * rms).toFixed(2)} %`);
});

test("a mercury lamp shows its lines at their wavelengths, as wide as the instrument's line shape", () => {
  const { detector, scene } = bench("Flame-S", { source: "hg-ar" });
  scene.aperture("downwelling").move(true, 0, 0);
  const counts = detector.expose({ startUs: 0, endUs: 20 * MS });
  for (const lineNm of [404.656, 435.833, 546.074, 763.511]) {
    let weight = 0;
    let moment = 0;
    for (const [pixel, nm] of detector.wavelengthsNm.entries()) {
      if (Math.abs(nm - lineNm) > 2) continue;
      const light = Math.max((counts[pixel] ?? 0) - 1600, 0);
      weight += light;
      moment += light * nm;
    }
    assert.ok(Math.abs(moment / weight - lineNm) < 0.2, `${lineNm}: found at ${moment / weight}`);
  }
  const greenPixels = detector.wavelengthsNm.filter(
    (nm, pixel) =>
      Math.abs(nm - 546.074) < 3 && (counts[pixel] ?? 0) - 1493 > 0.5 * (peak(counts, detector) - 1493),
  ).length;
  const dispersion = 680 / 2027;
  assert.ok(Math.abs(greenPixels * dispersion - 1.5) < 0.5, `${greenPixels} pixels wide`);
});

function peak(counts: Uint32Array, detector: Detector): number {
  return Math.max(
    ...counts.filter((_, pixel) => Math.abs((detector.wavelengthsNm[pixel] ?? 0) - 546.074) < 3),
  );
}

test("the same seed gives the same frames, another seed other noise on the same unit", () => {
  const frame = (seed: number): Uint32Array => {
    const scene = new Scene(new VirtualClock(), { seed: 1 });
    const detector = new Detector({ model: modelNamed("STS"), serial: "S1", seed, scene });
    return detector.expose({ startUs: 0, endUs: 10 * MS });
  };
  assert.deepEqual(frame(1), frame(1));
  assert.notDeepEqual(frame(1), frame(2));
});

test("the cooler approaches its set point, and not further below the room than it can", () => {
  const scene = new Scene(new VirtualClock());
  const detector = new Detector({
    model: modelNamed("QE Pro"),
    serial: "Q1",
    seed: 1,
    scene,
    isWarm: true,
  });
  const { cooler } = detector;
  assert.ok(cooler.temperatureC(0) > 20);
  assert.ok(cooler.temperatureC(15 * SECOND) > -5 && cooler.temperatureC(15 * SECOND) < 5);
  assert.ok(Math.abs(cooler.temperatureC(200 * SECOND) + 10) < 0.01);
  assert.equal(cooler.isStable(1 * SECOND), false);
  assert.equal(cooler.isStable(200 * SECOND), true);
  cooler.setSetpointC(-60, 200 * SECOND);
  assert.ok(cooler.temperatureC(600 * SECOND) > -25);
  assert.equal(cooler.isStable(600 * SECOND), false);
});

// What holds for every spectrum: corrections undo what detectors do, and leave their input alone.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { modelNamed } from "../../src/drivers/oceanoptics/models.ts";
import { calibrationOf, polynomial } from "../../src/emulator/device/calibration.ts";
import { Detector } from "../../src/emulator/device/detector.ts";
import { profileOf } from "../../src/emulator/device/profile.ts";
import { Scene } from "../../src/emulator/light/scene.ts";
import { correct, type InstrumentFacts } from "../../src/spectra/corrections/correct.ts";
import { CORRECTIONS, type Counts } from "../../src/spectra/corrections/correction.ts";
import { correctElectricDark } from "../../src/spectra/corrections/electric-dark.ts";
import { scaleGain } from "../../src/spectra/corrections/gain-scale.ts";
import { correctNonlinearity } from "../../src/spectra/corrections/nonlinearity.ts";

const PIXELS = 24;
const DARK = 4;
const LEVELS = { maxCounts: 65_535, saturationLevel: 60_000, isGainScaled: true };

const rawCounts = fc
  .array(fc.integer({ min: 0, max: 65_535 }), { minLength: PIXELS, maxLength: PIXELS })
  .map((values) => Uint32Array.from(values));
const anyNumber = fc.oneof(fc.double(), fc.integer({ min: -2, max: 70_000 }));
const anyCounts: fc.Arbitrary<Counts> = fc.oneof(
  rawCounts,
  fc.array(anyNumber, { maxLength: 40 }).map((values) => Float64Array.from(values)),
);
const range = fc.tuple(fc.integer({ min: -3, max: 30 }), fc.integer({ min: -3, max: 30 }));
const anyFacts: fc.Arbitrary<InstrumentFacts> = fc.record({
  pixels: fc.constantFrom(PIXELS, 0, 7),
  maxCounts: anyNumber,
  saturationLevel: anyNumber,
  darkPixelRanges: fc.array(range, { maxLength: 3 }),
  opticalPixelRange: range,
  calibration: fc.record({
    wavelengthCoefficients: fc.array(anyNumber, { maxLength: 4 }),
    nonlinearityCoefficients: fc.array(anyNumber, { maxLength: 8 }),
    strayLightConstant: anyNumber,
  }),
  isGainScaled: fc.boolean(),
  nonlinearityArgument: fc.constantFrom("raw", "scaled", undefined),
  darkSpectrum: fc.option(fc.record({ counts: anyCounts, facts: fc.constant({}) }), { nil: undefined }),
});

/** The counts above the offset that a detector gives for linear ones, found as the emulator does. */
function distorted(linear: number, coefficients: readonly number[]): number {
  let factor = 1;
  for (let round = 0; round < 8; round++) factor = polynomial(coefficients, linear * factor);
  return linear * factor;
}

test("nonlinearity: what the emulator's inverse distorts, the correction restores to 1e-6", () => {
  const model = modelNamed("Flame-S");
  fc.assert(
    fc.property(
      fc.string({ minLength: 1, maxLength: 8 }),
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 40 }),
      (serial, shares) => {
        const calibration = calibrationOf(model, profileOf(model.name), serial);
        const { nonlinearityCoefficients, saturationCounts } = calibration;
        const linear = Float64Array.from(shares, (share) => share * saturationCounts);
        const measured = linear.map((value) => distorted(value, nonlinearityCoefficients));
        const result = correctNonlinearity(measured, nonlinearityCoefficients);
        assert.ok(result.applied);
        for (const [pixel, value] of result.counts.entries()) {
          const original = linear[pixel] ?? Number.NaN;
          assert.ok(Math.abs(value - original) <= 1e-6 * original, `${value} for ${original}`);
        }
      },
    ),
  );
});

test("electric dark: a constant offset is removed exactly", () => {
  fc.assert(
    fc.property(rawCounts, fc.integer({ min: 0, max: 5000 }), (signal, offset) => {
      const counts = signal.map((value, pixel) => (pixel < DARK ? offset : value + offset));
      const result = correctElectricDark(counts, [[0, DARK]]);
      assert.ok(result.applied);
      const expected = Array.from(signal, (value, pixel) => (pixel < DARK ? 0 : value));
      assert.deepEqual([...result.counts], expected);
    }),
  );
});

test("electric dark: the dark pixels of the result average 0, and differences between pixels stay", () => {
  fc.assert(
    fc.property(rawCounts, (counts) => {
      const result = correctElectricDark(counts, [[0, DARK]]);
      assert.ok(result.applied);
      const mean = result.counts.subarray(0, DARK).reduce((sum, value) => sum + value, 0) / DARK;
      assert.equal(mean, 0);
      for (const [pixel, value] of result.counts.entries())
        assert.equal(value - (result.counts[0] ?? 0), (counts[pixel] ?? 0) - (counts[0] ?? 0));
    }),
  );
});

test("gain scale: linear, and max counts at the saturation level", () => {
  const scaled = (counts: Counts): Float64Array => {
    const result = scaleGain(counts, LEVELS);
    assert.ok(result.applied);
    return result.counts;
  };
  assert.equal(scaled(Uint32Array.of(60_000))[0], 65_535);
  fc.assert(
    fc.property(rawCounts, rawCounts, fc.integer({ min: 0, max: 9 }), (one, other, times) => {
      const whole = scaled(Float64Array.from(one, (value, pixel) => value + times * (other[pixel] ?? 0)));
      const [a, b] = [scaled(one), scaled(other)];
      for (const [pixel, value] of whole.entries()) {
        const sum = (a[pixel] ?? 0) + times * (b[pixel] ?? 0);
        assert.ok(Math.abs(value - sum) <= 1e-12 * sum, `${value} is not ${sum}`);
      }
    }),
  );
});

test("any instrument and any frame: no throw, no changed input, one outcome each, refusals change nothing", () => {
  fc.assert(
    fc.property(anyCounts, anyFacts, fc.subarray([...CORRECTIONS]), (counts, facts, which) => {
      const before = counts.slice();
      const result = correct(counts, facts, which);
      assert.deepEqual(counts, before);
      assert.equal(result.counts.length, counts.length);
      assert.ok(result.counts.buffer !== counts.buffer, "a result of its own");
      assert.deepEqual(
        result.outcomes.map(({ correction }) => correction),
        CORRECTIONS,
      );
      const made = result.outcomes.filter(({ applied }) => applied).map(({ correction }) => correction);
      for (const name of made) assert.ok(which.includes(name), `${name} was not asked for`);
      assert.equal(result.wavelengthsNm !== undefined, made.includes("wavelength"));
      if (made.every((name) => name === "wavelength"))
        assert.deepEqual(result.counts, Float64Array.from(counts));
      // The order of the wishes does not matter.
      assert.deepEqual(correct(counts, facts, which.toReversed()), result);
    }),
    { numRuns: 500 },
  );
});

test("the emulated detector becomes linear in light", () => {
  const scene = new Scene(new VirtualClock(), { cloudStrength: 0 });
  for (const channel of scene.channels) scene.fitShutter(channel, false);
  const model = modelNamed("Flame-S");
  const detector = new Detector({ model, serial: "TEST0001", seed: 1, scene });
  const { noonUs } = detector.profile;
  scene.aperture("downwelling").move(true, 2 * noonUs, 0);
  const facts: InstrumentFacts = {
    pixels: model.frame.pixels,
    maxCounts: model.maxCounts,
    saturationLevel: detector.calibration.saturationCounts,
    darkPixelRanges: model.darkPixelRanges,
    opticalPixelRange: model.opticalPixelRange,
    calibration: detector.calibration,
    isGainScaled: true,
  };
  type Which = readonly ("electric-dark" | "nonlinearity")[];
  const summed = (startUs: number, lengthUs: number, which: Which): number => {
    let sum = 0;
    for (let frame = 0; frame < 20; frame++) {
      const { counts } = correct(detector.expose({ startUs, endUs: startUs + lengthUs }), facts, which);
      for (const value of counts.subarray(...model.opticalPixelRange)) sum += value;
    }
    return sum;
  };
  // Minus a dark spectrum: the few dark pixels do not have the mean offset of all pixels.
  const light = (lengthUs: number, which: Which): number =>
    summed(10 * noonUs - lengthUs / 2, lengthUs, which) - summed(0, lengthUs, which);
  const ratio = (which: Which): number => light(noonUs, which) / light(noonUs / 16, which) / 16;
  const [without, corrected] = [ratio(["electric-dark"]), ratio(["electric-dark", "nonlinearity"])];
  assert.ok(Math.abs(without - 1) > 0.002, `the detector is not linear: ${without}`);
  assert.ok(Math.abs(corrected - 1) < 0.0005, `corrected it is: ${corrected}`);
});

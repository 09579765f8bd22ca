// Each correction on its own: values worked out by hand, and what is said when it cannot be made.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Correction, Facts, Obstacle } from "../../src/spectra/corrections/correction.ts";
import { correctElectricDark } from "../../src/spectra/corrections/electric-dark.ts";
import { gainFactorOf, scaleGain } from "../../src/spectra/corrections/gain-scale.ts";
import { correctNonlinearity } from "../../src/spectra/corrections/nonlinearity.ts";
import { correctStrayLight } from "../../src/spectra/corrections/stray-light.ts";
import { wavelengthsOrWhyNot } from "../../src/spectra/corrections/wavelength.ts";

function made<Used extends Facts>(correction: Correction<Used>): { counts: number[]; facts: Used } {
  assert.ok(correction.applied, correction.applied ? "" : correction.detail);
  return { counts: [...correction.counts], facts: correction.facts };
}

function refused(
  result: { readonly applied: boolean; readonly obstacle?: Obstacle; readonly detail?: string },
  obstacle: Obstacle,
  detail: string,
): void {
  assert.deepEqual(result, { applied: false, obstacle, detail });
}

function near(actual: readonly number[], expected: readonly number[]): void {
  assert.equal(actual.length, expected.length);
  for (const [index, value] of actual.entries()) {
    const wanted = expected[index] ?? Number.NaN;
    assert.ok(Math.abs(value - wanted) <= 1e-12 * Math.abs(wanted), `[${index}] ${value} is not ${wanted}`);
  }
}

test("electric dark: the mean of the dark pixels of both edges is subtracted, also below 0", () => {
  const counts = Uint32Array.of(10, 14, 500, 1000, 9, 11, 15);
  const { counts: corrected, facts } = made(
    correctElectricDark(counts, [
      [0, 2],
      [5, 7],
    ]),
  );
  assert.deepEqual(facts, { darkCounts: 12.5, darkPixels: 4, rejectedPixels: 0 });
  assert.deepEqual(corrected, [-2.5, 1.5, 487.5, 987.5, -3.5, -1.5, 2.5]);
});

test("electric dark: pixels outside the frame, not finite or saturated do not enter the mean", () => {
  const counts = Float64Array.of(100, Number.NaN, 104, 4095, 2000);
  const { facts } = made(
    correctElectricDark(
      counts,
      [
        [-2, 4],
        [4, 4],
        [1000, 2000],
      ],
      4095,
    ),
  );
  assert.deepEqual(facts, { darkCounts: 102, darkPixels: 2, rejectedPixels: 1004 });
});

test("electric dark: without a usable dark pixel nothing is subtracted, and it says so", () => {
  const counts = Uint32Array.of(4095, 4095, 7);
  refused(correctElectricDark(counts, []), "no-dark-pixels", "the model has no dark pixels");
  refused(correctElectricDark(counts, [[0, 2]], 4095), "no-dark-pixels", "no one of 2 dark pixels is usable");
  refused(correctElectricDark(counts, [[3, 9]]), "no-dark-pixels", "no one of 6 dark pixels is usable");
});

test("nonlinearity: counts over the polynomial of the counts", () => {
  // p(x) = 0.5 + 0.0005 x: p(0) = 0.5, p(500) = 0.75, p(1000) = 1, p(3000) = 2, p(-200) = 0.4.
  const { counts, facts } = made(
    correctNonlinearity(Float64Array.of(0, 600, 1000, 3000, -200), [0.5, 0.0005]),
  );
  near(counts, [0, 750, 1000, 1500, -500]);
  assert.deepEqual(facts, { argumentScale: 1, unusablePixels: 0 });
});

test("nonlinearity: a polynomial of order 7 as devices store it", () => {
  // Expected values from exact rational arithmetic.
  const coefficients = [0.9, 2e-6, -1e-11, 5e-16, -2e-20, 1e-25, -4e-30, 3e-35];
  const { counts } = made(correctNonlinearity(Float64Array.of(1000, 10_000, 40_000, 60_000), coefficients));
  near(counts, [1108.659151140415, 10877.767290401469, 42392.13744548371, 74265.07283918344]);
});

test("nonlinearity: the argument can be on another scale than the counts", () => {
  // p(2 x 500) = 1, p(2 x 1000) = 1.5
  const { counts, facts } = made(correctNonlinearity(Float64Array.of(500, 1000), [0.5, 0.0005], 2));
  near(counts, [500, 1000 / 1.5]);
  assert.equal(facts.argumentScale, 2);
});

test("nonlinearity: a pixel whose polynomial is 0, negative or not finite becomes NaN and is counted", () => {
  // p(x) = 1 - 0.001 x: 0 at 1000, negative beyond.
  const line = made(correctNonlinearity(Float64Array.of(500, 1000, 2000), [1, -0.001]));
  assert.deepEqual(line.counts, [1000, Number.NaN, Number.NaN]);
  assert.equal(line.facts.unusablePixels, 2);
  const steep = made(correctNonlinearity(Float64Array.of(1, 1e5, Number.NaN), [1, 0, 1e300]));
  assert.deepEqual(steep.counts, [1e-300, Number.NaN, Number.NaN]);
  assert.equal(steep.facts.unusablePixels, 2);
});

test("nonlinearity: no polynomial, one that stands for none, and one that is of no use", () => {
  const signal = Float64Array.of(1, 2);
  const none = (shown: string) => `no nonlinearity polynomial in [${shown}]`;
  refused(correctNonlinearity(signal, []), "no-coefficients", none(""));
  refused(correctNonlinearity(signal, [0]), "no-coefficients", none("0"));
  refused(correctNonlinearity(signal, [0, 0, 0]), "no-coefficients", none("0, 0, 0"));
  refused(correctNonlinearity(signal, [1, 0]), "no-coefficients", none("1, 0"));
  refused(
    correctNonlinearity(signal, [1, Number.NaN]),
    "coefficients-unusable",
    "nonlinearity coefficients [1, NaN] are not all finite",
  );
  refused(
    correctNonlinearity(signal, [-1]),
    "coefficients-unusable",
    "the nonlinearity polynomial has no usable value at any of 2 pixels",
  );
});

test("stray light: the constant's share of the mean light is subtracted everywhere", () => {
  // Mean of 1000, 1500, 1750 and 0 is 1062.5; a tenth of it is 106.25.
  const signal = Float64Array.of(3, 1000, 1500, 1750, 0, 99);
  const { counts, facts } = made(correctStrayLight(signal, 0.1, [1, 5]));
  near(counts, [-103.25, 893.75, 1393.75, 1643.75, -106.25, -7.25]);
  assert.deepEqual(facts, { strayLightConstant: 0.1, strayCounts: 106.25, averagedPixels: 4 });
});

test("stray light: pixels without a value are left out of the mean, not out of the spectrum", () => {
  const { counts, facts } = made(correctStrayLight(Float64Array.of(10, Number.NaN, 30), 0.5, [0, 99]));
  assert.deepEqual(counts, [0, Number.NaN, 20]);
  assert.equal(facts.averagedPixels, 2);
});

test("stray light: no constant, one that is no share, nothing to average", () => {
  const signal = Float64Array.of(1, 2);
  refused(
    correctStrayLight(signal, undefined, [0, 2]),
    "no-constant",
    "the device stores no stray light constant",
  );
  refused(correctStrayLight(signal, 0, [0, 2]), "no-constant", "the stray light constant is 0");
  for (const constant of [-0.1, 1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
    refused(
      correctStrayLight(signal, constant, [0, 2]),
      "constant-unusable",
      `stray light constant ${constant} is outside 0..1`,
    );
  refused(correctStrayLight(signal, 0.1, [2, 9]), "no-optical-pixels", "no usable pixel in 2..9");
});

test("gain scale: raw x max / saturation, never clipped", () => {
  const levels = { maxCounts: 65_535, saturationLevel: 60_000, isGainScaled: true };
  const { counts, facts } = made(scaleGain(Uint32Array.of(0, 30_000, 60_000, 65_535), levels));
  // 65535 / 60000 = 1.09225
  near(counts, [0, 32_767.5, 65_535, 71_580.60375]);
  assert.deepEqual(facts, { factor: 1.09225 });
});

test("gain scale: a slot full of FF is factor 1 in 16 bits and nonsense in 32", () => {
  const levels = { maxCounts: 65_535, isGainScaled: true };
  assert.equal(gainFactorOf({ ...levels, saturationLevel: 0xffff }), 1);
  const counts = Uint32Array.of(1);
  for (const saturationLevel of [0, -1, 0xffff_ffff, Number.NaN])
    refused(
      scaleGain(counts, { ...levels, saturationLevel }),
      "level-unusable",
      `saturation level ${saturationLevel} is outside 0..65535`,
    );
});

test("gain scale: a usable range below max counts is not a gain", () => {
  const qePro = { maxCounts: 262_143, saturationLevel: 200_000, isGainScaled: false };
  refused(scaleGain(Uint32Array.of(1), qePro), "no-gain-scale", "the model has no gain scale");
});

test("wavelengths: the polynomial over the pixel index", () => {
  // 340 + 0.5 i - 0.001 i^2 + 0.00001 i^3: at 10: 340 + 5 - 0.1 + 0.01
  const result = wavelengthsOrWhyNot([340, 0.5, -0.001, 0.00001], 11);
  assert.ok(result.applied);
  near([result.wavelengthsNm[0] ?? 0, result.wavelengthsNm[10] ?? 0], [340, 344.91]);
  assert.equal(result.wavelengthsNm.length, 11);
});

test("wavelengths: what was never calibrated has none", () => {
  for (const coefficients of [[], [340], [340, 0, 0], [0, 1], [0, 1, 0, 0]])
    refused(
      wavelengthsOrWhyNot(coefficients, 4),
      "no-coefficients",
      `no wavelength calibration in [${coefficients.join(", ")}]`,
    );
  refused(
    wavelengthsOrWhyNot([340, Number.NaN], 4),
    "coefficients-unusable",
    "wavelength coefficients [340, NaN] give values that are not finite",
  );
  assert.ok(wavelengthsOrWhyNot([0, 1, 0.001], 4).applied);
});

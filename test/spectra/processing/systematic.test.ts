import assert from "node:assert/strict";
import { test } from "node:test";
import { systematicErrorOf, systematicObstacle } from "../../../src/spectra/processing/systematic.ts";

const NM = Float64Array.of(400, 500, 600, 700);
const factors = { wavelengthsNm: Float64Array.of(400, 600), values: Float64Array.of(1, 1) };

function errorsOf(parts: Parameters<typeof systematicErrorOf>[2]): readonly number[] {
  return Array.from(systematicErrorOf(Float64Array.of(10, -20, Number.NaN, 40), NM, parts));
}

const near = (found: readonly number[], wanted: readonly number[]): void => {
  assert.equal(found.length, wanted.length);
  for (const [index, value] of wanted.entries())
    assert.ok(Object.is(found[index], value) || Math.abs((found[index] ?? 0) - value) < 1e-12, found.join());
};

test("the same share of all values; of several calibrations their squares add; no value, no error", () => {
  near(errorsOf([{ systematicUncertainty: 0.01 }]), [0.1, 0.2, Number.NaN, 0.4]);
  near(errorsOf([{ systematicUncertainty: 0.003 }, { systematicUncertainty: 0.004 }]), [
    0.05,
    0.1,
    Number.NaN,
    0.2,
  ]);
});

test("noise of factors is taken between its wavelengths, or at its pixels, and nowhere else", () => {
  const factorNoise = Float64Array.of(0.003, 0.005);
  const part = { systematicUncertainty: 0.004, factors, factorNoise };
  const half = 20 * Math.hypot(0.004, 0.004);
  near(errorsOf([{ ...part, axis: "wavelength" }]), [0.05, half, Number.NaN, Number.NaN]);
  const pixels = { wavelengthsNm: Float64Array.of(0, 2), values: factors.values };
  near(errorsOf([{ ...part, factors: pixels, axis: "pixel" }]), [0.05, half, Number.NaN, Number.NaN]);
});

test("a part alone would look like the whole: all have to tell", () => {
  const known = { systematicUncertainty: 0.01 };
  assert.equal(systematicObstacle([known]), undefined);
  assert.equal(systematicObstacle([known, known]), undefined);
  assert.match(systematicObstacle([]) ?? "", /^a ratio of counts/);
  assert.match(systematicObstacle([known, {}]) ?? "", /^not every calibration/);
});

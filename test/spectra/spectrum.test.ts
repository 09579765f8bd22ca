import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { peakCounts, wavelengthsNm } from "../../src/spectra/spectrum.ts";

test("wavelengths follow the polynomial in ascending powers", () => {
  const coefficients = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { maxLength: 5 });
  fc.assert(
    fc.property(coefficients, fc.integer({ min: 0, max: 40 }), (powers, pixels) => {
      const result = wavelengthsNm(powers, pixels);
      assert.equal(result.length, pixels);
      for (const [pixel, value] of result.entries()) {
        const expected = powers.reduce((sum, coefficient, power) => sum + coefficient * pixel ** power, 0);
        assert.ok(Math.abs(value - expected) <= 1e-9 * Math.max(1, 40 ** 4), `pixel ${pixel}`);
      }
    }),
  );
});

test("a known calibration gives known wavelengths", () => {
  const nm = wavelengthsNm([339.88843, 0.37405726, -1.6419715e-5, -1.9436905e-9], 2048);
  assert.equal(nm[0], 339.88843);
  assert.ok(Math.abs((nm[2047] ?? 0) - 1020.109) < 0.01, String(nm[2047]));
});

test("the peak counts within the half-open range only", () => {
  const counts = Uint32Array.of(9, 1, 5, 3, 8);
  assert.equal(peakCounts(counts, [1, 4]), 5);
  assert.equal(peakCounts(counts, [0, 99]), 9);
  assert.equal(peakCounts(counts, [2, 2]), 0);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { scientific, withDecimals } from "../../src/formats/decimal-text.ts";

test("halves of the decimal text are rounded away from zero", () => {
  const cases: readonly (readonly [number, string])[] = [
    [279.71, "279.71"],
    // A binary fraction just below the half; Number.toFixed gives 1.00.
    [1.005, "1.01"],
    [-1.005, "-1.01"],
    [3112.645, "3112.65"],
    [0.125, "0.13"],
    [1500, "1500.00"],
    [0, "0.00"],
    [-0.004, "0.00"],
    [1e-9, "0.00"],
    [65_535, "65535.00"],
    [Number.NaN, "NaN"],
  ];
  assert.deepEqual(
    cases.map(([value]) => withDecimals(value, 2)),
    cases.map(([, text]) => text),
  );
});

test("exponents have neither a plus sign nor leading zeros", () => {
  assert.deepEqual([5, 0.1, 10, 0.3, 65.535, 0.001].map(scientific), [
    "5.000000E0",
    "1.000000E-1",
    "1.000000E1",
    "3.000000E-1",
    "6.553500E1",
    "1.000000E-3",
  ]);
});

test("thousandths are rounded as whole numbers are", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 99_999_999 }), fc.boolean(), (thousandths, isNegative) => {
      const hundredths = Math.floor((thousandths + 5) / 10);
      const digits = String(hundredths).padStart(3, "0");
      const sign = isNegative && hundredths > 0 ? "-" : "";
      const value = Number(`${isNegative ? "-" : ""}${thousandths}e-3`);
      assert.equal(withDecimals(value, 2), `${sign}${digits.slice(0, -2)}.${digits.slice(-2)}`);
    }),
  );
});

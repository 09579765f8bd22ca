import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isVscopeError } from "../../../src/base/errors.ts";
import { indexOf, parseIndex } from "../../../src/spectra/processing/band-index.ts";

const wavelengthsNm = Float64Array.from({ length: 600 }, (_, pixel) => 400 + pixel);
const flat = (at: (nm: number) => number) => ({ wavelengthsNm, values: wavelengthsNm.map(at) });

test("known indices, own ones, widths and precedence", () => {
  const leaf = flat((nm) => (nm < 700 ? 0.1 : 0.5));
  assert.ok(Math.abs(indexOf(parseIndex("NDVI"), leaf).value - 0.4 / 0.6) < 1e-12);
  assert.equal(indexOf(parseIndex("PRI"), leaf).value, 0);
  const of = (expression: string): number => indexOf(parseIndex(`own=${expression}`), leaf).value;
  assert.ok(Math.abs(of("1 + 2*R800 - -R600/2") - 2.05) < 1e-12);
  assert.ok(Math.abs(of("10 - 4 - R800") - 5.5) < 1e-12);
  assert.ok(Math.abs(of("8 / 4 / R800") - 4) < 1e-12);
  // 698..702 nm: two pixels of 0.1 and three of 0.5.
  assert.ok(Math.abs(of("R700w4") - 0.34) < 1e-12);
  assert.deepEqual(parseIndex("a=R800/R800w5").bands, [
    { centreNm: 800, widthNm: 10 },
    { centreNm: 800, widthNm: 5 },
  ]);
});

test("a band with a pixel without value, or outside of the spectrum, gives no index", () => {
  const gap = flat((nm) => (nm === 803 ? Number.NaN : 0.3));
  assert.ok(Number.isNaN(indexOf(parseIndex("NDVI"), gap).value));
  assert.ok(
    Number.isNaN(
      indexOf(
        parseIndex("a=R1500/R800"),
        flat(() => 0.3),
      ).value,
    ),
  );
});

test("the standard error of NDVI is that of its formula", () => {
  const [near, red, u] = [0.5, 0.1, 0.01];
  const spectrum = flat((nm) => (nm < 700 ? red : near));
  const errors = new Float64Array(600).fill(u);
  // 11 pixels a band; d/dnear = 2 red / sum^2, d/dred = -2 near / sum^2.
  const expected = ((2 * Math.hypot(red, near)) / (near + red) ** 2) * (u / Math.sqrt(11));
  const { standardError } = indexOf(parseIndex("NDVI"), spectrum, errors);
  assert.ok(Math.abs(standardError / expected - 1) < 1e-6);
  assert.ok(
    Number.isNaN(indexOf(parseIndex("NDVI"), spectrum).standardError),
    "nothing is known of the noise",
  );
});

test("NDVI does not change with the scale of the spectrum", () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-3, max: 1e3, noNaN: true }), (scale) => {
      const at = (nm: number): number => 0.1 + nm / 1000;
      const [one, other] = [flat(at), flat((nm) => scale * at(nm))].map(
        (curve) => indexOf(parseIndex("NDVI"), curve).value,
      );
      assert.ok(Math.abs((one ?? 0) - (other ?? 0)) < 1e-9);
    }),
  );
});

test("mistakes are told, whatever the text", () => {
  for (const text of ["EVI", "a=", "a=R800+", "a=(R800", "a=R800)", "a=R", "a=3", "a=R800 R670", "a=R800w0"])
    assert.throws(
      () => parseIndex(text),
      (error) => isVscopeError(error, "VALUE_INVALID"),
      text,
    );
  for (const name of ["constructor", "__proto__"])
    assert.throws(() => parseIndex(name), /is not one of NDVI/);
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(...Array.from("R80w1.+-*/() x")), maxLength: 200 }),
      (text) => {
        try {
          parseIndex(`a=${text}`);
        } catch (error) {
          assert.ok(isVscopeError(error, "VALUE_INVALID"), String(error));
        }
      },
    ),
  );
});

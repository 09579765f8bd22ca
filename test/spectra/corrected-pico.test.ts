// Corrections of spectra out of files: which facts of the file go where.

import assert from "node:assert/strict";
import { test } from "node:test";
import { correctPico } from "../../src/spectra/corrected-pico.ts";
import type { PicoSpectrum } from "../../src/spectra/pico.ts";
import { sampleSpectrum } from "../client/sample-spectra.ts";

const PLAIN = sampleSpectrum({ serial: "FLMS01859", channel: "upwelling", kind: "light", sequence: 0 });
const LIGHT: PicoSpectrum = {
  ...PLAIN,
  darkPixels: [0, 1],
  opticalPixelRange: [2, 4],
  nonlinearityCoefficients: [0.5, 0.0005],
  strayLightConstant: 0.1,
  counts: Float64Array.of(11, 13, 1012, 3012),
};

function made({ outcomes }: ReturnType<typeof correctPico>): string {
  return outcomes.flatMap(({ correction, applied }) => (applied ? [correction] : [])).join(" ");
}

test("dark pixels, polynomial and constant of the file", () => {
  const result = correctPico(LIGHT);
  assert.equal(made(result), "electric-dark nonlinearity stray-light");
  assert.equal(result.darkCounts, 12);
  // Signal 1000 and 3000 over p = 1 and 2; a tenth of the mean 1250.
  assert.deepEqual(result.counts.slice(2), Float64Array.of(875, 1375));
});

test("a dark spectrum goes before the dark pixels; an old file without constant has no stray light", () => {
  const dark = { ...LIGHT, kind: "dark" as const, counts: Float64Array.of(11, 13, 12, 1012) };
  const result = correctPico({ ...LIGHT, strayLightConstant: null }, dark);
  assert.equal(made(result), "dark-spectrum nonlinearity");
  assert.deepEqual([...result.counts], [0, 0, 1000, 2000 / 1.5]);
});

test("a binned frame: no range of the instrument fits", () => {
  const result = correctPico({ ...LIGHT, counts: Float64Array.of(12, 500) });
  assert.equal(made(result), "");
  assert.deepEqual([...result.counts], [12, 500]);
});

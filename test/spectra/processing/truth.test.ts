// Processing against the truth of the emulator: reflectance, its standard errors, and the noise of the detector.

import assert from "node:assert/strict";
import { test } from "node:test";
import { atLevel } from "../../../src/spectra/processing/at-level.ts";
import { indexOf, parseIndex } from "../../../src/spectra/processing/band-index.ts";
import { type NoisePair, noiseOf } from "../../../src/spectra/processing/noise.ts";
import { SEED } from "../../support/seed.ts";
import { Field } from "./field.ts";

const REPEATS = 100;

for (const name of ["Flame-S", "QE Pro"] as const) {
  test(`${name}: reflectance is within 1 % of the truth where it is above 100 standard errors, seed ${SEED}`, (context) => {
    const field = new Field(name, SEED);
    const sequences = Array.from({ length: REPEATS }, () => field.sequence());
    const pairs = sequences.slice(1, 20).flatMap(({ target }, index): NoisePair[] => {
      const before = sequences[index]?.target ?? assert.fail();
      return [
        [before, target],
        [
          { light: before.dark, dark: before.dark },
          { light: target.dark, dark: target.dark },
        ],
      ];
    });
    const noise = noiseOf(pairs) ?? assert.fail("the noise is known");
    const { profile, calibration } = field.detector;
    const isNear = (found: number, truth: number): boolean => Math.abs(found / truth - 1) < 0.1;
    const electronsPerCount = profile.fullWellElectrons / calibration.saturationCounts;
    context.diagnostic(`read noise ${noise.readNoiseCounts}, electrons per count ${noise.electronsPerCount}`);
    assert.ok(isNear(noise.electronsPerCount, electronsPerCount), `${electronsPerCount}`);
    const readNoise = profile.readNoise * calibration.saturationCounts;
    assert.ok(isNear(noise.readNoiseCounts, readNoise), `${noise.readNoiseCounts}, not ${readNoise}`);

    const truth = field.trueReflectance;
    const rows = sequences.map((sequence) => atLevel({ level: "reflectance", ...sequence }, noise));
    for (const { values, standardError } of rows.slice(0, 5)) {
      const precise = [...values.keys()].filter(
        (pixel) => (values[pixel] ?? 0) / (standardError?.[pixel] ?? 0) > 100,
      );
      const squares = precise.map((pixel) => ((values[pixel] ?? 0) / (truth[pixel] ?? 0) - 1) ** 2);
      const rms = Math.sqrt(meanOf(squares));
      context.diagnostic(`${precise.length} pixels, ${(100 * rms).toFixed(2)} % RMS`);
      assert.ok(precise.length > 200, `${precise.length} pixels`);
      assert.ok(rms < 0.01, `${rms}`);
    }
    checkScatter(context, rows);
    checkIndex(field, rows);
  });
}

type Rows = readonly ReturnType<typeof atLevel>[];

/** What the rows differ by is what their errors say. */
function checkScatter(context: { diagnostic: (text: string) => void }, rows: Rows): void {
  const pixels = [...(rows[0]?.values.keys() ?? [])].filter((pixel) =>
    rows.every(({ values, standardError }) => (values[pixel] ?? 0) / (standardError?.[pixel] ?? 0) > 20),
  );
  assert.ok(pixels.length > 200);
  const ratios = pixels.map((pixel) => {
    const values = rows.map((row) => row.values[pixel] ?? Number.NaN);
    const mean = meanOf(values);
    const scatter = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (rows.length - 1);
    return scatter / meanOf(rows.map((row) => (row.standardError?.[pixel] ?? Number.NaN) ** 2));
  });
  const ratio = Math.sqrt(meanOf(ratios));
  context.diagnostic(`scatter over standard error: ${ratio.toFixed(3)}`);
  assert.ok(Math.abs(ratio - 1) < 0.15, `${ratio}`);
}

function checkIndex({ detector, trueReflectance }: Field, rows: Rows): void {
  const ndvi = parseIndex("NDVI");
  const { wavelengthsNm } = detector;
  const truth = indexOf(ndvi, { wavelengthsNm, values: trueReflectance }).value;
  const found = rows.map(({ values, standardError }) =>
    indexOf(ndvi, { wavelengthsNm, values }, standardError),
  );
  const deviations = found.map(({ value, standardError }) => ((value - truth) / standardError) ** 2);
  const spread = Math.sqrt(meanOf(deviations));
  assert.ok(Math.abs(spread - 1) < 0.3, `NDVI differs from the truth by ${spread} of its standard errors`);
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

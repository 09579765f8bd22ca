// Wavelengths from emulated lamps: the coefficients of the unit come back, whatever else is in the spectrum.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type ModelName, MODELS } from "../../../src/drivers/oceanoptics/models.ts";
import type { Detector } from "../../../src/emulator/device/detector.ts";
import { profileOf } from "../../../src/emulator/device/profile.ts";
import { LAMP_LINES } from "../../../src/spectra/calibration/lamp-lines.ts";
import {
  fitWavelengths,
  type LampSpectrum,
  type WavelengthFit,
} from "../../../src/spectra/calibration/wavelength-fit.ts";
import { substituted } from "../../../src/spectra/polynomial.ts";
import { wavelengthsNm } from "../../../src/spectra/spectrum.ts";
import { lampSpectrum } from "./emulated-lamps.ts";

const LIMIT_NM = 0.05;
/** With fewer of the lamps' lines within its range a model has no calibration by these lamps. */
const FEWEST_LINES = 9;

const SILICON = MODELS.map(({ name }): ModelName => name).filter((name) => {
  const [from, to] = profileOf(name).rangeNm;
  const lines = [...LAMP_LINES["hg-ar"], ...LAMP_LINES.ne];
  return to <= 1100 && lines.filter(([nm]) => nm > from && nm < to).length >= FEWEST_LINES;
});

for (const model of SILICON) {
  test(`${model}: from 2 nm and 0.4 % off within ${LIMIT_NM} nm over the detector`, (context) => {
    const { spectra, detector } = lamps(model, 1);
    const fit = fitWavelengths(spectra, { start: wrongStart(detector), degree: 3 });
    tell(context, fit, detector);
  });
}

const SEEDS = Array.from({ length: 20 }, (_, index) => index + 1);

for (const model of ["Flame-S", "QE Pro", "Maya2000 Pro"] as const) {
  test(`${model}: 20 units, with a saturated line, a hot pixel and a line of another lamp`, (context) => {
    for (const seed of SEEDS) {
      const { spectra, detector } = lamps(model, seed);
      const troubled = spectra.map((spectrum) => withTrouble(spectrum, detector, seed));
      const fit = fitWavelengths(troubled, { start: wrongStart(detector), degree: 3 });
      tell(context, fit, detector);
      assert.ok(
        fit.lines.every(({ lineNm }) => lineNm !== 546.075),
        "the line that is saturated has no centre",
      );
    }
  });
}

test("too few lines are refused, with those that were found", () => {
  const { spectra, detector } = lamps("NIRQuest512", 1);
  assert.throws(() => fitWavelengths(spectra, { start: wrongStart(detector), degree: 3 }), {
    code: "VALUE_INVALID",
    message:
      /^lamps: 4 lines found that agree \(hg-ar 912\.2967, .*\), 8 are needed; a lower degree needs fewer$/,
  });
  const dark = spectra.map((spectrum) => ({ ...spectrum, counts: spectrum.counts.map(() => 0) }));
  assert.throws(() => fitWavelengths(dark, { start: wrongStart(detector), degree: 3 }), {
    message: /^lamps: 0 lines found that agree, 8 are needed/,
  });
});

test("a start too far off, or the wrong lamp, gives no fit instead of a wrong one", () => {
  const { spectra, detector } = lamps("Flame-S", 1);
  const [mercury, neon] = spectra.map(({ lines }) => lines);
  const swapped = spectra.map((spectrum, index) => ({
    ...spectrum,
    lines: (index === 0 ? neon : mercury) ?? [],
  }));
  const refused = { code: "VALUE_INVALID", message: /^lamps: .* are needed; / };
  for (let shiftNm = 7; shiftNm <= 25; shiftNm++) {
    const start = truth(detector).map((value, power) => 1.01 * value + (power === 0 ? shiftNm : 0));
    assert.throws(() => fitWavelengths(spectra, { start, degree: 3 }), refused, `${shiftNm} nm`);
  }
  assert.throws(() => fitWavelengths(swapped, { start: truth(detector), degree: 3 }), refused);
});

test("the fit tells the width of a line, the range that lines cover, and what disagrees", () => {
  const { spectra, detector } = lamps("Flame-S", 1);
  const moved = spectra.map((spectrum) => ({
    ...spectrum,
    lines: spectrum.lines.map(([nm, power]) => [nm === 435.8335 ? nm + 0.4 : nm, power] as const),
  }));
  const fit = fitWavelengths(moved, { start: wrongStart(detector), degree: 3 });
  assert.ok(Math.abs(fit.fwhmNm / detector.profile.resolutionNm - 1) < 0.02);
  assert.deepEqual(fit.coveredNm, [404.6565, 922.4499]);
  assert.equal(fit.lines.find(({ lineNm }) => lineNm === 436.2335)?.isUsed, false);
  assert.ok(fit.rmsNm < 0.02);
});

test("lines that the instrument does not separate are fitted together, and are where they are", (context) => {
  const blends = new Map<number, number[]>();
  for (const seed of SEEDS) {
    const { spectra, detector } = lamps("Flame-S", seed);
    const fit = fitWavelengths(spectra, { start: wrongStart(detector), degree: 3 });
    for (const { lineNm, pixel, blendNm, isUsed } of fit.lines) {
      if (blendNm === undefined || !isUsed) continue;
      const truthNm = truth(detector).reduceRight((sum, one) => sum * pixel + one, 0);
      const [first = 0] = blendNm;
      blends.set(first, [...(blends.get(first) ?? []), truthNm - lineNm]);
    }
  }
  for (const [first, off] of blends) {
    const rms = Math.sqrt(off.reduce((sum, one) => sum + one * one, 0) / off.length);
    context.diagnostic(
      `blend from ${first} nm: ${off.length} of ${SEEDS.length} units, ${rms.toFixed(4)} nm RMS off`,
    );
    assert.ok(rms < LIMIT_NM, `${first} nm: ${rms}`);
  }
  assert.ok((blends.get(365.0158)?.length ?? 0) > SEEDS.length / 2, "three lines of mercury");
});

function lamps(model: ModelName, seed: number) {
  const { detector, ...mercury } = lampSpectrum(model, seed, "hg-ar");
  const neon: LampSpectrum = lampSpectrum(model, seed, "ne");
  const spectra: readonly LampSpectrum[] = [mercury, neon];
  return { detector, spectra };
}

/** Coefficients by pixel index, as files have them. */
function truth({ calibration, model }: Detector): readonly number[] {
  return substituted(calibration.wavelengthCoefficients, { offset: model.frame.wavelengthOffset });
}

function wrongStart(detector: Detector): readonly number[] {
  return truth(detector).map((value, power) => value * 1.004 + (power === 0 ? 2 : 0));
}

/** The green mercury line is cut off, one pixel is hot, and a line is there that is none of the lamp's. */
function withTrouble(spectrum: LampSpectrum, detector: Detector, seed: number): LampSpectrum {
  const { wavelengthsNm: nm, profile } = detector;
  const counts = spectrum.counts.slice();
  const limit = 0.5 * Math.max(...counts.filter((_, pixel) => Math.abs((nm[pixel] ?? 0) - 546.075) < 1));
  const isCut = (pixel: number): boolean =>
    spectrum.lamp === "hg-ar" &&
    Math.abs((nm[pixel] ?? 0) - 546.075) < 3 &&
    (spectrum.counts[pixel] ?? 0) >= limit;
  const hot = 100 + 37 * seed;
  counts[hot] = (counts[hot] ?? 0) + 5000;
  const sigmaNm = profile.resolutionNm / 2.3548;
  return {
    ...spectrum,
    counts: counts.map((count, pixel) => {
      const foreign = 4000 * Math.exp(-0.5 * (((nm[pixel] ?? 0) - (480 + 11 * seed)) / sigmaNm) ** 2);
      return isCut(pixel) ? limit : count + foreign;
    }),
    isSaturated: isCut,
  };
}

function tell(
  context: { diagnostic(text: string): void },
  { coefficients, lines, rmsNm }: WavelengthFit,
  detector: Detector,
): void {
  const [from, to] = detector.model.opticalPixelRange;
  const found = wavelengthsNm(coefficients, to).slice(from);
  const squares = found.map((nm, index) => (nm - (detector.wavelengthsNm[from + index] ?? 0)) ** 2);
  const rms = Math.sqrt(squares.reduce((sum, one) => sum + one, 0) / squares.length);
  const used = lines.filter(({ isUsed }) => isUsed).length;
  const text = `${used} of ${lines.length} lines, residuals ${rmsNm.toFixed(4)} nm, off by ${rms.toFixed(4)} nm RMS`;
  context.diagnostic(text);
  assert.ok(rms < LIMIT_NM, text);
}

// The corrections together: their order, what depends on what, and the record of what was made.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { correct, type InstrumentFacts } from "../../src/spectra/corrections/correct.ts";
import {
  CORRECTIONS,
  type CorrectionName,
  notApplied,
  OBSTACLES,
} from "../../src/spectra/corrections/correction.ts";
import { sourceRoot } from "../support/sources.ts";

/** All that needs nothing but the frame. */
const ALL = CORRECTIONS.filter((name) => name !== "dark-spectrum");

// Dark level 12; signal 0, 1000, 3000, 7000, 0; p(x) = 0.5 + 0.0005 x makes it 0, 1000, 1500, 1750, 0.
const COUNTS = Uint32Array.of(12, 12, 1012, 3012, 7012, 12);

function facts(change: Partial<InstrumentFacts> = {}): InstrumentFacts {
  return {
    pixels: 6,
    maxCounts: 60_000,
    saturationLevel: 48_000,
    darkPixelRanges: [[0, 2]],
    opticalPixelRange: [2, 6],
    calibration: {
      wavelengthCoefficients: [340, 0.5],
      nonlinearityCoefficients: [0.5, 0.0005],
      strayLightConstant: 0.1,
    },
    isGainScaled: true,
    ...change,
  };
}

function near(actual: Float64Array, expected: readonly number[]): void {
  assert.equal(actual.length, expected.length);
  for (const [pixel, value] of actual.entries())
    assert.ok(Math.abs(value - (expected[pixel] ?? Number.NaN)) < 1e-9, `[${pixel}] ${value}`);
}

/** What was not made, by name; a dark spectrum only where it was asked for. */
function missing({ outcomes }: ReturnType<typeof correct>): Partial<Record<CorrectionName, string>> {
  return Object.fromEntries(
    outcomes.flatMap((outcome) =>
      outcome.applied || (outcome.correction === "dark-spectrum" && outcome.obstacle === "not-asked-for")
        ? []
        : [[outcome.correction, outcome.obstacle]],
    ),
  );
}

test("all corrections, by hand", () => {
  const result = correct(COUNTS, facts(), ALL);
  // Stray light: a tenth of the mean 1062.5. Gain: 60000 / 48000 = 1.25.
  near(result.counts, [-132.8125, -132.8125, 1117.1875, 1742.1875, 2054.6875, -132.8125]);
  assert.deepEqual(result.wavelengthsNm, Float64Array.of(340, 340.5, 341, 341.5, 342, 342.5));
  assert.equal(result.darkCounts, 12);
  assert.deepEqual(result.saturatedPixels, []);
  assert.deepEqual(result.outcomes.slice(1), [
    {
      correction: "electric-dark",
      applied: true,
      facts: { darkCounts: 12, darkPixels: 2, rejectedPixels: 0 },
    },
    { correction: "nonlinearity", applied: true, facts: { argumentScale: 1, unusablePixels: 0 } },
    {
      correction: "stray-light",
      applied: true,
      facts: { strayLightConstant: 0.1, strayCounts: 106.25, averagedPixels: 4 },
    },
    { correction: "gain-scale", applied: true, facts: { factor: 1.25 } },
    { correction: "wavelength", applied: true, facts: { calibration: "device" } },
  ]);
});

test("each correction alone and in pairs", () => {
  const counts = (...which: CorrectionName[]) => correct(COUNTS, facts(), which).counts;
  near(counts("electric-dark"), [0, 0, 1000, 3000, 7000, 0]);
  near(counts("electric-dark", "nonlinearity"), [0, 0, 1000, 1500, 1750, 0]);
  near(counts("gain-scale"), [15, 15, 1265, 3765, 8765, 15]);
  near(counts("gain-scale", "electric-dark"), [0, 0, 1250, 3750, 8750, 0]);
  // Mean signal (1000 + 3000 + 7000 + 0) / 4 = 2750.
  near(counts("electric-dark", "stray-light"), [-275, -275, 725, 2725, 6725, -275]);
  near(counts("wavelength"), [...COUNTS]);
});

test("the dark level is added back when the dark correction was not asked for", () => {
  const counts = (...which: CorrectionName[]) => correct(COUNTS, facts(), which).counts;
  near(counts("nonlinearity"), [12, 12, 1012, 1512, 1762, 12]);
  near(counts("stray-light"), [-263, -263, 737, 2737, 6737, -263]);
  near(counts("nonlinearity", "gain-scale"), [15, 15, 1265, 1890, 2202.5, 15]);
});

test("nothing asked for: the raw counts to the last digit, and six reasons", () => {
  const counts = Float64Array.of(0.1, 0.3, 1e15, 0.7, 5, 6);
  const result = correct(counts, facts(), []);
  assert.deepEqual(result.counts, counts);
  assert.notEqual(result.counts, counts);
  assert.equal(result.wavelengthsNm, undefined);
  assert.deepEqual(
    result.outcomes.map((outcome) => [outcome.correction, outcome.applied ? "" : outcome.obstacle]),
    CORRECTIONS.map((name) => [name, "not-asked-for"]),
  );
});

test("saturation is judged on raw counts, before anything is corrected", () => {
  // Scaled by 1.25 the 40000 exceeds the level; corrected by the polynomial the 48000 falls below it.
  const counts = Uint32Array.of(12, 12, 40_000, 47_999, 48_000, 60_000);
  assert.deepEqual(correct(counts, facts(), ALL).saturatedPixels, [4, 5]);
  assert.deepEqual(
    correct(counts, facts({ opticalPixelRange: [2, 5] }), ALL).saturatedPixels,
    [4],
    "only pixels that see light",
  );
  const unknown = correct(counts, facts({ saturationLevel: 0 }), ALL);
  assert.equal(unknown.saturatedPixels, undefined);
  assert.equal(unknown.darkCounts, 12, "an unknown level rejects no dark pixel");
  assert.deepEqual(missing(unknown), { "gain-scale": "level-unusable" });
});

const DARK = { counts: Uint32Array.of(10, 14, 12, 22, 12, 12), facts: { exposureStart: "yesterday" } };

test("a dark spectrum is subtracted pixel by pixel, before the polynomial", () => {
  const result = correct(COUNTS, facts({ darkSpectrum: DARK }), ["dark-spectrum", "nonlinearity"]);
  // Signal 2, -2, 1000, 2990, 7000, 0 over p of itself.
  near(result.counts, [2 / 0.501, -2 / 0.499, 1000, 2990 / 1.995, 1750, 0]);
  assert.equal(result.darkCounts, 12, "the frame's own level, for the record");
  assert.deepEqual(result.outcomes[0], {
    correction: "dark-spectrum",
    applied: true,
    facts: { exposureStart: "yesterday" },
  });
});

test("with both darks asked for, the electric one stands in where there is no dark spectrum", () => {
  const both = (darkSpectrum: InstrumentFacts["darkSpectrum"]) =>
    correct(COUNTS, facts({ darkSpectrum }), ["electric-dark", "dark-spectrum"]);
  near(both(DARK).counts, [2, -2, 1000, 2990, 7000, 0]);
  assert.equal(missing(both(DARK))["electric-dark"], "dark-subtracted");
  near(both(undefined).counts, [0, 0, 1000, 3000, 7000, 0]);
  assert.equal(missing(both(undefined))["dark-spectrum"], "no-dark-spectrum");
  const other = { ...DARK, counts: DARK.counts.subarray(1) };
  near(both(other).counts, [0, 0, 1000, 3000, 7000, 0]);
  assert.equal(missing(both(other))["dark-spectrum"], "frame-size");
});

test("no dark spectrum: the polynomial works on the electric level, which is added back", () => {
  const none = notApplied("no-dark-spectrum", "none yet");
  const result = correct(COUNTS, facts({ darkSpectrum: none }), ["dark-spectrum", "nonlinearity"]);
  near(result.counts, [12, 12, 1012, 1512, 1762, 12]);
  assert.deepEqual(result.outcomes[0], { correction: "dark-spectrum", ...none });
});

test("a dark spectrum serves models without dark pixels", () => {
  const change = { darkPixelRanges: [], darkSpectrum: DARK };
  const result = correct(COUNTS, facts(change), ["dark-spectrum", "nonlinearity", "stray-light"]);
  assert.equal(result.darkCounts, undefined);
  assert.deepEqual(missing(result), {
    "electric-dark": "not-asked-for",
    "gain-scale": "not-asked-for",
    wavelength: "not-asked-for",
  });
});

test("a binned frame takes its dark spectrum, and neither polynomial nor stray light", () => {
  const darkSpectrum = { ...DARK, counts: Uint32Array.of(1, 2, 3) };
  const result = correct(Uint32Array.of(11, 12, 13), facts({ darkSpectrum }), CORRECTIONS);
  near(result.counts, [12.5, 12.5, 12.5]);
  assert.deepEqual(missing(result), {
    "electric-dark": "dark-subtracted",
    nonlinearity: "frame-size",
    "stray-light": "frame-size",
    wavelength: "frame-size",
  });
});

test("a model without dark pixels: everything that needs the dark level is left out and says so", () => {
  const result = correct(COUNTS, facts({ darkPixelRanges: [] }), ALL);
  near(result.counts, [15, 15, 1265, 3765, 8765, 15]);
  assert.equal(result.darkCounts, undefined);
  assert.deepEqual(missing(result), {
    "electric-dark": "no-dark-pixels",
    nonlinearity: "no-dark-pixels",
    "stray-light": "no-dark-pixels",
  });
  assert.deepEqual(result.outcomes[2], {
    correction: "nonlinearity",
    applied: false,
    obstacle: "no-dark-pixels",
    detail: "needs the dark level: the model has no dark pixels",
  });
});

test("a device that stores nothing: the dark is subtracted, the rest says why not", () => {
  const calibration = { wavelengthCoefficients: [0, 1], nonlinearityCoefficients: [] };
  const result = correct(COUNTS, facts({ calibration, isGainScaled: false }), ALL);
  near(result.counts, [0, 0, 1000, 3000, 7000, 0]);
  assert.equal(result.wavelengthsNm, undefined);
  assert.deepEqual(missing(result), {
    nonlinearity: "no-coefficients",
    "stray-light": "no-constant",
    "gain-scale": "no-gain-scale",
    wavelength: "no-coefficients",
  });
});

test("asked for nonlinearity only, and it cannot be made: the raw counts, not dark-subtracted ones", () => {
  const calibration = { wavelengthCoefficients: [], nonlinearityCoefficients: [1, Number.NaN] };
  const result = correct(COUNTS, facts({ calibration }), ["nonlinearity"]);
  assert.deepEqual([...result.counts], [...COUNTS]);
  assert.equal(missing(result).nonlinearity, "coefficients-unusable");
});

test("a pixel without a value in the polynomial is NaN to the end and spares the others", () => {
  // p(x) = 1 - x / 7000 is 0 at the brightest pixel.
  const calibration = {
    wavelengthCoefficients: [],
    nonlinearityCoefficients: [1, -1 / 7000],
    strayLightConstant: 0.1,
  };
  const which = ["electric-dark", "nonlinearity", "stray-light", "gain-scale"] as const;
  const { counts, outcomes } = correct(COUNTS, facts({ calibration }), which);
  assert.deepEqual(
    [...counts].map((value) => Number.isNaN(value)),
    [false, false, false, false, true, false],
  );
  assert.deepEqual(outcomes[2]?.applied && outcomes[2].facts, { argumentScale: 1, unusablePixels: 1 });
  assert.equal(outcomes[3]?.applied && outcomes[3].facts.averagedPixels, 3);
});

test("a frame of another size than the instrument: only what needs no pixel index", () => {
  const result = correct(COUNTS.subarray(0, 3), facts(), ALL);
  near(result.counts, [15, 15, 1265]);
  assert.deepEqual(missing(result), {
    "electric-dark": "frame-size",
    nonlinearity: "frame-size",
    "stray-light": "frame-size",
    wavelength: "frame-size",
  });
  assert.deepEqual(correct(Uint32Array.of(48_000, 1), facts(), []).saturatedPixels, [0]);
});

test("a polynomial fitted to scaled counts: the same as scaling first, as python-seabreeze does", () => {
  const scaled = facts({ nonlinearityArgument: "scaled" });
  // 1.25 x 1000 / p(1250) = 1250 / 1.125; 3750 / p(3750) = 3750 / 2.375; 8750 / p(8750) = 8750 / 4.875
  const expected = [0, 0, 1250 / 1.125, 3750 / 2.375, 8750 / 4.875, 0];
  const which = ["electric-dark", "nonlinearity", "gain-scale"] as const;
  const result = correct(COUNTS, scaled, which);
  near(result.counts, expected);
  assert.deepEqual(result.outcomes[2]?.applied && result.outcomes[2].facts.argumentScale, 1.25);
  const unscaled = correct(COUNTS, scaled, ["electric-dark", "nonlinearity"]);
  near(
    unscaled.counts,
    expected.map((value) => value / 1.25),
  );
  const noGain = correct(COUNTS, { ...scaled, isGainScaled: false }, which);
  near(noGain.counts, [0, 0, 1000, 1500, 1750, 0]);
});

test("the channel's wavelength calibration goes before the device's", () => {
  const result = correct(COUNTS, facts({ channelWavelengthCoefficients: [300, 2] }), ["wavelength"]);
  assert.deepEqual(result.wavelengthsNm, Float64Array.of(300, 302, 304, 306, 308, 310));
  assert.deepEqual(result.outcomes[5], {
    correction: "wavelength",
    applied: true,
    facts: { calibration: "channel" },
  });
});

test("docs/corrections.md lists every obstacle in the words of the table, and no other", async () => {
  const text = await readFile(new URL("docs/corrections.md", sourceRoot), "utf8");
  const section = text.slice(text.indexOf("## Why a correction was not made"));
  const rows = [...section.matchAll(/^\| `([\w-]+)` \| (.*?) \|$/gm)].map(([, name, why]) => [name, why]);
  assert.deepEqual(rows, Object.entries(OBSTACLES));
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { SECOND } from "../../../src/base/clock.ts";
import { whitePanelReflectance } from "../../../src/emulator/light/targets.ts";
import type { Curve } from "../../../src/spectra/curve.ts";
import { around } from "../../../src/spectra/around.ts";
import type { PicoSpectrum } from "../../../src/spectra/pico.ts";
import { atLevel } from "../../../src/spectra/processing/at-level.ts";
import { darkened, type Darkened, recordedOf } from "../../../src/spectra/processing/dark-choice.ts";
import { choosePanels, type Look } from "../../../src/spectra/processing/panel-reflectance.ts";
import { middleUtcUs } from "../../../src/spectra/signal-rate.ts";
import { Timeline } from "../../../src/spectra/timeline.ts";
import { sampleSpectrum } from "../../client/sample-spectra.ts";
import { SEED } from "../../support/seed.ts";
import { Field } from "./field.ts";

const NOISE = { readNoiseCounts: 20, electronsPerCount: 1.5 };
const WHITE: Curve = { wavelengthsNm: Float64Array.of(200, 1200), values: Float64Array.of(0.9, 0.9) };

function sampled(channel: string, kind: PicoSpectrum["kind"], atS: number): PicoSpectrum {
  const one = sampleSpectrum({ serial: "FLMS01859", channel, kind, sequence: 0 });
  const start = one.exposureStartUtcUs + atS * SECOND;
  return { ...one, exposureStartUtcUs: start, exposureEndUtcUs: start + one.integrationTimeUs };
}

/** So many counts above its dark. */
function seen(channel: string, atS: number, signal: number): Darkened {
  const dark = sampled(channel, "dark", atS);
  const light = { ...sampled(channel, "light", atS), counts: dark.counts.map((count) => count + signal) };
  return darkened(light, [{ item: dark, weight: 1 }]);
}

function look(atS: number, signal: number, skySignal?: number): Look {
  const downwelling = skySignal === undefined ? [] : [seen("downwelling", atS, skySignal)];
  return { upwelling: seen("upwelling", atS, signal), downwelling };
}

function rowOf(target: Look, panels: readonly Look[]) {
  const weighted = around(middleUtcUs(target.upwelling.light), panels, (one) =>
    middleUtcUs(one.upwelling.light),
  );
  const byPanel = { panels: weighted, factors: WHITE };
  const { upwelling, downwelling } = target;
  const sources = { level: "reflectance", target: upwelling, irradiance: downwelling, byPanel } as const;
  const { values, standardError = assert.fail() } = atLevel(sources, NOISE);
  return { value: values[0] ?? Number.NaN, error: standardError[0] ?? Number.NaN };
}

const near = (found: number, wanted: number): void =>
  assert.ok(Math.abs(found / wanted - 1) < 1e-9, `${found} instead of ${wanted}`);

test("target over panel times its factor; two panels are interpolated, one alone is taken as it is", () => {
  near(rowOf(look(60, 1000), [look(0, 4000)]).value, (0.9 * 1000) / 4000);
  // A quarter of the way from 4000 to 8000.
  near(rowOf(look(25, 1000), [look(0, 4000), look(100, 8000)]).value, (0.9 * 1000) / 5000);
  near(rowOf(look(25, 0), [look(0, 4000), look(100, 8000)]).error, (0.9 / 5000) * Math.sqrt(800));
});

test("the change of the downwelling light is taken out, when it is known beside target and all panels", () => {
  // Half the light: half the counts.
  near(rowOf(look(60, 1000, 3000), [look(0, 4000, 6000)]).value, (0.9 * 2000) / 4000);
  const panels = [look(0, 4000, 6000), look(100, 8000, 12_000)];
  near(rowOf(look(25, 1000, 3000), panels).value, (0.9 * 2000) / 4000);
  near(rowOf(look(25, 1000, 3000), [look(0, 4000, 6000), look(100, 8000)]).value, (0.9 * 1000) / 5000);
});

test("errors of target, panels and downwelling light add in squares, by their shares", () => {
  const relative = (signal: number): number => (800 + signal / 1.5) / signal ** 2;
  const bare = rowOf(look(60, 1000), [look(0, 4000)]);
  near(bare.error / bare.value, Math.sqrt(relative(1000) + relative(4000)));
  const both = rowOf(look(50, 1000), [look(0, 4000), look(100, 4000)]);
  near(both.error / both.value, Math.sqrt(relative(1000) + relative(4000) / 2));
  const paired = rowOf(look(60, 1000, 3000), [look(0, 4000, 6000)]);
  const all = [1000, 4000, 3000, 6000].reduce((sum, signal) => sum + relative(signal), 0);
  near(paired.error / paired.value, Math.sqrt(all));
});

test("panels of the same spectrometer and channel count, within 15 minutes, or a day beside downwelling light", () => {
  const panelAt = (atS: number, change: Partial<PicoSpectrum> = {}) =>
    recordedOf({ ...sampled("upwelling", "light", atS), ...change }, `panel${atS}.pico`);
  const panels = [panelAt(0), panelAt(1600), panelAt(2000), panelAt(1700, { channel: "other" })];
  const chosen = (atS: number, isPaired: boolean) =>
    choosePanels(
      recordedOf(sampled("upwelling", "light", atS), "light.pico"),
      new Timeline(panels, middleUtcUs),
      isPaired,
    ).map(({ item, weight }) => `${item.file} ${weight}`);
  assert.deepEqual(chosen(1800, false), ["panel1600.pico 0.5", "panel2000.pico 0.5"]);
  assert.deepEqual(chosen(800, false), ["panel0.pico 0.5", "panel1600.pico 0.5"]);
  assert.deepEqual(chosen(600, false), ["panel0.pico 1"]);
  assert.deepEqual(chosen(2950, false), []);
  assert.deepEqual(chosen(2950, true), ["panel2000.pico 1"]);
});

test(`of an emulated canopy it is within 1 % of the truth where it is above 100 standard errors, seed ${SEED}`, (context) => {
  const field = new Field("Flame-S", SEED);
  const { profile, calibration, wavelengthsNm } = field.detector;
  const noise = {
    readNoiseCounts: profile.readNoise * calibration.saturationCounts,
    electronsPerCount: profile.fullWellElectrons / calibration.saturationCounts,
  };
  const factors = { wavelengthsNm, values: wavelengthsNm.map(whitePanelReflectance) };
  const lookOf = (upwelling: Darkened): Look => ({ upwelling, downwelling: [field.measure("downwelling")] });
  const [deviations, squares]: [number[], number[]] = [[], []];
  for (let repeat = 0; repeat < 20; repeat++) {
    const before = lookOf(field.measurePanel());
    const target = lookOf(field.measure("upwelling"));
    const panels = [
      { item: before, weight: 0.5 },
      { item: lookOf(field.measurePanel()), weight: 0.5 },
    ];
    const { upwelling, downwelling } = target;
    const byPanel = { panels, factors };
    const sources = { level: "reflectance", target: upwelling, irradiance: downwelling, byPanel } as const;
    const { values, standardError = assert.fail() } = atLevel(sources, noise);
    const precise = [...values.keys()].filter(
      (pixel) => (values[pixel] ?? 0) > 100 * (standardError[pixel] ?? 0),
    );
    assert.ok(precise.length > 100, `${precise.length} pixels`);
    const off = precise.map((pixel) => (values[pixel] ?? 0) - (field.trueReflectance[pixel] ?? 0));
    const relative = off.map((one, index) => (one / (field.trueReflectance[precise[index] ?? 0] ?? 0)) ** 2);
    squares.push(...relative);
    deviations.push(...off.map((one, index) => (one / (standardError[precise[index] ?? 0] ?? 0)) ** 2));
  }
  const [rms, spread] = [rootOfMean(squares), rootOfMean(deviations)];
  context.diagnostic(
    `${squares.length} values, ${(100 * rms).toFixed(2)} % RMS, ${spread.toFixed(2)} standard errors`,
  );
  assert.ok(rms < 0.01, `${rms}`);
  assert.ok(Math.abs(spread - 1) < 0.15, `${spread}`);
});

function rootOfMean(squares: readonly number[]): number {
  return Math.sqrt(squares.reduce((sum, one) => sum + one, 0) / squares.length);
}

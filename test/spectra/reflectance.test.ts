import assert from "node:assert/strict";
import { test } from "node:test";
import { MS, SECOND } from "../../src/base/clock.ts";
import { isVscopeError } from "../../src/base/errors.ts";
import { irradianceAt, panelReflectanceOf, reflectanceOf } from "../../src/spectra/reflectance.ts";
import type { Exposed } from "../../src/spectra/signal-rate.ts";
import { sampleSpectrum } from "../client/sample-spectra.ts";

const SERIAL = "FLMS01859";
const T0_US = Date.UTC(2026, 5, 21, 12) * MS;

/** A pair with the light scaled, its exposure around a moment of 1 s. */
function exposed(channel: "upwelling" | "downwelling", atS: number, brightness: number): Exposed {
  const at = { serial: SERIAL, channel, sequence: 0 } as const;
  const dark = sampleSpectrum({ ...at, kind: "dark" });
  const light = sampleSpectrum({ ...at, kind: "light" });
  const counts = light.counts.map((count, pixel) => {
    const offset = dark.counts[pixel] ?? 0;
    return offset + (count - offset) * brightness;
  });
  const middleUs = T0_US + atS * SECOND;
  const halfUs = SECOND / 2;
  const times = { exposureStartUtcUs: middleUs - halfUs, exposureEndUtcUs: middleUs + halfUs };
  return { light: { ...light, ...times, counts }, dark };
}

const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;

test("irradiance that changes evenly is known exactly at the time of the radiance", () => {
  const steady = reflectanceOf(exposed("upwelling", 3, 1), [exposed("downwelling", 3, 1)]);
  // A cloud edge takes 10 % of the light each second; the radiance, 3 s in, has 70 % of it.
  const bracketing = [exposed("downwelling", 4, 0.6), exposed("downwelling", 0, 1)];
  const interpolated = reflectanceOf(exposed("upwelling", 3, 0.7), bracketing);
  for (const [pixel, value] of interpolated.values.entries())
    assert.ok(Math.abs(value - (steady.values[pixel] ?? 0)) < 1e-9);
  const one = reflectanceOf(exposed("upwelling", 3, 0.7), bracketing.slice(1));
  assert.ok(
    Math.abs(mean(one.values) / mean(steady.values) - 0.7) < 1e-9,
    "without the second one it is 30 % off",
  );
});

test("the nearest before and after count; there is no extrapolation", () => {
  const irradiances = [0, 10, 20, 30].map((atS) => exposed("downwelling", atS, 1 + atS / 10));
  const at = (s: number): number => mean(irradianceAt(T0_US + s * SECOND, irradiances).values);
  const unit = at(0);
  assert.ok(Math.abs(at(13) / unit - 2.3) < 1e-9);
  assert.ok(Math.abs(at(20) / unit - 3) < 1e-9);
  assert.ok(Math.abs(at(-5) / unit - 1) < 1e-9);
  assert.ok(Math.abs(at(99) / unit - 4) < 1e-9);
});

test("without irradiance, or with a dark of another integration time, there is no reflectance", () => {
  const up = exposed("upwelling", 0, 1);
  const isInvalid = (error: unknown): boolean => isVscopeError(error, "VALUE_INVALID");
  assert.throws(() => reflectanceOf(up, []), isInvalid);
  const down = exposed("downwelling", 0, 1);
  const other = { ...down.dark, integrationTimeUs: down.dark.integrationTimeUs + 1 };
  assert.throws(() => reflectanceOf(up, [{ ...down, dark: other }]), isInvalid);
});

/** Three pixels at 500, 510 and 520 nm, a linear detector, a dark of 100 counts. */
function small(channel: string, atS: number, counts: readonly number[], integrationTimeUs = SECOND): Exposed {
  const common = {
    ...sampleSpectrum({ serial: SERIAL, channel: "upwelling", kind: "light", sequence: 0 }),
    channel,
    integrationTimeUs,
    exposureStartUtcUs: T0_US + atS * SECOND,
    exposureEndUtcUs: T0_US + atS * SECOND + integrationTimeUs,
    saturationLevel: 60_000,
    opticalPixelRange: [0, 3] as const,
    wavelengthCoefficients: [500, 10],
    channelWavelengthCoefficients: null,
    nonlinearityCoefficients: [],
  };
  const dark = Float64Array.of(100, 100, 100);
  return {
    light: { ...common, counts: Float64Array.from(counts) },
    dark: { ...common, kind: "dark", counts: dark },
  };
}

test("white panel: target over panel, times its factor, times the change of the light", () => {
  const factors = { wavelengthsNm: Float64Array.of(505, 525), values: Float64Array.of(0.98, 0.96) };
  // Twice the integration time: 4000 counts a second above the dark, of a panel with 10 000.
  const target = small("upwelling", 100, [8100, 8100, 8100], 2 * SECOND);
  const panel = small("upwelling", 0, [10_100, 10_100, 10_100]);
  const bare = panelReflectanceOf(
    { upwelling: target, downwelling: [] },
    { upwelling: panel, downwelling: [] },
    factors,
  );
  assert.ok(Number.isNaN(bare.values[0]), "the panel's file begins at 505 nm");
  // 0.4 x 0.975 at 510 nm, 0.4 x 0.965 at 520 nm.
  assert.ok(Math.abs((bare.values[1] ?? 0) - 0.39) < 1e-12);
  assert.ok(Math.abs((bare.values[2] ?? 0) - 0.386) < 1e-12);
  // The sky had 20 000 counts a second beside the panel, and 16 000 beside the target, half way between 18 000 and 14 000.
  const then = [small("downwelling", 0, [20_100, 20_100, 20_100])];
  const now = [
    small("downwelling", 90.5, [18_100, 18_100, 18_100]),
    small("downwelling", 110.5, [14_100, 14_100, 14_100]),
  ];
  const paired = panelReflectanceOf(
    { upwelling: target, downwelling: now },
    { upwelling: panel, downwelling: then },
    factors,
  );
  assert.ok(Math.abs((paired.values[1] ?? 0) - 0.39 * (20 / 16)) < 1e-12);
});

test("a pixel that is saturated in one scan of many has no value, and binned spectra are not compared with others", () => {
  const target = small("upwelling", 0, [8100, 8100, 8100]);
  const panel = small("upwelling", 0, [10_100, 10_100, 10_100]);
  const statistics = {
    scans: 4,
    standardDeviation: Float64Array.of(1, 1, 1),
    min: Uint32Array.of(8000, 8000, 8000),
    max: Uint32Array.of(8200, 60_000, 8200),
  };
  const flickering = { ...target, light: { ...target.light, statistics } };
  const { values } = reflectanceOf(flickering, [panel]);
  assert.deepEqual(
    [0, 1, 2].map((pixel) => Number.isNaN(values[pixel])),
    [false, true, false],
  );
  const processing = { scans: 1, boxcarHalfWidth: 0, binning: 1 };
  const binned = { ...panel, light: { ...panel.light, processing } };
  assert.throws(() => reflectanceOf(target, [binned]), {
    message: "reflectance: spectra with binning 0 and 1 cannot be compared",
  });
});

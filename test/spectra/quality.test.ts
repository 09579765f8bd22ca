// Each flag by itself: just within its limit, and just beyond.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SECOND } from "../../src/base/clock.ts";
import { DEFAULT_SERVER_CONFIG } from "../../src/config/server-config.ts";
import { withCommonFlags } from "../../src/spectra/common-flags.ts";
import { colourOf, FLAGS, flagMask, isFlag } from "../../src/spectra/flags.ts";
import { linearLimit } from "../../src/spectra/linear-limit.ts";
import {
  DEFAULT_LIMITS,
  type SpectraBefore,
  type Surroundings,
  verdictOn,
} from "../../src/spectra/quality.ts";
import type { Spectrum } from "../../src/spectra/spectrum.ts";
import { instrument, spectrum } from "./sample.ts";

const QUIET = instrument({ isSimulated: false });

function at(startS: number, change: Partial<Spectrum> = {}): Spectrum {
  const exposureStartUtcUs = startS * SECOND;
  return spectrum({
    instrument: QUIET,
    counts: Uint32Array.of(1500, 1500, 20_000, 30_000, 40_000, 10_000),
    flags: [],
    exposureStartUtcUs,
    exposureEndUtcUs: exposureStartUtcUs + 250_000,
    ...change,
  });
}

const DARK = at(-1, { kind: "dark", counts: Uint32Array.of(1500, 1500, 1510, 1505, 1495, 1500) });
const GOOD: SpectraBefore = { dark: DARK };

function flags(one: Spectrum, before: SpectraBefore = GOOD, around: Surroundings = {}) {
  return verdictOn(one, before, around, DEFAULT_LIMITS);
}

test("bits are powers of two, each once; the old ones where they were", () => {
  const bits = Object.values(FLAGS).map(({ bit }) => bit);
  assert.equal(new Set(bits).size, bits.length);
  assert.ok(bits.every((bit) => Number.isInteger(bit) && bit >= 0 && bit <= 30));
  // Files have these masks: a change here is a change of what they mean.
  assert.deepEqual(
    Object.entries(FLAGS).map(([name, { bit }]) => `${name} ${bit}`),
    [
      "saturated 0",
      "simulated 1",
      "stale_risk 2",
      "low_signal 3",
      "tec_unstable 4",
      "external_timing 5",
      "uncalibrated 6",
      "dark_missing 7",
      "dark_mismatched 8",
      "dark_stale 9",
      "variable_irradiance 10",
      "sun_low 11",
      "clock_unsynchronised 12",
      "nonlinearity_out_of_range 13",
      "shutter_doubtful 14",
      "position_stale 15",
      "start_skew 16",
      "reference_stale 17",
    ],
  );
});

test("mask and colour; names of a later version are no bits and a warning", () => {
  assert.equal(flagMask(["saturated", "position_stale", "of_a_later_version"]), 1 + 32_768);
  assert.equal(colourOf([]), "green");
  assert.equal(colourOf(["simulated"]), "green");
  assert.equal(colourOf(["simulated", "sun_low"]), "amber");
  assert.equal(colourOf(["sun_low", "saturated"]), "red");
  assert.equal(colourOf(["of_a_later_version"]), "amber");
  assert.ok(!isFlag("toString"));
});

test("the configuration's defaults are those of the verdict", () => {
  assert.deepEqual(DEFAULT_SERVER_CONFIG.quality, DEFAULT_LIMITS);
});

test("a good light has no flag", () => {
  assert.deepEqual(flags(at(0)), []);
});

test("what a spectrum tells by itself", () => {
  const peak = (counts: number) => at(0, { counts: Uint32Array.of(1500, 1500, 2000, 2000, counts, 2000) });
  assert.deepEqual(flags(peak(60_000)), ["saturated"]);
  assert.deepEqual(flags(peak(59_999)), []);
  assert.deepEqual(flags(peak(2999)), ["low_signal"]);
  assert.deepEqual(flags(peak(3000)), []);
  assert.deepEqual(flags(at(0, { freshness: "none" })), ["stale_risk"]);
  const cooled = { tecEnabled: true, tecSetpointC: -10 };
  assert.deepEqual(flags(at(0, { ...cooled, detectorTemperatureC: -9.4 })), ["tec_unstable"]);
  assert.deepEqual(flags(at(0, { ...cooled, detectorTemperatureC: -9.6 })), []);
  assert.deepEqual(flags(at(0, { instrument: instrument() })), ["simulated"]);
  assert.deepEqual(flags(at(0, { flags: ["uncalibrated"] })), ["uncalibrated"]);
});

test("downwelling light that changes by more than 10 % within two minutes", () => {
  const sky = (startS: number, factor: number, change: Partial<Spectrum> = {}) =>
    at(startS, {
      channel: "downwelling",
      counts: Float64Array.of(1500, 1500, ...[20, 30, 40, 10].map((k) => 1500 + 1000 * k * factor)),
      ...change,
    });
  const after = (before: Spectrum, one: Spectrum) => flags(one, { ...GOOD, light: before });
  assert.deepEqual(after(sky(0, 1), sky(60, 0.89)), ["variable_irradiance"]);
  assert.deepEqual(after(sky(0, 1), sky(60, 0.92)), []);
  assert.deepEqual(after(sky(0, 1), sky(121, 0.5)), [], "longer ago");
  assert.deepEqual(after({ ...sky(0, 1), channel: "up" }, { ...sky(60, 0.5), channel: "up" }), []);
  const half = sky(60, 0.5, { integrationTimeUs: 125_000 });
  assert.deepEqual(after(sky(0, 1), half), [], "half as long");
  assert.deepEqual(after(sky(0, 1, { flags: ["saturated"] }), sky(60, 0.5)), [], "not comparable");
  assert.deepEqual(after(sky(0, 0.01), sky(60, 0.02)), ["low_signal"], "noise");
});

test("a light that changed spoils all lights of its spectrometer in the sequence", () => {
  const one = (serial: string, change: Partial<Spectrum>) =>
    at(0, { instrument: instrument({ serial, isSimulated: false }), ...change });
  const judged = withCommonFlags([
    one("A", { channel: "downwelling" }),
    one("A", { flags: ["sun_low"] }),
    one("A", { channel: "downwelling", flags: ["variable_irradiance"] }),
    one("B", {}),
  ]);
  assert.deepEqual(
    judged.map((each) => each.flags),
    [["variable_irradiance"], ["variable_irradiance", "sun_low"], ["variable_irradiance"], []],
  );
});

test("sun, position and clock, where they are known", () => {
  const around = (known: Surroundings) => flags(at(0), GOOD, known);
  assert.deepEqual(around({ sunElevationDeg: 14.9 }), ["sun_low"]);
  assert.deepEqual(around({ sunElevationDeg: 15.1, positionAgeS: 600 }), []);
  assert.deepEqual(around({ sunElevationDeg: 50, positionAgeS: 610 }), ["position_stale"]);
  assert.deepEqual(around({ clock: { isSynchronised: false } }), ["clock_unsynchronised"]);
  assert.deepEqual(around({ clock: { isSynchronised: true, errorUs: 100_001 } }), ["clock_unsynchronised"]);
  assert.deepEqual(around({ clock: { isSynchronised: true, errorUs: 100_000 } }), []);
  assert.deepEqual(flags(DARK, GOOD, { sunElevationDeg: -20 }), [], "darks need no sun");
});

test("a dark as bright as the light: both are doubtful", () => {
  const lit = at(-1, { kind: "dark" });
  assert.deepEqual(flags(at(0), { ...GOOD, dark: lit }), ["shutter_doubtful"]);
  assert.deepEqual(flags(lit, { light: at(-2) }), ["shutter_doubtful"]);
  assert.deepEqual(flags(DARK, { light: at(-2) }), []);
  const other = at(-2, { integrationTimeUs: 1000 });
  assert.deepEqual(flags(lit, { light: other }), [], "not comparable");
  const night = at(0, { counts: Uint32Array.of(1500, 1500, 1510, 1520, 1500, 1500) });
  assert.deepEqual(flags(night), ["low_signal"], "at night both are dark");
});

test("a nonlinearity polynomial is of use while corrected counts rise with raw ones", () => {
  const with_ = (nonlinearityCoefficients: readonly number[]) =>
    instrument({
      isSimulated: false,
      calibration: { wavelengthCoefficients: [0, 1], nonlinearityCoefficients },
    });
  assert.equal(linearLimit(with_([])), Number.POSITIVE_INFINITY);
  assert.equal(linearLimit(with_([1, 0, 0])), Number.POSITIVE_INFINITY);
  assert.equal(linearLimit(with_([1, -1e-6])), Number.POSITIVE_INFINITY, "falls, and rises when divided by");
  // x / (1 + c x^2) has its maximum at x = 1 / sqrt(c).
  const limit = linearLimit(with_([1, 0, 1 / 30_000 ** 2]));
  assert.ok(limit <= 30_000 && limit > 29_800, String(limit));
  // Zero at 20,000 counts: values before that are of use.
  assert.ok(linearLimit(with_([1, -1 / 20_000])) < 20_000);
  const turning = with_([1, 0, 1 / 30_000 ** 2]);
  assert.deepEqual(flags(at(0, { instrument: turning })), ["nonlinearity_out_of_range"]);
  const low = at(0, {
    instrument: turning,
    counts: Uint32Array.of(1500, 1500, 20_000, 30_000, 31_000, 9000),
  });
  assert.deepEqual(flags(low), [], "above the dark it is within");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  MOST_TRIALS,
  nextSearchStep,
  quantize,
  type SearchGoal,
  type Trial,
} from "../../src/spectra/autointegration.ts";

const GOAL: SearchGoal = { saturationLevel: 65_535, target: 0.8, minUs: 1_000, maxUs: 10_000_000, stepUs: 1 };

/** A detector in steady light: counts per us, an offset, and the ADC's ceiling. */
function measure(integrationTimeUs: number, rate: number, offset = 1_500): Trial {
  return {
    integrationTimeUs,
    peakCounts: Math.min(65_535, Math.round(offset + rate * integrationTimeUs)),
    offsetCounts: offset,
    noiseCounts: 20,
  };
}

function search(startUs: number, rate: number, goal = GOAL) {
  const trials = [measure(startUs, rate)];
  for (;;) {
    const step = nextSearchStep(trials, goal);
    if (step.action === "finish") return { ...step, exposures: trials.length };
    trials.push(measure(step.integrationTimeUs, rate));
  }
}

test("steady light needs at most three exposures from any start within its reach", () => {
  fc.assert(
    fc.property(
      fc.double({ min: Math.log(2_000), max: Math.log(5_000_000), noNaN: true }),
      fc.double({ min: Math.log(0.05), max: Math.log(20), noNaN: true }),
      (logWantedUs, logRatio) => {
        const wantedUs = Math.exp(logWantedUs);
        const rate = (0.8 * 65_535 - 1_500) / wantedUs;
        const startUs = quantize(wantedUs * Math.exp(logRatio), GOAL);
        const found = search(startUs, rate);
        assert.equal(found.outcome, "reached");
        assert.ok(found.exposures <= 3, `${found.exposures} exposures from ${startUs} us for ${wantedUs} us`);
        const peak = measure(found.integrationTimeUs, rate).peakCounts;
        assert.ok(Math.abs(peak - 0.8 * 65_535) <= 0.08 * 65_535);
      },
    ),
    { seed: 20260621 },
  );
});

test("light that saturates at the shortest time is too bright, light below the longest is too dark", () => {
  assert.deepEqual(search(1_000_000, 100_000), {
    action: "finish",
    integrationTimeUs: 1_000,
    outcome: "too-bright",
    exposures: 4,
  });
  const dark = search(10_000, 0.000_001);
  assert.equal(dark.outcome, "too-dark");
  assert.equal(dark.integrationTimeUs, GOAL.maxUs);
});

test("light that changes faster than the search ends as unsteady, with a time that does not saturate if it can", () => {
  const trials: Trial[] = [];
  let us = 10_000;
  for (;;) {
    trials.push({ ...measure(us, 1), peakCounts: trials.length % 2 === 0 ? 65_535 : 3_000 });
    const step = nextSearchStep(trials, GOAL);
    us = step.integrationTimeUs;
    if (step.action === "measure") continue;
    assert.equal(step.outcome, "unsteady");
    assert.equal(trials.length, MOST_TRIALS);
    break;
  }
});

test("times are quantized to what the device can be set to", () => {
  const legacy = { minUs: 3_000, maxUs: 65_535_000, stepUs: 1_000 };
  assert.equal(quantize(10_400, legacy), 10_000);
  assert.equal(quantize(1, legacy), 3_000);
  assert.equal(quantize(1e12, legacy), 65_535_000);
  assert.equal(quantize(20_000, { minUs: 10, maxUs: 14_999, stepUs: 10 }), 14_990);
});

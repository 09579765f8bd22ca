import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  explainSearch,
  firstSearchTimeUs,
  MOST_TRIALS,
  nextSearchStep,
  quantize,
  type SearchGoal,
} from "../../src/spectra/autointegration.ts";
import type { Trial } from "../../src/spectra/search-trial.ts";

const GOAL: SearchGoal = { saturationLevel: 65_535, target: 0.8, minUs: 1_000, maxUs: 10_000_000, stepUs: 1 };

/** A detector in steady light: counts per us, an offset, and the ADC's ceiling. */
function measure(integrationTimeUs: number, rate: number, offset = 1_500): Trial {
  return {
    integrationTimeUs,
    peakCounts: Math.min(65_535, Math.round(offset + rate * integrationTimeUs)),
    offsetCounts: offset,
    signalCounts: Math.min(65_535, Math.round(offset + rate * integrationTimeUs)) - offset,
    noiseCounts: 20,
  };
}

function search(startUs: number, rate: number, goal = GOAL) {
  const trials = [measure(firstSearchTimeUs(startUs, goal), rate)];
  for (;;) {
    const step = nextSearchStep(trials, goal);
    if (step.action === "finish") {
      return { ...step, exposures: trials.length, reason: explainSearch(step.outcome, trials, goal) };
    }
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
    exposures: 2,
    reason:
      "the light is too bright: the peak is 100 % of saturation at the shortest time, 1 ms, 80 % was wanted",
  });
  const dark = search(10_000, 0.000_001);
  assert.equal(dark.outcome, "too-dark");
  assert.equal(dark.integrationTimeUs, GOAL.maxUs);
  const weak =
    "the light is too weak: the peak is 2.3 % of saturation at the longest time, 10000 ms, 80 % was wanted";
  assert.equal(dark.reason, weak);
});

test("light that changes faster than the search ends as unsteady, with a time that does not saturate if it can", () => {
  const trials: Trial[] = [];
  let us = 10_000;
  for (;;) {
    const peakCounts = trials.length % 2 === 0 ? 65_535 : 3_000;
    trials.push({ ...measure(us, 1), peakCounts, signalCounts: peakCounts - 1_500 });
    const step = nextSearchStep(trials, GOAL);
    us = step.integrationTimeUs;
    if (step.action === "measure") continue;
    assert.equal(step.outcome, "unsteady");
    assert.equal(trials.length, MOST_TRIALS);
    assert.match(explainSearch("unsteady", trials, GOAL), /6 exposures, peaks of 100 %, 4\.6 %, 100 %/);
    const saturated = trials.filter(({ peakCounts }) => peakCounts === 65_535);
    assert.ok(saturated.every(({ integrationTimeUs }) => step.integrationTimeUs < integrationTimeUs));
    break;
  }
});

test("a target between two settable times ends at the shorter one, which does not saturate", () => {
  const coarse = { ...GOAL, stepUs: 1_000 };
  for (const startUs of [1_000, 2_000, 100_000]) {
    const found = search(startUs, (0.8 * 65_535 - 1_500) / 1_600, coarse);
    assert.equal(found.outcome, "too-coarse");
    assert.equal(found.integrationTimeUs, 1_000);
    assert.ok(found.exposures <= 3);
    assert.match(found.reason, /no settable time is nearer: the peak is 50.* at 1 ms, the step is 1 ms/);
  }
});

test("times are quantized to what the device can be set to", () => {
  const legacy = { minUs: 3_000, maxUs: 65_535_000, stepUs: 1_000 };
  assert.equal(quantize(10_400, legacy), 10_000);
  assert.equal(quantize(1, legacy), 3_000);
  assert.equal(quantize(1e12, legacy), 65_535_000);
  assert.equal(quantize(20_000, { minUs: 10, maxUs: 14_999, stepUs: 10 }), 14_990);
});

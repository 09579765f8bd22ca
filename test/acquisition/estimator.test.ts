import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Estimator } from "../../src/acquisition/estimator.ts";
import { batchSteps } from "../../src/acquisition/settings.ts";
import { countKinds, kindOf, type StepKind } from "../../src/acquisition/step-times.ts";

// Times in ms; a step takes so many times what its settings say, give or take a tenth.
const batch = fc.record({
  sequences: fc.integer({ min: 4, max: 200 }),
  delayS: fc.constantFrom(0, 5),
  lightMs: fc.integer({ min: 10, max: 60_000 }),
  darkMs: fc.integer({ min: 10, max: 60_000 }),
  factor: fc.double({ min: 0.8, max: 3, noNaN: true }),
  jitter: fc.infiniteStream(fc.double({ min: 0.9, max: 1.1, noNaN: true })),
});

test("the estimate of a steady batch is within 10 % at its half", () => {
  fc.assert(
    fc.property(batch, ({ sequences, delayS, lightMs, darkMs, factor, jitter }) => {
      const steps = [...batchSteps({ sequences, autointegrate: -1, delayS })];
      const model: Readonly<Record<StepKind, number>> = {
        "warm-up": 0,
        autointegrate: 0,
        dark: darkMs,
        "dark-if-needed": darkMs,
        light: lightMs,
        wait: delayS * 1000,
      };
      const tookMs = steps.map(({ do: what }) => {
        const { value: wobble = 1 } = jitter.next();
        return what === "wait" ? model.wait : model[what] * factor * wobble;
      });
      const estimator = new Estimator({ steps: countKinds(steps), modelUs: (kind) => model[kind] });
      const totalMs = sum(tookMs);
      let passedMs = 0;
      for (const [index, step] of steps.entries()) {
        estimator.done(kindOf(step), tookMs[index]);
        passedMs += tookMs[index] ?? 0;
        if (passedMs < totalMs / 2) continue;
        const leftMs = totalMs - passedMs;
        // Of the whole: the last step may be all that is left, and it differs by a tenth by itself.
        const { remainingUs = Number.NaN } = estimator;
        return Math.abs(remainingUs - leftMs) <= 0.1 * totalMs;
      }
      return false;
    }),
  );
});

test("settings alone give the first estimate; what steps really take replaces it", () => {
  const steps = new Map([
    ["light", 10],
    ["wait", 9],
  ] as const);
  const estimator = new Estimator<"light" | "wait">({
    steps,
    modelUs: (kind) => (kind === "light" ? 100 : 7),
  });
  assert.equal(estimator.remainingUs, 10 * 100 + 9 * 7);
  estimator.done("light", 150);
  assert.equal(estimator.remainingUs, 9 * 150 + 9 * 7);
  // A step that failed or was left out tells nothing about the next.
  estimator.done("light");
  assert.equal(estimator.remainingUs, 8 * 150 + 9 * 7);
});

test("new integration times change the estimate at once", () => {
  let lightUs = 100;
  const estimator = new Estimator({ steps: new Map([["light", 4]]), modelUs: () => lightUs });
  estimator.done("light", 200);
  lightUs = 1000;
  assert.equal(estimator.remainingUs, 3 * 2000);
});

test("nothing is said while a step is left that may take any time", () => {
  let searchUs: number | undefined;
  const steps = new Map([
    ["search", 2],
    ["light", 3],
  ] as const);
  const modelUs = (kind: "search" | "light") => (kind === "light" ? 100 : searchUs);
  const estimator = new Estimator<"search" | "light">({ steps, modelUs });
  estimator.done("light", 100);
  assert.equal(estimator.remainingUs, undefined);
  searchUs = 50;
  estimator.done("search", 100);
  assert.equal(estimator.remainingUs, 100 + 2 * 100);
  searchUs = undefined;
  estimator.done("search");
  assert.equal(estimator.remainingUs, 200, "none is left");
});

test("darks that are made by age count as often as they will be needed", () => {
  const estimator = new Estimator({
    steps: new Map([["dark-if-needed", 10]]),
    modelUs: () => 50,
    shareOf: () => 0.2,
  });
  assert.equal(estimator.remainingUs, 10 * 0.2 * 50);
});

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { batchSteps, DEFAULTS, requireWithinLimits } from "../../src/acquisition/settings.ts";

const steps = (sequences: number, autointegrate: number, delayS = 0): string =>
  [...batchSteps({ sequences, autointegrate, delayS, targetPercent: 80 })]
    .map((step) => `${step.do} ${step.sequence}`)
    .join(", ");

// The file sets that piccolo3 users know, one per row of their manual.
test("a single sequence has one dark, before the light", () => {
  assert.equal(steps(1, -1), "dark 0, light 0");
});

test("several sequences are bracketed by darks", () => {
  assert.equal(steps(3, -1), "dark 0, light 0, light 1, light 2, dark 2");
});

test("autointegration once comes before everything", () => {
  assert.equal(steps(2, 0), "autointegrate 0, dark 0, light 0, light 1, dark 1");
});

test("autointegration every n sequences brings its own darks", () => {
  assert.equal(steps(1, 1), "autointegrate 0, dark 0, light 0");
  assert.equal(steps(3, 2), "autointegrate 0, dark 0, light 0, light 1, autointegrate 2, light 2, dark 2");
  assert.equal(
    steps(4, 2),
    "autointegrate 0, dark 0, light 0, light 1, autointegrate 2, dark 2, light 2, light 3, dark 3",
  );
});

test("waiting is between sequences, not after the last", () => {
  assert.equal(steps(2, -1, 5), "dark 0, light 0, wait 0, light 1, dark 1");
});

test("any batch has each light once, in order, and no dark number twice", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: -1, max: 10 }),
      (sequences, autointegrate) => {
        const all = [...batchSteps({ sequences, autointegrate, delayS: 0, targetPercent: 80 })];
        const numbers = (what: string) =>
          all.filter((step) => step.do === what).map(({ sequence }) => sequence);
        assert.deepEqual(numbers("light"), [...Array(sequences).keys()]);
        assert.equal(new Set(numbers("dark")).size, numbers("dark").length);
        // Every light has a dark made after the last search before it, or the closing one.
        assert.ok(numbers("dark").includes(0));
        assert.ok(numbers("dark").includes(sequences - 1));
      },
    ),
  );
});

const withDark = (dark: "bracket" | "every" | "age", sequences: number, autointegrate = -1): string =>
  [...batchSteps({ sequences, autointegrate, delayS: 0, dark })]
    .map((step) => `${step.do}${step.do === "dark" && step.ifNeeded === true ? "?" : ""} ${step.sequence}`)
    .join(", ");

test("every: each light has its own dark, and none follows", () => {
  assert.equal(withDark("every", 2), "dark 0, light 0, dark 1, light 1");
  assert.equal(withDark("every", 2, 1), "autointegrate 0, dark 0, light 0, autointegrate 1, dark 1, light 1");
  assert.equal(withDark("every", 2, 0), "autointegrate 0, dark 0, light 0, dark 1, light 1");
});

test("age: each light has a dark before it, if it needs one", () => {
  assert.equal(withDark("age", 2), "dark? 0, light 0, dark? 1, light 1");
});

test("a warm-up comes before everything, once", () => {
  const all = [...batchSteps({ sequences: 2, autointegrate: 0, delayS: 0, warmUp: true })].map(
    (step) => step.do,
  );
  assert.deepEqual(all, ["warm-up", "autointegrate", "dark", "light", "light", "dark"]);
});

test("the values that settings can have are limited", () => {
  const settings = { ...DEFAULTS, sequences: 2 };
  requireWithinLimits(settings);
  for (const wrong of [{ retries: -1 }, { retries: 11 }, { darkMaxAgeS: 0 }, { darkMaxAgeS: 86_401 }]) {
    assert.throws(() => requireWithinLimits({ ...settings, ...wrong }), /is outside/);
  }
});

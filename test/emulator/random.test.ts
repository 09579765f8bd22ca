// The random numbers of the emulator: repeatable, and of the right distribution.

import assert from "node:assert/strict";
import { test } from "node:test";
import { noiseAt, Random, seedOf } from "../../src/emulator/random.ts";

test("the same seed gives the same numbers, another seed others", () => {
  const draw = (seed: number): number[] => {
    const random = new Random(seed);
    return Array.from({ length: 20 }, () => random.uniform());
  };
  assert.deepEqual(draw(7), draw(7));
  assert.notDeepEqual(draw(7), draw(8));
});

test("normal numbers have mean 0 and standard deviation 1", () => {
  const random = new Random(1);
  const values = Array.from({ length: 20_000 }, () => random.gaussian());
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  assert.ok(Math.abs(mean) < 0.03, `mean ${mean}`);
  assert.ok(Math.abs(variance - 1) < 0.05, `variance ${variance}`);
});

test("noise belongs to its index, in any order of asking, and fills 0..1 evenly", () => {
  const forwards = Array.from({ length: 1000 }, (_, index) => noiseAt(3, index));
  const backwards = Array.from({ length: 1000 }, (_, index) => noiseAt(3, 999 - index)).reverse();
  assert.deepEqual(forwards, backwards);
  const mean = forwards.reduce((sum, value) => sum + value, 0) / forwards.length;
  assert.ok(Math.abs(mean - 0.5) < 0.04, `mean ${mean}`);
  assert.ok(forwards.every((value) => value >= 0 && value < 1));
});

test("seeds from texts differ with every part", () => {
  assert.notEqual(seedOf(1, "FLMS01859"), seedOf(2, "FLMS01859"));
  assert.notEqual(seedOf(1, "FLMS01859"), seedOf(1, "FLMS01860"));
});

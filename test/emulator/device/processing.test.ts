// Averaging, moving mean and binning in numbers.

import assert from "node:assert/strict";
import { test } from "node:test";
import { processed } from "../../../src/emulator/device/processing.ts";

const COUNTS = Uint32Array.of(10, 20, 60, 30, 40, 50, 90, 100);

test("without binning and smoothing counts are as they were", () => {
  assert.deepEqual([...processed(COUNTS, { binning: 0, boxcarHalfWidth: 0 })], [...COUNTS]);
});

test("the moving mean takes the neighbours that there are, fewer at the ends", () => {
  assert.deepEqual(
    [...processed(COUNTS, { binning: 0, boxcarHalfWidth: 1 })],
    [15, 30, 37, 43, 40, 60, 80, 95],
  );
});

test("binning takes means of 2, 4 or 8 neighbours, and smoothing comes after it", () => {
  assert.deepEqual([...processed(COUNTS, { binning: 1, boxcarHalfWidth: 0 })], [15, 45, 45, 95]);
  assert.deepEqual([...processed(COUNTS, { binning: 2, boxcarHalfWidth: 0 })], [30, 70]);
  assert.deepEqual([...processed(COUNTS, { binning: 3, boxcarHalfWidth: 0 })], [50]);
  assert.deepEqual([...processed(COUNTS, { binning: 1, boxcarHalfWidth: 1 })], [30, 35, 62, 70]);
});

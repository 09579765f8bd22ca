import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ScanAverage } from "../../src/spectra/scan-statistics.ts";

test("mean, standard deviation, smallest and largest of each pixel, as the textbook computes them", () => {
  const pixel = fc.integer({ min: 0, max: 262_143 });
  fc.assert(
    fc.property(fc.array(pixel, { minLength: 2, maxLength: 40 }), (values) => {
      const average = new ScanAverage(2);
      for (const value of values) average.add(Uint32Array.of(value, 5));
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
      const { scans, standardDeviation, min, max } = average.statistics;
      assert.equal(scans, values.length);
      assert.ok(Math.abs((average.mean[0] ?? 0) - mean) <= 0.00051);
      assert.ok(Math.abs((standardDeviation[0] ?? 0) - Math.sqrt(variance)) <= 0.00051);
      assert.deepEqual([min[0], max[0]], [Math.min(...values), Math.max(...values)]);
      assert.deepEqual([average.mean[1], standardDeviation[1], min[1], max[1]], [5, 0, 5, 5]);
    }),
  );
});

test("noise of one count on 250,000 is not lost in rounding", () => {
  const average = new ScanAverage(1);
  for (let scan = 0; scan < 10_000; scan++) average.add(Uint32Array.of(250_000 + (scan % 2)));
  assert.equal(average.mean[0], 250_000.5);
  assert.equal(average.statistics.standardDeviation[0], 0.5);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { around } from "../../src/spectra/around.ts";
import { Timeline } from "../../src/spectra/timeline.ts";

test("the neighbours of a moment are those that a look at everything finds, of the good ones", () => {
  const moments = fc.uniqueArray(fc.integer({ min: 0, max: 100 }), { maxLength: 30 });
  fc.assert(
    fc.property(
      moments,
      fc.integer({ min: -5, max: 105 }),
      fc.integer({ min: 1, max: 4 }),
      (all, at, every) => {
        const isGood = (moment: number): boolean => moment % every === 0;
        const found = new Timeline(all, (moment) => moment).neighbours(at, isGood);
        const wanted = around(at, all.filter(isGood), (moment) => moment);
        assert.deepEqual(
          found,
          wanted.map(({ item }) => item),
        );
      },
    ),
  );
});

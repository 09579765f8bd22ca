// The replay window against a model that remembers every number.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { ReplayWindow, WINDOW } from "../../../src/coap/oscore/replay-window.ts";

test("nothing is fresh before the first request that is known to be", () => {
  const window = new ReplayWindow();
  assert.equal(window.isKnown, false);
  assert.equal(window.isFresh(0), false);
  window.note(7);
  assert.equal(window.isKnown, false);
  window.beginAt(7);
  assert.deepEqual(
    [6, 7, 8].map((number) => window.isFresh(number)),
    [false, false, true],
  );
});

test("a number is fresh once, and never again, whatever the order", () => {
  const start = 1000;
  const steps = fc.array(fc.integer({ min: start - 10, max: start + 300 }), { maxLength: 200 });
  fc.assert(
    fc.property(steps, (numbers) => {
      const window = new ReplayWindow();
      window.beginAt(start);
      const seen = new Set<number>();
      let highest = start;
      for (const number of numbers) {
        const isExpected = number > start && !seen.has(number) && number > highest - WINDOW;
        assert.equal(window.isFresh(number), isExpected, `${number} after ${highest}`);
        if (!isExpected) continue;
        window.note(number);
        seen.add(number);
        highest = Math.max(highest, number);
      }
    }),
  );
});

test("the window is at least as wide as RFC 8613 asks for, up to the last number", () => {
  assert.ok(WINDOW >= 32);
  const window = new ReplayWindow();
  const last = 2 ** 40 - 1;
  window.beginAt(0);
  window.note(last);
  for (let behind = 1; behind < WINDOW; behind++) {
    assert.equal(window.isFresh(last - behind), true);
    window.note(last - behind);
    assert.equal(window.isFresh(last - behind), false);
  }
  assert.equal(window.isFresh(last - WINDOW), false);
});

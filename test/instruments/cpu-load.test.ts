import assert from "node:assert/strict";
import { test } from "node:test";
import { SECOND } from "../../src/base/clock.ts";
import { CpuLoad, type CpuTimes } from "../../src/instruments/cpu-load.ts";

/** A load of one core that was idle for its first ten seconds, and half busy since. */
function start() {
  let nowUs = 0;
  const read = (): CpuTimes => {
    const totalMs = nowUs / 1000;
    return { totalMs, busyMs: Math.max(0, totalMs - 10_000) / 2 };
  };
  const load = new CpuLoad(nowUs, read);
  return (atS: number): number => {
    nowUs = atS * SECOND;
    return load.percent(nowUs);
  };
}

test("the load is that since the last look", () => {
  const look = start();
  assert.deepEqual([0, 10, 12, 20, 3600].map(look), [0, 0, 50, 50, 50]);
});

test("a look just before does not shorten the time", () => {
  const look = start();
  // 10 s of 20 are half busy, however often it was looked at a moment ago.
  assert.deepEqual([5, 20, 20.001, 20.01, 20.6].map(look), [0, 33.3, 33.3, 33.3, 34]);
});

test("many looks give the load of the last two seconds", () => {
  const look = start();
  const seen = Array.from({ length: 300 }, (_, index) => look(index * 0.1));
  assert.deepEqual([...new Set(seen.slice(0, 100))], [0]);
  assert.deepEqual([...new Set(seen.slice(126))], [50]);
});

test("the computer's own load is a percentage", () => {
  const load = new CpuLoad(0);
  const percent = load.percent(SECOND);
  assert.ok(percent >= 0 && percent <= 100, String(percent));
});

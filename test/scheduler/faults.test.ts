// Whatever the scheduler is given may throw, once, at any moment: it goes on.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SILENT } from "../../src/base/log.ts";
import { MINUTE, SchedulerBench } from "./bench.ts";

const PARTS = ["clock", "log", "operations", "recordings", "rack", "place", "listener"];
const CALLS = 12;

test("a part that throws at any of its calls does not end the scheduler", async (context) => {
  const fault = { part: "", left: 0 };
  const used = (part: string): void => {
    if (part !== fault.part || --fault.left !== 0) return;
    throw new TypeError(`${part} fails`);
  };
  const bench = new SchedulerBench(context, "2026-06-21T12:00:00Z", {
    ...SILENT,
    info: () => {},
    warn: () => {},
  });
  bench.wrap = (name, part) =>
    new Proxy(part, {
      get: (target, key) => {
        // Without timers there is nothing that could go on.
        if (key !== "after") used(name);
        const found: unknown = Reflect.get(target, key, target);
        return typeof found === "function" ? found.bind(target) : found;
      },
    });
  await bench.restart();
  const { scheduler } = bench;
  for (const cell of [scheduler.jobs, scheduler.status, scheduler.history.changes])
    cell.subscribe(() => used("listener"));
  const when = { sunElevationDeg: { min: -90 } };
  scheduler.add({ action: { do: "record", settings: {} }, intervalUs: MINUTE, when });
  scheduler.add({ action: { do: "power-on" }, intervalUs: 2 * MINUTE });
  for (const part of PARTS)
    for (let call = 1; call <= CALLS; call++) {
      Object.assign(fault, { part, left: call });
      for (let wait = 0; wait < 30 && fault.left > 0; wait++) await bench.advance(MINUTE);
      assert.ok(fault.left <= 0, `${part}: no call ${call}`);
      await bench.advance(2 * MINUTE);
      const before = bench.begun.length;
      await bench.advance(3 * MINUTE);
      assert.ok(bench.begun.length - before >= 2, `${part}: nothing begins after call ${call} has failed`);
    }
});

test("what begins while runs are collected has none of them collected twice", async (context) => {
  const bench = new SchedulerBench(context);
  const { scheduler, operations } = bench;
  for (let job = 0; job < 3; job++)
    scheduler.add({
      action: { do: "record", settings: {} },
      startUtcUs: bench.clock.utcUs() + MINUTE,
      onMissed: "all",
    });
  const unwatch = scheduler.history.changes.subscribe(() => {
    unwatch();
    operations.start("client's", 1, async () => {});
  });
  await bench.advance(3 * MINUTE);
  assert.equal(bench.begun.length, 3);
  assert.equal(bench.rows().length, 3);
});

test("a listener that throws costs no row of the history", async (context) => {
  const bench = new SchedulerBench(context);
  bench.scheduler.history.changes.subscribe(() => {
    throw new TypeError("nobody listens");
  });
  bench.scheduler.add({ action: { do: "record", settings: {} } });
  await bench.advance(MINUTE);
  assert.deepEqual(bench.outcomes(1), ["done"]);
});

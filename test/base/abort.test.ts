import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { NEVER, orGivenUp, withAny, withDeadline } from "../../src/base/abort.ts";
import { VscopeError } from "../../src/base/errors.ts";
import { Queue } from "../../src/base/queue.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";

const late = (): Error => new VscopeError("DEVICE_TIMEOUT", "no answer within 100 us");

test("a task that ends in time gives its result and leaves no timer", async () => {
  const clock = new VirtualClock();
  const result = withDeadline({ clock, us: 100, late }, NEVER, async (signal) => {
    await clock.delay(50, signal);
    return "done";
  });
  assert.equal(await clock.run(result), "done");
  assert.equal(clock.pending, 0);
});

test("a deadline aborts the task with its own error, and awaits its end", async () => {
  const clock = new VirtualClock();
  let released = false;
  const result = withDeadline({ clock, us: 100, late }, NEVER, async (signal) => {
    try {
      await clock.delay(1_000_000, signal);
    } finally {
      await clock.delay(10, NEVER);
      released = true;
    }
  });
  await assert.rejects(clock.run(result), /no answer within 100 us/);
  assert.equal(released, true);
  assert.equal(clock.nowUs(), 110);
});

test("the caller's abort reaches the task with the caller's reason", async () => {
  const clock = new VirtualClock();
  const controller = new AbortController();
  const result = withDeadline({ clock, us: 100, late }, controller.signal, (signal) =>
    clock.delay(1000, signal),
  );
  controller.abort(new Error("client gone"));
  await assert.rejects(result, /client gone/);
  assert.equal(clock.pending, 0);
});

test("withAny passes on the first reason and leaves nothing on the signals", async () => {
  const [first, second] = [new AbortController(), new AbortController()];
  const signals = [first.signal, second.signal];
  await withAny(signals, async () => {
    assert.equal(getEventListeners(first.signal, "abort").length, 1);
  });
  const waiting = withAny(signals, (signal) => new VirtualClock().delay(1000, signal));
  second.abort(new Error("second"));
  await assert.rejects(waiting, /second/);
  for (const signal of signals) assert.equal(getEventListeners(signal, "abort").length, 0);
  await assert.rejects(
    withAny(signals, (signal) => new VirtualClock().delay(1000, signal)),
    /second/,
  );
});

test("what goes on after an abort is given up after its time, and not before", async () => {
  const clock = new VirtualClock();
  const { signal, abort } = abortable();
  const made = (reason: unknown): Error =>
    new VscopeError("DEVICE_TIMEOUT", `goes on after ${String(reason)}`);
  const endless = orGivenUp(new Promise<never>(() => {}), { clock, us: 200, late: made }, signal);
  const slow = orGivenUp(clock.delay(1100, NEVER), { clock, us: 200, late: made }, signal);
  endless.catch(() => {});
  await clock.advance(1000);
  abort("enough");
  await assert.rejects(clock.run(endless), { message: "goes on after enough" });
  assert.equal(clock.nowUs(), 1200);
  await slow;
  assert.equal(clock.pending, 0);
  assert.equal(getEventListeners(signal, "abort").length, 0);
});

function abortable(): { readonly signal: AbortSignal; readonly abort: (reason: unknown) => void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: (reason) => controller.abort(reason) };
}

test("any number may wait on what never aborts, without a warning", async () => {
  const warnings: string[] = [];
  const warned = ({ message }: Error): void => void warnings.push(message);
  process.on("warning", warned);
  const queue = new Queue({ name: "many", capacity: 64 });
  await Promise.all(Array.from({ length: 64 }, () => queue.run(async () => {}, NEVER)));
  // Warnings are told in a turn of their own.
  await new Promise((resolve) => setImmediate(resolve));
  process.off("warning", warned);
  assert.deepEqual(warnings, []);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { isoUtc, MS, SECOND, SystemClock } from "../../src/base/clock.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";

test("isoUtc writes microseconds", () => {
  assert.equal(isoUtc(Date.UTC(2026, 10, 20, 15, 0, 7) * 1000 + 44_382), "2026-11-20T15:00:07.044382Z");
  assert.equal(isoUtc(0), "1970-01-01T00:00:00.000000Z");
});

test("a virtual clock fires timers in the order of their time, then of their arming", async () => {
  const clock = new VirtualClock();
  const fired: string[] = [];
  clock.after(20, () => fired.push(`b at ${clock.nowUs()}`));
  clock.after(10, () => fired.push(`a at ${clock.nowUs()}`));
  clock.after(20, () => fired.push(`c at ${clock.nowUs()}`));
  const cancel = clock.after(15, () => fired.push("cancelled"));
  cancel();
  await clock.advance(15);
  assert.deepEqual(fired, ["a at 10"]);
  await clock.advance(15);
  assert.deepEqual(fired, ["a at 10", "b at 20", "c at 20"]);
  assert.equal(clock.pending, 0);
});

test("run moves a virtual clock until the promise settles, and gives up at the limit", async () => {
  const clock = new VirtualClock();
  const twoSteps = clock.delay(3600 * SECOND, NEVER).then(() => clock.delay(MS, NEVER));
  await clock.run(twoSteps);
  assert.equal(clock.nowUs(), 3600 * SECOND + MS);
  const never = clock.delay(10 * SECOND, NEVER);
  await assert.rejects(clock.run(never, SECOND), /has not settled/);
});

test("delay rejects with the signal's reason and leaves no timer behind", async () => {
  const clock = new VirtualClock();
  const controller = new AbortController();
  const delayed = clock.delay(SECOND, controller.signal);
  controller.abort(new Error("enough"));
  await assert.rejects(delayed, /enough/);
  assert.equal(clock.pending, 0);
  await assert.rejects(clock.delay(SECOND, controller.signal), /enough/);
});

test("the system clock never fires early", async () => {
  const clock = new SystemClock();
  for (const us of [0, 300, 1_700, 5_200]) {
    const start = clock.nowUs();
    await clock.delay(us, NEVER);
    assert.ok(clock.nowUs() - start >= us, `${clock.nowUs() - start} us passed of ${us}`);
  }
});

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { SECOND } from "../../src/base/clock.ts";
import { HOUR, MINUTE, SchedulerBench, utc } from "./bench.ts";

const record = { do: "record", settings: { run: "plot" } } as const;
const grid = { action: record, startUtcUs: utc("2026-06-21T12:10:00Z"), intervalUs: 10 * MINUTE };

/** With a client's operation that takes its time. */
function benchWithClient(context: TestContext, us: number): SchedulerBench {
  const bench = new SchedulerBench(context);
  bench.operations.start("client's", 1, (_report, signal) => bench.clock.delay(us, signal));
  return bench;
}

test("onBusy skip waits for nobody, a client's operation included; a paused one has a reason of its own", async (context) => {
  const bench = new SchedulerBench(context);
  let pause = (_isPaused: boolean): void => {};
  bench.operations.start("record", 1, (report, signal) => {
    pause = (isPaused) => report.paused(isPaused);
    return bench.clock.delay(35 * MINUTE, signal);
  });
  bench.scheduler.add({ ...grid, onBusy: "skip" });
  await bench.advance(15 * MINUTE);
  pause(true);
  await bench.advance(30 * MINUTE);
  assert.deepEqual(bench.outcomes(1), ["skipped 1 busy", "skipped 2 paused", "done"]);
  assert.deepEqual(bench.times, ["12:40:00"]);
  assert.match(bench.rows(1)[1]?.message ?? "", /operation 1 \(record\) is paused/);
});

test("a run that had to wait too long is missed, where missed runs are not made up for", async (context) => {
  const bench = benchWithClient(context, 65 * MINUTE);
  bench.scheduler.add({ ...grid, intervalUs: HOUR, onMissed: "skip" });
  bench.scheduler.add({ ...grid, intervalUs: HOUR });
  await bench.advance(80 * MINUTE);
  assert.deepEqual(bench.outcomes(1), ["skipped 1 missed", "done"]);
  assert.match(bench.rows(1)[0]?.message ?? "", /it would have begun 3300 s late, after another/);
  assert.deepEqual(bench.outcomes(2), ["done", "done"]);
});

test("of the runs that wait to be made up for the newest 168 stay, the others have their reason", async (context) => {
  const bench = benchWithClient(context, 40 * HOUR);
  bench.recordingUs = SECOND;
  bench.scheduler.add({ ...grid, onMissed: "all" });
  await bench.advance(39 * HOUR);
  assert.equal(bench.scheduler.status.value.waiting, 168);
  await bench.advance(2 * HOUR);
  const rows = bench.rows(1);
  assert.equal(
    rows.reduce((total, { runs }) => total + runs, 0),
    246,
  );
  assert.match(rows[0]?.message ?? "", /168 newer runs of the job wait/);
  assert.equal(bench.begun.length + (rows[0]?.runs ?? 0), 246);
});

test("switching power is an operation: a recording waits for it, and it for a recording", async (context) => {
  const bench = benchWithClient(context, 12 * MINUTE);
  bench.scheduler.add({ action: { do: "power-off" }, startUtcUs: utc("2026-06-21T12:10:00Z") });
  await bench.advance(11 * MINUTE);
  assert.deepEqual(bench.power, []);
  await bench.advance(MINUTE + SECOND / 2);
  assert.equal(bench.operations.running?.status.value.kind, "power");
  assert.throws(
    () => bench.operations.start("record", 1, async () => {}),
    /operation 2 \(power\) is running/,
  );
  assert.throws(
    () => bench.operations.running?.cancel("a client asked for it"),
    /^VscopeError: abort: operation 2 \(power\) is not left half-way$/,
  );
  await bench.advance(MINUTE);
  assert.deepEqual(bench.power, ["12:12:00 QEP00709 off", "12:12:01 FLMS01859 off"]);
  assert.deepEqual(bench.outcomes(1), ["done"]);
});

test("power of quiet time waits for a pause, but not for ever", async (context) => {
  const bench = new SchedulerBench(context, "2026-06-21T21:00:00Z");
  bench.operations.start("record", 1, (report, signal) => {
    report.paused(true);
    return bench.clock.delay(10 * HOUR, signal);
  });
  bench.scheduler.setQuietTime({ enabled: true, startS: 22 * 3600, powerOffEnabled: true, powerDelayS: 600 });
  await bench.advance(2 * HOUR);
  assert.equal(bench.resumed, 0);
  await bench.advance(11 * MINUTE);
  assert.ok(bench.resumed > 0);
});

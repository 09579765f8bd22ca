import assert from "node:assert/strict";
import { test } from "node:test";
import { SECOND } from "../../src/base/clock.ts";
import { SILENT } from "../../src/base/log.ts";
import { VscopeError } from "../../src/base/errors.ts";
import { DAY, HOUR, MINUTE, SchedulerBench, utc } from "./bench.ts";

const record = { do: "record", settings: { run: "plot" } } as const;

test("an interval runs on its grid until its end, and is finished then", async (context) => {
  const bench = new SchedulerBench(context);
  const job = bench.scheduler.add({
    action: record,
    startUtcUs: utc("2026-06-21T12:30:00Z"),
    endUtcUs: utc("2026-06-21T13:30:00Z"),
    intervalUs: 20 * MINUTE,
  });
  assert.equal(job.nextUtcUs, utc("2026-06-21T12:30:00Z"));
  await bench.advance(2 * HOUR);
  assert.deepEqual(bench.times, ["12:30:00", "12:50:00", "13:10:00", "13:30:00"]);
  assert.deepEqual(bench.begun[0]?.origin, { by: "schedule", id: "1" });
  assert.deepEqual(bench.outcomes(1), ["done", "done", "done", "done"]);
  assert.deepEqual(bench.scheduler.jobs.value, []);
  assert.equal(bench.scheduler.job(1).state, "finished");
});

test("a job without a start runs now; one in the past is refused with a text, an interval goes on with its grid", async (context) => {
  const bench = new SchedulerBench(context);
  const { scheduler } = bench;
  scheduler.add({ action: record });
  await bench.advance(MINUTE);
  assert.deepEqual(bench.times, ["12:00:00"]);
  assert.throws(
    () => scheduler.add({ action: record, startUtcUs: utc("2026-06-21T11:59:00Z") }),
    /job: its time, 2026-06-21T11:59:00.000000Z, is past, it is 2026-06-21T12:01:00/,
  );
  const grid = { action: record, startUtcUs: utc("2026-06-21T09:10:00Z"), intervalUs: HOUR };
  assert.equal(scheduler.add(grid).nextUtcUs, utc("2026-06-21T12:10:00Z"));
  assert.throws(() => scheduler.add({ ...grid, endUtcUs: utc("2026-06-21T12:05:00Z") }), /no run is left/);
  assert.throws(() => scheduler.add({ ...grid, endUtcUs: utc("2026-06-21T09:00:00Z") }), /before its start/);
  assert.throws(() => scheduler.add({ ...grid, intervalUs: 0.5 * SECOND }), /interval: 0.5 s is outside 1/);
  assert.throws(() => scheduler.add({ ...grid, sun: { event: "noon" } }), /not both/);
  assert.throws(
    () => scheduler.add({ action: record, endUtcUs: utc("2026-06-22T00:00:00Z") }),
    /an end is for/,
  );
  assert.throws(
    () => scheduler.add({ action: { do: "record", settings: { sequences: 0 } } }),
    /sequences: 0 is/,
  );
  assert.throws(() => scheduler.add({ action: { do: "record", settings: { run: "a/b" } } }), /a\/b/);
  assert.equal(bench.rows().length, 1);
});

test("two jobs at one moment both run, and so does what becomes due during a long run", async (context) => {
  const bench = new SchedulerBench(context);
  const at = utc("2026-06-21T12:10:00Z");
  bench.scheduler.add({ action: record, startUtcUs: at });
  bench.scheduler.add({ action: { do: "dark" }, startUtcUs: at });
  bench.scheduler.add({ action: record, startUtcUs: at + 5 * SECOND, onBusy: "skip" });
  await bench.advance(20 * MINUTE);
  assert.deepEqual(
    bench.begun.map(({ utc: when, do: what }) => `${when.slice(11, 19)} ${what}`),
    ["12:10:00 record", "12:10:10 dark"],
  );
  assert.deepEqual(bench.outcomes(3), ["skipped 1 busy"]);
  assert.match(bench.rows(3)[0]?.message ?? "", /operation 1 \(record\) is running/);
});

test("runs of one job that wait for a longer operation are one run", async (context) => {
  const bench = new SchedulerBench(context);
  bench.operations.start("client's", 1, (_report, signal) => bench.clock.delay(35 * MINUTE, signal));
  bench.scheduler.add({ action: record, startUtcUs: utc("2026-06-21T12:10:00Z"), intervalUs: 10 * MINUTE });
  await bench.advance(45 * MINUTE);
  assert.deepEqual(bench.times, ["12:35:00", "12:40:00"]);
  assert.deepEqual(bench.outcomes(1), ["skipped 2 overtaken", "done", "done"]);
});

test("suspended runs are skipped and counted; after resuming it goes on; a deleted job never runs again", async (context) => {
  const bench = new SchedulerBench(context);
  const { scheduler } = bench;
  scheduler.add({ action: record, startUtcUs: utc("2026-06-21T12:10:00Z"), intervalUs: 10 * MINUTE });
  await bench.advance(15 * MINUTE);
  scheduler.suspend(1);
  assert.equal(scheduler.jobs.value[0]?.state, "suspended");
  await bench.advance(30 * MINUTE);
  scheduler.resume(1);
  await bench.advance(10 * MINUTE);
  scheduler.delete(1);
  await bench.advance(DAY);
  assert.deepEqual(bench.times, ["12:10:00", "12:50:00"]);
  assert.deepEqual(bench.outcomes(1), ["done", "skipped 3 suspended", "done"]);
  assert.throws(() => scheduler.resume(1), /job 1: is deleted/);
  assert.throws(() => scheduler.delete(1), /job 1: is deleted/);
  assert.throws(() => scheduler.suspend(7), /job 7: there is none/);
});

test("a run that fails, or is refused, is in the history with its reason, and nothing ends", async (context) => {
  const bench = new SchedulerBench(context);
  bench.scheduler.add({ action: record, startUtcUs: utc("2026-06-21T12:10:00Z"), intervalUs: 10 * MINUTE });
  bench.refusal = new VscopeError("DEVICE_NOT_CONNECTED", "record: no spectrometer is connected");
  await bench.advance(15 * MINUTE);
  bench.refusal = undefined;
  await bench.advance(10 * MINUTE);
  bench.operations.running?.cancel("a client asked for it");
  await bench.advance(5 * MINUTE + 2 * SECOND);
  bench.operations.running?.cancel("a client asked for it");
  await bench.advance(0);
  const rows = bench.rows(1);
  assert.deepEqual(
    rows.map(({ outcome }) => outcome),
    ["failed", "done", "cancelled"],
  );
  assert.match(rows[0]?.message ?? "", /no spectrometer is connected/);
  assert.match(rows[2]?.message ?? "", /a client asked for it/);
});

test("what cannot be begun at once is tried again for a minute", async (context) => {
  const bench = new SchedulerBench(context);
  bench.scheduler.add({ action: record, startUtcUs: utc("2026-06-21T12:10:00Z"), intervalUs: 10 * MINUTE });
  bench.refusal = new VscopeError("DEVICE_NOT_CONNECTED", "record: no spectrometer has been found");
  await bench.advance(10 * MINUTE + 42 * SECOND);
  bench.refusal = undefined;
  await bench.advance(MINUTE);
  assert.deepEqual(bench.times, ["12:10:45"]);
  bench.refusal = new VscopeError("VALUE_INVALID", "record: that will never do");
  await bench.advance(8 * MINUTE + 20 * SECOND);
  assert.deepEqual(bench.outcomes(1), ["done", "failed"]);
});

test("a job that is deleted while its run is tried again does not begin", async (context) => {
  const bench = new SchedulerBench(context);
  bench.scheduler.add({ action: record, startUtcUs: utc("2026-06-21T12:10:00Z"), intervalUs: 10 * MINUTE });
  bench.refusal = new VscopeError("DEVICE_NOT_CONNECTED", "record: no spectrometer has been found");
  await bench.advance(10 * MINUTE + 22 * SECOND);
  bench.scheduler.delete(1);
  bench.refusal = undefined;
  await bench.advance(MINUTE);
  assert.deepEqual(bench.times, []);
  assert.deepEqual(bench.outcomes(1), ["skipped 1 deleted"]);
});

test("a run that was going on when the process was killed is interrupted", async (context) => {
  const bench = new SchedulerBench(context);
  bench.scheduler.add({ action: record });
  await bench.advance(SECOND);
  await bench.stop();
  const { default: Database } = await import("better-sqlite3");
  // As a process leaves it that could not say that it ends.
  const file = new Database(bench.file);
  file.exec("UPDATE history SET outcome = 'running', endedUtcUs = NULL, message = NULL");
  file.close();
  await bench.restart(MINUTE);
  assert.deepEqual(bench.outcomes(1), ["interrupted"]);
  assert.match(bench.rows(1)[0]?.message ?? "", /the server ended before the run did/);
});

test("the server is away: by policy the newest missed run is made up for, all are, or none is", async (context) => {
  const bench = new SchedulerBench(context);
  const grid = { action: record, startUtcUs: utc("2026-06-21T12:30:00Z"), intervalUs: 30 * MINUTE };
  for (const onMissed of ["skip", "once", "all"] as const) bench.scheduler.add({ ...grid, onMissed });
  await bench.advance(HOUR + 5 * MINUTE);
  assert.equal(bench.begun.length, 6);
  await bench.restart(3 * HOUR);
  assert.equal(bench.scheduler.jobs.value.length, 3);
  await bench.advance(10 * MINUTE);
  assert.deepEqual(bench.outcomes(1), ["done", "done", "skipped 6 missed"]);
  assert.deepEqual(bench.outcomes(2), ["done", "done", "skipped 5 missed", "done"]);
  assert.deepEqual(
    bench.outcomes(3),
    Array.from({ length: 8 }, () => "done"),
  );
  assert.match(bench.rows(1).at(-1)?.message ?? "", /the server was not running/);
});

test("a run that the server's end cuts off is in the history, one that waited begins at the next start", async (context) => {
  const bench = new SchedulerBench(context);
  bench.recordingUs = HOUR;
  bench.scheduler.add({ action: record, startUtcUs: utc("2026-06-21T12:10:00Z") });
  bench.scheduler.add({ action: { do: "dark" }, startUtcUs: utc("2026-06-21T12:20:00Z") });
  bench.scheduler.add({ action: { do: "dark" }, startUtcUs: utc("2026-06-21T12:21:00Z"), onMissed: "skip" });
  await bench.advance(30 * MINUTE);
  await bench.restart(5 * MINUTE);
  assert.deepEqual(bench.outcomes(1), ["interrupted"]);
  assert.deepEqual(bench.outcomes(2), ["running"]);
  assert.deepEqual(bench.outcomes(3), ["skipped 1 missed"]);
  assert.deepEqual(bench.times, ["12:10:00", "12:35:00"]);
});

test("the clock is set forwards: what lies between is missed; set back: its hours are planned once more", async (context) => {
  const bench = new SchedulerBench(context);
  bench.scheduler.add({ action: record, startUtcUs: utc("2026-06-21T12:30:00Z"), intervalUs: HOUR });
  await bench.advance(HOUR);
  bench.clock.offsetUs += 5 * HOUR;
  await bench.advance(MINUTE);
  assert.deepEqual(bench.times, ["12:30:00", "18:00:10"]);
  assert.deepEqual(bench.outcomes(1), ["done", "skipped 4 missed", "done"]);
  assert.match(bench.rows(1)[1]?.message ?? "", /the clock was set forwards by 18000 s/);
  bench.clock.offsetUs -= 4 * HOUR;
  await bench.advance(2 * HOUR);
  assert.deepEqual(bench.times.slice(2), ["14:30:00", "15:30:00"]);
  const notes = bench.rows().filter(({ outcome }) => outcome === "note");
  assert.deepEqual(
    notes.map(({ message }) => message),
    ["the clock was set forwards by 18000 s", "the clock was set back by 14400 s"],
  );
});

test("a clock that is not set yet begins nothing", async (context) => {
  const bench = new SchedulerBench(context);
  bench.scheduler.add({ action: record, startUtcUs: utc("2026-06-21T13:00:00Z"), intervalUs: HOUR });
  await bench.advance(90 * MINUTE);
  const shiftUs = bench.clock.utcUs() + 10 * MINUTE;
  bench.clock.offsetUs = 0;
  await bench.stop();
  bench.clock.offsetUs -= shiftUs;
  await bench.restart(10 * MINUTE);
  assert.equal(bench.scheduler.status.value.isClockSet, false);
  assert.throws(() => bench.scheduler.add({ action: record }), /the clock is not set/);
  await bench.advance(3 * HOUR);
  assert.deepEqual(bench.times, ["13:00:00"]);
  bench.clock.offsetUs += shiftUs;
  await bench.advance(MINUTE);
  assert.equal(bench.scheduler.status.value.isClockSet, true);
  assert.deepEqual(bench.outcomes(1), ["done", "skipped 2 missed", "done"]);
  assert.match(bench.rows(1)[1]?.message ?? "", /the clock was not set/);
});

test("quiet time, over midnight and in a time zone: runs are skipped, power follows with its delays, power jobs run", async (context) => {
  const bench = new SchedulerBench(context, "2026-06-21T18:00:00Z");
  const { scheduler } = bench;
  scheduler.setQuietTime({ enabled: true, startS: 22 * 3600, endS: 4 * 3600, timeZone: "Europe/London" });
  scheduler.setQuietTime({ powerOffEnabled: true, powerDelayS: 1200 });
  scheduler.add({ action: record, startUtcUs: utc("2026-06-21T18:30:00Z"), intervalUs: HOUR });
  scheduler.add({ action: { do: "power-on" }, startUtcUs: utc("2026-06-22T00:00:00Z") });
  await bench.advance(12 * HOUR);
  // 22:00 of the British summer is 21:00 UTC.
  assert.deepEqual(bench.outcomes(1), [
    "done",
    "done",
    "done",
    "skipped 6 quiet-time",
    "done",
    "done",
    "done",
  ]);
  assert.deepEqual(bench.power, [
    "21:20:00 QEP00709 off",
    "21:20:01 FLMS01859 off",
    "00:00:00 QEP00709 on",
    "00:00:01 FLMS01859 on",
    "02:40:00 QEP00709 on",
    "02:40:01 FLMS01859 on",
  ]);
  assert.throws(() => scheduler.setQuietTime({ timeZone: "Europe/Edinbrugh" }), /timeZone/);
  assert.throws(() => scheduler.setQuietTime({ startS: 86_400 }), /startS/);
  await bench.restart();
  assert.equal(bench.scheduler.quietTime.value.timeZone, "Europe/London");
});

test("sunrise and half an hour, solar noon, and a low evening sun; polar day has no sunrise, and says so", async (context) => {
  const bench = new SchedulerBench(context, "2026-12-20T20:00:00Z");
  const { scheduler } = bench;
  scheduler.add({ action: record, sun: { event: "sunrise", offsetS: 1800 } });
  scheduler.add({ action: { do: "dark" }, sun: { event: "noon" } });
  scheduler.add({ action: record, sun: { event: "sunset", elevationDeg: 8 } });
  await bench.advance(2 * DAY);
  // 21 December in Edinburgh: sunrise 08:41:45, noon 12:10:45.
  assert.deepEqual(
    bench.times.slice(0, 3).map((time) => time.slice(0, 5)),
    ["09:11", "12:10", "13:47"],
  );
  assert.equal(bench.begun.length, 6);
  bench.place.set({ latitudeDeg: 78.9, longitudeDeg: 11.9, heightM: 0 });
  await bench.advance(DAY);
  assert.deepEqual(bench.outcomes(1), ["done", "done", "skipped 1 no-sun-event"]);
  assert.deepEqual(bench.outcomes(2), ["done", "done", "done"]);
  bench.place.set(undefined);
  assert.throws(() => scheduler.add({ action: record, sun: { event: "noon" } }), /position is unknown/);
  assert.equal(scheduler.jobs.value[1]?.nextUtcUs, undefined);
});

test("a position that shifts by metres gives no event of the sun twice", async (context) => {
  const bench = new SchedulerBench(context, "2026-03-20T11:00:00Z");
  bench.scheduler.add({ action: record, sun: { event: "noon" } });
  for (let step = 0; step < 200; step++) {
    bench.place.set({ latitudeDeg: 55.92, longitudeDeg: -3.17 - step * 1e-3, heightM: 80 });
    await bench.advance(MINUTE);
  }
  assert.equal(bench.begun.length, 1);
});

test("windows of the sun and values of resources: what does not hold skips the run with the figures", async (context) => {
  const bench = new SchedulerBench(context, "2026-06-21T02:00:00Z");
  bench.values.set("/datadir", { freeBytes: 5e9 });
  bench.values.set("/battery", { cell: { volts: 12.4 } });
  bench.scheduler.add({
    action: record,
    startUtcUs: utc("2026-06-21T02:00:00Z"),
    intervalUs: HOUR,
    when: {
      sunElevationDeg: { min: 20 },
      sunAzimuthDeg: { from: 90, to: 270 },
      values: [
        { path: "/datadir", field: "freeBytes", is: ">=", value: 1e9 },
        { path: "/battery", field: "cell.volts", is: ">", value: 11.8 },
      ],
    },
  });
  await bench.advance(10 * HOUR + MINUTE);
  bench.values.set("/datadir", { freeBytes: 5e8 });
  await bench.advance(HOUR);
  bench.values.delete("/datadir");
  await bench.advance(HOUR);
  bench.values.set("/datadir", { freeBytes: "much" });
  await bench.advance(HOUR);
  const skipped = bench.rows(1).filter(({ outcome }) => outcome === "skipped");
  const done = Array.from({ length: 5 }, () => "done");
  assert.deepEqual(bench.outcomes(1), ["skipped 6 sun", ...done, "skipped 3 condition"]);
  assert.match(
    skipped[0]?.message ?? "",
    /sun (elevation|azimuth) [\d.]+ degrees, (below 20|outside 90..270)/,
  );
  assert.match(skipped.at(-1)?.message ?? "", /freeBytes: "much" cannot be compared with 1000000000/);
});

test("what a store that fails cannot keep is recorded all the same, in this process once", async (context) => {
  const errors: string[] = [];
  const log = { ...SILENT, error: (_facts: object, text: string) => void errors.push(text) };
  const bench = new SchedulerBench(context, "2026-06-21T12:00:00Z", log);
  bench.scheduler.add({ action: { do: "dark" }, startUtcUs: utc("2026-06-21T12:15:00Z") });
  bench.scheduler.add({ action: record, startUtcUs: utc("2026-06-21T12:10:00Z"), intervalUs: 10 * MINUTE });
  await bench.stop();
  const { default: Database } = await import("better-sqlite3");
  const file = new Database(bench.file);
  for (const table of ["history", "jobs"])
    file.exec(
      `CREATE TRIGGER full_${table} BEFORE ${table === "jobs" ? "UPDATE" : "INSERT"} ON ${table} BEGIN SELECT RAISE(FAIL, 'disk full'); END`,
    );
  file.close();
  await bench.restart();
  await bench.advance(25 * MINUTE);
  assert.deepEqual(bench.times, ["12:10:00", "12:15:00", "12:20:00"]);
  assert.ok(errors.includes("after a restart these runs may be recorded once more"));
  bench.clock.offsetUs -= 12 * MINUTE;
  await bench.advance(10 * MINUTE);
  // The grid's hours come once more; what is to be done once is done.
  assert.deepEqual(bench.times.slice(3), ["12:20:00"]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { SILENT } from "../../src/base/log.ts";
import { noteResumption } from "../../src/scheduler/resumed-run.ts";
import { HOUR, MINUTE, SchedulerBench, utc } from "./bench.ts";

const hourly = {
  action: { do: "record", settings: { run: "plot" } },
  startUtcUs: utc("2026-06-21T12:30:00Z"),
  intervalUs: HOUR,
} as const;

/** Recorded at 12:30 to 15:30, then off for an hour; the clock begins two hours behind. */
async function restartBehind(...[context, startIso]: ConstructorParameters<typeof SchedulerBench>) {
  const bench = new SchedulerBench(context, startIso);
  bench.scheduler.add(hourly);
  await bench.advance(3.75 * HOUR);
  await bench.stop();
  bench.clock.offsetUs -= 3 * HOUR;
  await bench.restart(HOUR);
  return bench;
}

test("a clock that is behind at the start begins nothing; when it is put right nothing planned comes twice", async (context) => {
  const bench = await restartBehind(context);
  assert.deepEqual(bench.times, ["12:30:00", "13:30:00", "14:30:00", "15:30:00"]);
  await bench.advance(5 * MINUTE);
  const { isClockSet, problems } = bench.scheduler.status.value;
  assert.equal(isClockSet, false);
  assert.match(problems?.[0] ?? "", /clock: 7200 s behind what it showed once/);
  bench.clock.offsetUs += 3 * HOUR;
  bench.isSynchronised = true;
  await bench.advance(HOUR);
  assert.equal(bench.scheduler.status.value.problems, undefined);
  // It is 16:50 now: the one of 16:30 was missed and is made up for.
  assert.deepEqual(bench.times.slice(4), ["16:50:10", "17:30:00"]);
  assert.deepEqual(
    bench.outcomes(1),
    Array.from({ length: 6 }, () => "done"),
  );
});

test("a clock that stays behind is gone by after ten minutes, with a note; put right later, it brings nothing twice", async (context) => {
  const bench = await restartBehind(context);
  await bench.advance(HOUR);
  // Its hours come once more, as other hours.
  assert.deepEqual(bench.times.slice(4), ["14:30:00"]);
  const note = bench.rows().find(({ outcome }) => outcome === "note");
  assert.match(note?.message ?? "", /set back by 66\d\d s, and nobody tells whether it is right/);
  bench.clock.offsetUs += 40 * MINUTE;
  await bench.advance(MINUTE);
  // The one of 15:30 was recorded before the restart.
  assert.equal(bench.times.length, 5);
  await bench.restart();
  await bench.advance(5 * MINUTE);
  assert.equal(bench.scheduler.status.value.isClockSet, false, "still behind what it showed once");
  assert.equal(bench.times.length, 5);
});

test("a clock that is behind and known to be right is gone by at once, and so is the next start", async (context) => {
  const bench = new SchedulerBench(context);
  bench.scheduler.add(hourly);
  await bench.advance(3.75 * HOUR);
  await bench.stop();
  bench.isSynchronised = true;
  bench.clock.offsetUs -= 2 * HOUR;
  await bench.restart();
  await bench.advance(HOUR);
  assert.deepEqual(bench.times.slice(4), ["14:30:00"]);
  bench.isSynchronised = undefined;
  await bench.restart();
  assert.equal(bench.scheduler.status.value.isClockSet, true);
  await bench.advance(HOUR);
  assert.deepEqual(bench.times.slice(5), ["15:30:00"]);
});

test("a clock that is set back and forwards again brings nothing twice, and whoever records is told", async (context) => {
  const bench = new SchedulerBench(context);
  bench.scheduler.add(hourly);
  await bench.advance(2.75 * HOUR);
  bench.clock.offsetUs -= 2 * HOUR;
  await bench.advance(MINUTE);
  bench.clock.offsetUs += 2 * HOUR;
  await bench.advance(HOUR);
  assert.deepEqual(bench.times, ["12:30:00", "13:30:00", "14:30:00", "15:30:00"]);
  assert.deepEqual(bench.jumpsS, [-7200, 7200]);
});

test("a run that was resumed before the clock could be gone by has that in its own row", async (context) => {
  const bench = new SchedulerBench(context);
  bench.scheduler.add(hourly);
  await bench.advance(1.6 * HOUR);
  await bench.stop();
  // As a process leaves it that could not say that it ends, after an earlier run that was interrupted, too.
  const { default: Database } = await import("better-sqlite3");
  const file = new Database(bench.file);
  file.exec("UPDATE history SET outcome = 'interrupted'");
  file.exec(
    "UPDATE history SET outcome = 'running', endedUtcUs = NULL, message = NULL WHERE id = (SELECT max(id) FROM history)",
  );
  file.close();
  bench.clock.offsetUs -= 3 * HOUR;
  await bench.restart(HOUR);
  assert.equal(bench.scheduler.status.value.isClockSet, false);
  const origin = { by: "schedule", id: "1" } as const;
  const { history } = bench.scheduler;
  const resumed = { origin, startedUtc: "2026-06-21T13:30:00Z", message: "finished as batch 1" };
  noteResumption({ history, log: SILENT }, resumed);
  bench.clock.offsetUs += 3 * HOUR;
  bench.isSynchronised = true;
  await bench.advance(MINUTE);
  const [earlier, own] = bench.rows(1);
  assert.equal(earlier?.message, null);
  assert.equal(own?.outcome, "interrupted");
  assert.equal(own?.message, "the server ended before the run did; finished as batch 1");
});

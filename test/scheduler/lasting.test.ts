// The scheduler's file cannot be written: locked by another program, full, or not there. No night is lost.

import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, statSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import Database from "better-sqlite3";
import { SECOND } from "../../src/base/clock.ts";
import { SILENT } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { Connection } from "../../src/scheduler/connection.ts";
import { History } from "../../src/scheduler/history.ts";
import { SchedulerStore } from "../../src/scheduler/store.ts";
import { HOUR, MINUTE, SchedulerBench, utc } from "./bench.ts";

const record = { do: "record", settings: { run: "plot" } } as const;
const grid = { action: record, startUtcUs: utc("2026-06-21T12:10:00Z"), intervalUs: 10 * MINUTE };

function locked(file: string): Database.Database {
  const other = new Database(file);
  other.pragma("locking_mode = EXCLUSIVE");
  other.exec("BEGIN EXCLUSIVE");
  return other;
}

test("jobs of a file that is locked at the start are recorded; it has what happened as soon as it is free", async (context) => {
  const bench = new SchedulerBench(context);
  bench.scheduler.add(grid);
  bench.scheduler.add({ action: { do: "dark" }, startUtcUs: utc("2026-06-21T12:25:00Z") });
  await bench.advance(15 * MINUTE);
  await bench.stop();
  const other = locked(bench.file);
  await bench.restart();
  const { status } = bench.scheduler;
  assert.equal(status.value.isLasting, false);
  assert.match(
    status.value.problems?.[0] ?? "",
    /scheduler.sqlite: database is locked, jobs and history are kept/,
  );
  await bench.advance(10 * MINUTE);
  assert.equal(bench.scheduler.add({ ...grid, startUtcUs: utc("2026-06-21T13:00:00Z") }).id, 3);
  bench.scheduler.setQuietTime({ startS: 0 });
  await bench.advance(HOUR / 2);
  assert.deepEqual(bench.times.slice(0, 4), ["12:10:00", "12:20:00", "12:25:00", "12:30:00"]);
  other.close();
  await bench.advance(MINUTE);
  assert.deepEqual([status.value.isLasting, status.value.problems], [true, undefined]);
  const count = bench.begun.length;
  await bench.restart();
  await bench.advance(SECOND);
  assert.equal(bench.begun.length, count, "nothing is recorded once more");
  assert.deepEqual(bench.outcomes(2), ["done"]);
  assert.equal(bench.scheduler.job(2).state, "finished");
  assert.equal(bench.scheduler.job(3).state, "active");
  assert.equal(bench.scheduler.quietTime.value.startS, 0);
  assert.equal(bench.rows().filter(({ outcome }) => outcome === "done").length, count);
});

test("a folder that appears later brings its jobs, beside those that were added meanwhile", async (context) => {
  const bench = new SchedulerBench(context);
  bench.scheduler.add(grid);
  await bench.advance(15 * MINUTE);
  await bench.stop();
  const folder = dirname(bench.file);
  renameSync(folder, `${folder}.away`);
  // A file lies where the folder belongs, so that none can be made.
  new Database(folder).exec("CREATE TABLE t (a)").close();
  await bench.restart();
  assert.equal(bench.scheduler.jobs.value.length, 0);
  const { id } = bench.scheduler.add({ action: { do: "dark" }, startUtcUs: utc("2026-06-21T13:30:00Z") });
  await bench.advance(20 * MINUTE);
  rmSync(folder);
  renameSync(`${folder}.away`, folder);
  await bench.advance(MINUTE);
  assert.deepEqual(
    bench.scheduler.jobs.value.map((job) => job.id).toSorted((a, b) => a - b),
    [1, id],
  );
  // The two that came meanwhile are made up for by one.
  assert.deepEqual(bench.outcomes(1), ["done", "skipped 1 missed", "done"]);
  await bench.restart();
  assert.equal(bench.scheduler.jobs.value.length, 2);
});

function folderOf(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "vscope-"));
  context.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test("a disk that becomes full: rows stay in memory, and go into the file when there is room", async (context) => {
  const clock = new VirtualClock();
  const path = join(folderOf(context), "scheduler.sqlite");
  const connection = new Connection(path, { clock, log: SILENT });
  const history = new History(connection, SILENT);
  history.plan(1, "record", 1);
  // What SQLite does when its file cannot grow.
  connection.database.pragma("max_page_count = 1");
  for (let run = 2; run <= 200; run++) {
    const id = history.plan(1, "record", run);
    history.end(id, { outcome: "done", endedUtcUs: run, result: "x".repeat(500) });
  }
  assert.equal(history.page({ offset: 0, limit: 1 }).total, 200);
  assert.equal(connection.state.value.isLasting, false);
  assert.match(connection.state.value.reason ?? "", /database or disk is full/);
  await clock.advance(2 * SECOND);
  assert.deepEqual(connection.state.value, { isLasting: true });
  await connection.close();
  const file = new Database(path);
  assert.deepEqual(file.prepare("SELECT count(*) AS rows, max(id) AS id FROM history").get(), {
    rows: 200,
    id: 200,
  });
  file.close();
});

test("a disk that is full keeps the end of a resumed run in memory, too", async (context) => {
  const clock = new VirtualClock();
  const connection = new Connection(join(folderOf(context), "scheduler.sqlite"), { clock, log: SILENT });
  const history = new History(connection, SILENT);
  const id = history.plan(1, "record", 1);
  history.start(id, 1, "1");
  history.end(id, { outcome: "interrupted", endedUtcUs: 2, message: "x".repeat(4000) });
  connection.database.pragma("max_page_count = 1");
  history.addToInterrupted(1, 1, `finished${" ".repeat(4000)}`);
  assert.match(history.page({ offset: 0, limit: 1 }).rows[0]?.message ?? "", /^x+; finished/);
  assert.equal(connection.state.value.isLasting, false);
  await connection.close();
});

test("rows of runs do not wait for the disk, orders of clients do; the log goes into the file when nothing is measured", async (context) => {
  const path = join(folderOf(context), "scheduler.sqlite");
  const connection = new Connection(path, { clock: new VirtualClock(), log: SILENT });
  const synchronous = (): unknown => connection.database.pragma("synchronous", { simple: true });
  assert.equal(connection.write(synchronous), 1);
  assert.equal(connection.writeThrough(synchronous), 2);
  assert.equal(connection.write(synchronous), 1);
  const history = new History(connection, SILENT);
  for (let run = 0; run < 300; run++) history.note("clock", run, "it was set");
  connection.tidy();
  const [checkpoint] = [connection.database.pragma("wal_checkpoint")].flat();
  assert.deepEqual(checkpoint, { busy: 0, log: 0, checkpointed: 0 });
  await connection.close();
});

test("a file that is up to date is not written at the start", async (context) => {
  const path = join(folderOf(context), "scheduler.sqlite");
  const parts = { clock: new VirtualClock(), log: SILENT };
  await SchedulerStore.open(path, parts).close();
  utimesSync(path, 1, 1);
  await SchedulerStore.open(path, parts).close();
  assert.equal(statSync(path).mtimeMs, 1000);
});

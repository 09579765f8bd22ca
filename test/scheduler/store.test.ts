import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import Database from "better-sqlite3";
import { SECOND } from "../../src/base/clock.ts";
import { SILENT } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { History } from "../../src/scheduler/history.ts";
import { MIGRATIONS } from "../../src/scheduler/schema.ts";
import { SchedulerStore } from "../../src/scheduler/store.ts";

const clock = new VirtualClock();
const parts = { clock, log: SILENT };
const definition = {
  action: { do: "dark" },
  startUtcUs: 1_790_000_000_123_456,
  onMissed: "once",
  onBusy: "wait",
} as const;

function folderOf(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "vscope-"));
  context.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test("jobs, states and settings are there after the file was closed; numbers are given once", async (context) => {
  const path = join(folderOf(context), "a", "scheduler.sqlite");
  const store = SchedulerStore.open(path, parts);
  assert.equal(store.lasting.value.isLasting, true);
  assert.equal(store.addJob(definition, 5).id, 1);
  assert.equal(store.addJob(definition, 6).id, 2);
  store.setState(2, "deleted");
  store.settle(1, 7);
  store.seenUtcUs = 1_790_000_000_000_001;
  store.quietTime = { ...store.quietTime, enabled: true };
  await store.close();
  let again = SchedulerStore.open(path, parts);
  // Another server with the same folder does not carry out the same jobs.
  const second = SchedulerStore.open(path, parts);
  assert.deepEqual([second.lasting.value.isLasting, second.liveJobs()], [false, []]);
  // One that runs on keeps its jobs, even when it is started again later.
  await clock.advance(300 * SECOND);
  await again.close();
  await clock.advance(3600 * SECOND);
  assert.equal(second.lasting.value.isLasting, false);
  await second.close();
  again = SchedulerStore.open(path, parts);
  // One that closes leaves them to the next.
  const next = SchedulerStore.open(path, parts);
  assert.deepEqual([next.lasting.value.isLasting, next.liveJobs()], [false, []]);
  await again.close();
  await clock.advance(5 * SECOND);
  assert.deepEqual([next.lasting.value.isLasting, next.liveJobs().length], [true, 1]);
  await next.close();
  again = SchedulerStore.open(path, parts);
  assert.deepEqual(again.liveJobs(), [{ job: { ...definition, id: 1, state: "active" }, settledUtcUs: 7 }]);
  assert.equal(again.job(2)?.state, "deleted");
  assert.equal(again.seenUtcUs, 1_790_000_000_000_001);
  assert.equal(again.quietTime.enabled, true);
  assert.equal(again.addJob(definition, 8).id, 3);
  await again.close();
});

test("a damaged file is moved aside; one of a newer version is left alone, and jobs live in memory", async (context) => {
  const folder = folderOf(context);
  const path = join(folder, "scheduler.sqlite");
  writeFileSync(
    path,
    "no database at all, but long enough to be read as the header of one, for sure and certain",
  );
  const anew = SchedulerStore.open(path, parts);
  assert.equal(anew.lasting.value.isLasting, true);
  anew.addJob(definition, 0);
  await anew.close();
  assert.ok(readdirSync(folder).some((name) => name.startsWith("scheduler.sqlite.2026")));
  const newer = new Database(path);
  newer.pragma(`user_version = ${MIGRATIONS.length + 1}`);
  newer.close();
  const inMemory = SchedulerStore.open(path, parts);
  assert.equal(inMemory.lasting.value.isLasting, false);
  assert.deepEqual(inMemory.liveJobs(), []);
  await inMemory.close();
  const untouched = new Database(path);
  assert.deepEqual(untouched.prepare("SELECT count(*) AS jobs FROM jobs").get(), { jobs: 1 });
  untouched.close();
});

test("a transaction that fails changes nothing; a job that cannot be read hides no other", async (context) => {
  const store = SchedulerStore.open(join(folderOf(context), "scheduler.sqlite"), parts);
  store.addJob(definition, 0);
  assert.throws(
    () =>
      store.transaction(() => {
        store.setState(1, "suspended");
        throw new TypeError("in between");
      }),
    /scheduler: in between/,
  );
  assert.equal(store.job(1)?.state, "active");
  await store.close();
  const path = join(folderOf(context), "scheduler.sqlite");
  const other = SchedulerStore.open(path, parts);
  other.addJob(definition, 0);
  other.addJob(definition, 0);
  await other.close();
  const raw = new Database(path);
  raw.exec(`UPDATE jobs SET definition = '{"action":{"do":"dance"}' WHERE id = 1`);
  raw.close();
  const read = SchedulerStore.open(path, parts);
  assert.deepEqual(
    read.liveJobs().map(({ job }) => job.id),
    [2],
  );
  await read.close();
});

test("the history has pages, newest first, by job and outcome, and loses its oldest rows", () => {
  const database = new Database(":memory:");
  for (const step of MIGRATIONS) database.exec(step);
  const history = new History({ database, write: (task) => task() }, SILENT, 250);
  const waiting = history.plan(0, "record", -1);
  for (let run = 0; run < 1000; run++) {
    const id = history.plan(run % 2, "record", run);
    history.end(id, { outcome: run % 4 === 0 ? "failed" : "done", endedUtcUs: run, result: { run } });
  }
  assert.deepEqual(
    history.unfinished().map(({ id }) => id),
    [waiting],
  );
  const all = history.page({ offset: 0, limit: 3 });
  assert.deepEqual(
    all.rows.map(({ plannedUtcUs }) => plannedUtcUs),
    [999, 998, 997],
  );
  assert.ok(all.total >= 250 && all.total <= 351, String(all.total));
  const failed = history.page({ job: 0, outcome: "failed", offset: 1, limit: 1 });
  assert.deepEqual(
    failed.rows.map(({ plannedUtcUs, result }) => [plannedUtcUs, result]),
    [[992, '{"run":992}']],
  );
  assert.equal(history.page({ job: 1, outcome: "failed", offset: 0, limit: 10 }).total, 0);
});

// A week of a whole server on the virtual clock, with everything that a field season brings. Whatever the jobs had planned
// must have been recorded, or the history says why not.

import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { NEVER } from "../../src/base/abort.ts";
import { isoUtc, SECOND } from "../../src/base/clock.ts";
import { SILENT } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { type Disk, SYSTEM_DISK } from "../../src/datadir/disk/disk.ts";
import type { HistoryRow } from "../../src/scheduler/history.ts";
import type { NewJob } from "../../src/scheduler/job.ts";
import { Server } from "../../src/server.ts";
import { SettableClock } from "../scheduler/bench.ts";
import { emulatedConfig } from "../support/instrument.ts";

const HOUR = 3600 * SECOND;
const DAY = 24 * HOUR;
const START = Date.parse("2026-06-15T00:00:00Z") * 1000;
const WEEK_ENDS = START + 7 * DAY;

const CONFIGURATION = `
[channels]
[[shutter_1]]
direction = downwelling
[[shutter_2]]
direction = upwelling
[spectrometers]
[[FLMS01859]]
power_switch_pin = 5
[[QEP00709]]
power_switch_pin = 6
`;

const room = { path: "/datadir", field: "freeBytes", is: ">=", value: 1e9 } as const;
const record = (run: string, more: object = {}) => ({ do: "record", settings: { run, ...more } }) as const;
/** With the runs that each has planned in the week. */
const JOBS: readonly (readonly [runs: number, job: NewJob & { readonly name: string }])[] = [
  [
    168,
    {
      name: "canopy",
      action: record("canopy"),
      startUtcUs: START,
      intervalUs: HOUR,
      when: { sunElevationDeg: { min: 15 } },
    },
  ],
  [
    84,
    {
      name: "transect",
      action: record("transect"),
      startUtcUs: START,
      intervalUs: 2 * HOUR,
      when: { values: [room] },
      onMissed: "skip",
    },
  ],
  [
    7,
    {
      name: "morning",
      action: record("morning", { autointegrate: 0 }),
      sun: { event: "sunrise", offsetS: 1800 },
    },
  ],
  [7, { name: "noon", action: { do: "dark", run: "noon" }, sun: { event: "noon" } }],
  [1, { name: "once", action: record("once", { sequences: 3 }), startUtcUs: START + 2 * DAY + 12 * HOUR }],
];

class Week {
  readonly virtual = new VirtualClock(START - 60 * SECOND);
  readonly clock = new SettableClock(this.virtual);
  readonly folder: string;
  server: Server | undefined;
  isFull = false;

  constructor(folder: string) {
    this.folder = folder;
  }

  get model() {
    return this.server?.model ?? assert.fail("the server is off");
  }

  async on(): Promise<void> {
    const { clock, virtual, folder } = this;
    const disk: Disk = {
      ...SYSTEM_DISK,
      space: async (path) => (this.isFull ? { freeBytes: 5e6, totalBytes: 1e9 } : SYSTEM_DISK.space(path)),
    };
    const config = emulatedConfig(folder, { cloudStrength: 0.8 });
    await writeFile(join(folder, config.config), CONFIGURATION);
    const options = { config, clock, log: SILENT, version: "test", disk };
    this.server = await virtual.run(Server.start(options, NEVER));
  }

  async off(): Promise<void> {
    await this.virtual.run(this.server?.close() ?? Promise.resolve());
    this.server = undefined;
  }

  /** Lets time pass until a moment of the week. */
  until(day: number, hour: number): Promise<void> {
    return this.virtual.advance(START + day * DAY + hour * HOUR - this.clock.utcUs());
  }

  setPlugged(isPlugged: boolean): void {
    const unit = this.model.emulatedUnits.get("FLMS01859") ?? assert.fail();
    unit.setPlugged(isPlugged);
  }
}

async function liveThrough(week: Week): Promise<void> {
  await week.on();
  const { scheduler } = week.model;
  scheduler.setQuietTime({ enabled: true, startS: 22 * 3600, endS: 4 * 3600, timeZone: "Europe/London" });
  scheduler.setQuietTime({ powerOffEnabled: true, powerDelayS: 600 });
  for (const [, job] of JOBS) scheduler.add(job);
  // Unplugged for three quarters of an hour, and in the middle of a recording.
  await week.until(1, 10.2);
  week.setPlugged(false);
  await week.until(1, 10.9);
  week.setPlugged(true);
  await week.until(3, 13);
  await week.virtual.advance(SECOND / 4);
  week.setPlugged(false);
  await week.until(3, 13.1);
  week.setPlugged(true);
  await week.until(4, 8.1);
  week.isFull = true;
  await week.until(4, 11.7);
  week.isFull = false;
  await week.until(5, 8.1);
  scheduler.suspend(2);
  await week.until(5, 14.1);
  scheduler.resume(2);
  await restartLocked(week);
  // It is switched off in the middle of a recording.
  await week.until(6, 10);
  await week.virtual.advance(SECOND / 4);
  await week.off();
  await week.until(6, 13.6);
  await week.on();
  await restartBehind(week);
  await week.until(7, -1e-6);
}

// Another program has locked the scheduler's file when the server begins, for two hours and a half.
async function restartLocked(week: Week): Promise<void> {
  await week.until(5, 16.2);
  await week.off();
  const other = new Database(join(week.folder, ".state", "scheduler.sqlite"));
  other.exec("BEGIN EXCLUSIVE");
  await week.on();
  const { status } = week.model.scheduler;
  assert.match(status.value.problems?.[0] ?? "", /database is locked/);
  await week.until(5, 18.7);
  other.close();
  await week.until(5, 18.8);
  assert.equal(status.value.isLasting, true);
}

// Without a battery for its clock the computer begins three hours behind, and is told the time six minutes later.
async function restartBehind(week: Week): Promise<void> {
  await week.until(6, 16.8);
  await week.off();
  await week.until(6, 16.95);
  week.clock.offsetUs -= 3 * HOUR;
  await week.on();
  await week.until(6, 14.05);
  assert.match(week.model.scheduler.status.value.problems?.[0] ?? "", /clock: 10\d{3} s behind/);
  week.clock.offsetUs += 3 * HOUR;
}

test("a week with quiet time, power-off, clouds, drop-outs, a full disk, a locked file, a clock that is behind, restarts", {
  timeout: 300_000,
}, async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "vscope-"));
  const week = new Week(folder);
  context.after(async () => {
    await week.off();
    await rm(folder, { recursive: true });
  });
  await liveThrough(week);
  const { scheduler } = week.model;
  const { rows } = scheduler.history.page({ offset: 0, limit: 100_000 });
  for (const line of summary(rows)) context.diagnostic(line);
  for (const [index, [planned, { name }]] of JOBS.entries()) {
    const own = rows.filter(({ job }) => job === index + 1);
    assert.equal(sum(own), planned, `${name}: runs in the history`);
    const recorded = own.filter(({ outcome }) => outcome === "done").length;
    assert.ok(recorded >= planned / 4, `${name}: ${recorded} of ${planned} recorded`);
  }
  for (const row of rows) {
    assert.ok(row.outcome !== "waiting" && row.outcome !== "running", JSON.stringify(row));
    if (row.outcome !== "done") assert.ok((row.message ?? "").length > 5, JSON.stringify(row));
    assert.ok(row.plannedUtcUs < WEEK_ENDS);
  }
  checkReasons(rows);
  const recorded = rows.filter(
    ({ outcome, result }) => outcome === "done" && /"run":"canopy"/.test(result ?? ""),
  );
  const batches = new Set(
    (await readdir(join(folder, "canopy")))
      .map((name) => name.slice(0, 7))
      .filter((name) => /^b\d/.test(name)),
  );
  assert.ok(
    batches.size >= recorded.length,
    `${batches.size} batches of ${recorded.length} runs are on the disk`,
  );
});

function checkReasons(rows: readonly HistoryRow[]): void {
  const has = (text: RegExp): boolean => rows.some((row) => text.test(describe(row)));
  for (const reason of [
    /skipped quiet-time/,
    /skipped sun sun elevation/,
    /skipped condition .*freeBytes: 5000000, not >= 1000000000/,
    /skipped suspended/,
    /skipped missed the server was not running/,
    /failed .*FLMS01859/,
    /failed .*reserve/,
    /interrupted the server/,
  ])
    assert.ok(has(reason), `the history has nothing like ${reason}`);
  // The week begins in quiet time.
  const power = rows.filter(
    ({ job, what, plannedUtcUs }) => job === null && what.startsWith("power") && plannedUtcUs > START,
  );
  const times = power.map(({ what, plannedUtcUs }) => `${isoUtc(plannedUtcUs).slice(11, 16)} ${what}`);
  assert.deepEqual([...new Set(times)].toSorted(), ["02:50 power-on", "21:10 power-off"]);
  assert.ok(power.length >= 13 && power.every(({ outcome }) => outcome === "done"), String(power.length));
}

function describe({ outcome, reason, message }: HistoryRow): string {
  return [outcome, reason ?? "", message ?? ""].join(" ").replace("  ", " ");
}

function sum(rows: readonly HistoryRow[]): number {
  return rows.reduce((total, { runs }) => total + runs, 0);
}

// By job and what became of its runs.
function summary(rows: readonly HistoryRow[]): readonly string[] {
  const names = ["(power)", ...JOBS.map(([, { name }]) => name)];
  const kinds = [...new Set(rows.map(({ outcome, reason }) => reason ?? outcome))].toSorted();
  const line = (cells: readonly string[]): string => cells.map((cell) => cell.padStart(13)).join("");
  const table = names.map((name, index) => {
    const own = rows.filter(({ job }) => (job ?? 0) === index);
    const counts = kinds.map((kind) =>
      sum(own.filter(({ outcome, reason }) => (reason ?? outcome) === kind)),
    );
    return line([name, String(sum(own)), ...counts.map((count) => (count === 0 ? "" : String(count)))]);
  });
  return [line(["job", "planned", ...kinds]), ...table];
}

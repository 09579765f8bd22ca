// vscope schedule import: a Piccolo's jobs and quiet time, from the file that its server keeps, onto a whole emulated server.

import assert from "node:assert/strict";
import { copyFile, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { CoapInstrument } from "../../support/coap-instrument.ts";
import { type OldQuietTime, type OldRow, piccolo3Database } from "./piccolo3-database.ts";
import { vscope } from "./spawn-vscope.ts";

let server: CoapInstrument;

before(async () => {
  server = await CoapInstrument.start();
});

after(() => server.close());

const record = (run: string): string => `["record", ["${run}", 2, 0, 1.25, 70.0]]`;
const START = "2090-12-02 06:00:00.250000";
const KINDS: readonly OldRow[] = [
  { id: 1, job: record("one-shot"), start: START },
  {
    id: 2,
    job: record("grid"),
    start: START,
    interval: "1970-01-01 00:10:00.000000",
    end: "2091-01-01 00:00:00.000000",
  },
  {
    id: 3,
    job: record("old grid"),
    start: "2026-11-20 06:00:00.000000",
    interval: "1970-02-01 00:00:00.500000",
  },
  { id: 4, job: record("rests"), start: START, interval: "1970-01-01 00:00:30.500000", status: "suspended" },
  { id: 5, job: '["power_off"]', start: START, interval: "1970-01-02 00:00:00.000000" },
  { id: 6, job: record("\\u00fcml\\u00e4ut"), start: START, end: "2090-12-01 00:00:00.000000" },
  { id: 7, job: record("none"), start: START, interval: "1969-12-31 23:59:55.000000" },
  { id: 8, job: record("finished"), start: START, status: "done" },
  { id: 9, job: record("deleted"), start: START, status: "deleted" },
  { id: 10, job: record("past"), start: "2020-12-02 06:00:00.000000" },
  {
    id: 11,
    job: record("ended"),
    start: "2020-12-02 06:00:00.000000",
    interval: "1970-01-01 00:10:00.000000",
    end: "2021-01-01 00:00:00.000000",
  },
];

interface Report {
  readonly jobs: readonly { piccolo3: { id: number }; outcome: string; job?: number; reason?: string }[];
  readonly unreadable: readonly string[];
  readonly quietTime: string;
}

async function file(name: string, rows: readonly OldRow[], quietTime?: OldQuietTime): Promise<string> {
  const path = join(server.folder, name);
  piccolo3Database(path, rows, quietTime).close();
  return path;
}

const importing = (...args: readonly string[]) =>
  vscope(["--json", "schedule", "import", ...args], { url: `coap://127.0.0.1:${server.port}` });

async function reportOf(...args: readonly string[]): Promise<Report & { code: number | null }> {
  const { code, out, errors } = await importing(...args);
  assert.ok(out !== "", errors);
  const report: Report = JSON.parse(out);
  return { ...report, code };
}

const shortly = ({ jobs }: Report): readonly string[] =>
  jobs.map(({ piccolo3, outcome, job = "" }) => `${piccolo3.id} ${outcome} ${job}`.trim());

test("jobs of each kind are added once, with what they say; what is over is not", async () => {
  const path = await file("kinds.sqlite", KINDS, { enabled: "True", start: "2026-11-21 21:30:15.000000" });
  const before = await readFile(path);
  const { scheduler } = server.server.model;
  const dry = await reportOf(path, "--dry-run");
  assert.deepEqual([...new Set(dry.jobs.slice(0, 7).map(({ outcome }) => outcome))], ["would be imported"]);
  assert.deepEqual([scheduler.jobs.value.length, scheduler.quietTime.value.enabled], [0, false]);
  const report = await reportOf(path);
  const over = ["8 over", "9 over", "10 over", "11 over"];
  assert.deepEqual(shortly(report), [...[1, 2, 3, 4, 5, 6, 7].map((id) => `${id} imported ${id}`), ...over]);
  assert.match(report.jobs[9]?.reason ?? "", /its time is past, 2020-12-02T06/);
  assert.equal(report.quietTime, "imported, on, 21:30:15 to 04:00:00 UTC");
  const startUtcUs = Date.UTC(2090, 11, 2, 6, 0, 0, 250) * 1000;
  const [first, grid, old, rests, power, umlaut, none] = scheduler.jobs.value;
  assert.deepEqual(first?.action, {
    do: "record",
    settings: { run: "one-shot", sequences: 2, autointegrate: 0, delayS: 1.25, targetPercent: 70 },
  });
  assert.deepEqual([first?.startUtcUs, first?.state, first?.intervalUs], [startUtcUs, "active", undefined]);
  assert.deepEqual([grid?.intervalUs, grid?.endUtcUs], [600e6, Date.UTC(2091, 0, 1) * 1000]);
  assert.deepEqual([old?.startUtcUs, old?.intervalUs], [Date.UTC(2026, 10, 20, 6) * 1000, 2_678_400.5e6]);
  assert.deepEqual([rests?.state, rests?.intervalUs], ["suspended", 30.5e6]);
  assert.deepEqual([power?.action, power?.intervalUs], [{ do: "power-off" }, 86_400e6]);
  assert.ok(umlaut?.action.do === "record" && umlaut.action.settings.run === "ümläut");
  assert.deepEqual([umlaut?.endUtcUs, none?.intervalUs], [undefined, undefined]);
  const { enabled, startS, endS, timeZone } = scheduler.quietTime.value;
  assert.deepEqual([enabled, startS, endS, timeZone], [true, 77_415, 14_400, "UTC"]);
  const again = await reportOf(path);
  assert.deepEqual(
    shortly(again).slice(0, 7),
    [1, 2, 3, 4, 5, 6, 7].map((id) => `${id} imported before ${id}`),
  );
  assert.equal(again.quietTime, "the same here");
  assert.equal(scheduler.jobs.value.length, 7);
  assert.deepEqual(await readFile(path), before);
  assert.deepEqual(
    (await readdir(server.folder)).filter((name) => name.startsWith("kinds")),
    ["kinds.sqlite"],
  );
});

test("what the server refuses is told and fails the command, the others are added; a quiet time set here stays", async () => {
  const path = await file(
    "refused.sqlite",
    [
      { id: 31, job: record("../out"), start: START },
      { id: 32, job: record("short"), start: START, interval: "1970-01-01 00:00:00.500000" },
      { id: 33, job: '["dance"]', start: START },
      { id: 34, job: record("good"), start: START },
    ],
    { powerDelay: "x" },
  );
  for (const flags of [["--dry-run"], []]) {
    const { code, jobs, unreadable, quietTime } = await reportOf(path, ...flags);
    assert.equal(code, 1);
    assert.deepEqual(jobs.map(({ outcome }) => outcome).slice(0, 2), ["refused", "refused"]);
    assert.match(jobs[0]?.reason ?? "", /run name/);
    assert.match(jobs[1]?.reason ?? "", /interval/);
    assert.match(jobs[2]?.outcome ?? "", /imported/);
    assert.match(unreadable.join(), /^job 33: job/);
    assert.match(quietTime, /not imported, power_delay: not whole seconds/);
  }
  const other = await reportOf(await file("other.sqlite", []));
  assert.match(other.quietTime, /^not imported, it is set here already/);
  const { scheduler } = server.server.model;
  assert.equal(scheduler.quietTime.value.enabled, true);
  scheduler.setQuietTime({ enabled: false });
  const rows = { enabled: "True", start: "2026-11-21 20:00:00.000000" };
  const free = await reportOf(await file("free.sqlite", [], rows));
  assert.equal(free.quietTime, "imported, on, 20:00:00 to 04:00:00 UTC");
});

test("what a power cut has left half written is undone before it is read", async () => {
  const path = join(server.folder, "cut.sqlite");
  const rows = Array.from({ length: 2_000 }, (_, index) => ({
    id: 100 + index,
    job: record(`before ${index}`),
    start: "2020-01-01 00:00:00.000000",
  }));
  const database = piccolo3Database(path, rows);
  database.pragma("cache_size = 1");
  database.exec("BEGIN; UPDATE jobs SET job = 'half written', status = 'active'");
  const cut = join(server.folder, "power-cut.sqlite");
  for (const ending of ["", "-journal"]) await copyFile(`${path}${ending}`, `${cut}${ending}`);
  database.close();
  assert.ok((await readFile(cut)).includes("half written"));
  const { jobs, unreadable } = await reportOf(cut, "--dry-run");
  assert.deepEqual([jobs.length, unreadable.length], [2_000, 0]);
});

test("other files are told apart", async () => {
  const text = join(server.folder, "text.sqlite");
  await writeFile(text, "not a database, whatever its name says it is; long enough to be one".repeat(20));
  const own = server.server.model.dataDirectory.path;
  for (const [path, message] of [
    [text, /text\.sqlite: not the schedule of a Piccolo \(file is not a database\)/],
    [join(server.folder, "none.sqlite"), /none\.sqlite: the file cannot be read/],
    [own, /the file cannot be read/],
    [join(own, "catalogue.sqlite"), /not the schedule of a Piccolo \(no such table: jobs\)/],
  ] as const) {
    const { code, errors } = await importing(path);
    assert.deepEqual([code, message.test(errors)], [2, true], errors);
  }
});

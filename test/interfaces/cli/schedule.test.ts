// vscope schedule as a process against a whole emulated server.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { CoapInstrument } from "../../support/coap-instrument.ts";
import { vscope } from "./spawn-vscope.ts";

let server: CoapInstrument;
let url: string;

before(async () => {
  server = await CoapInstrument.start();
  url = `coap://127.0.0.1:${server.port}`;
});

after(() => server.close());

const run = (...args: readonly string[]) => vscope(["schedule", ...args], { url });

test("add, list, suspend, resume, delete, history", async () => {
  const empty = await run("list");
  assert.deepEqual([empty.code, empty.out, empty.errors], [0, "", "no job is scheduled\n"]);
  const grid =
    "add --name grid --at 2090-01-01T06:00:00+01:00 --every 10m --until 2090-02-01T00:00:00Z -r plot10 -n 5 --auto " +
    "--setting delayS=2 --min-elevation 20 --azimuth 90..270 --missed skip";
  const added = await run(...grid.split(" "), "--if", "/datadir freeBytes >= 1e9");
  assert.equal(
    added.out,
    "job 1: grid: record run=plot10 sequences=5 autointegrate=0 delayS=2, " +
      "every 10 min from 2090-01-01 05:00:00 until 2090-02-01 00:00:00 if " +
      "sun above 20 degrees and sun from 90 to 270 degrees, clockwise from north and " +
      "/datadir freeBytes >= 1e9, next 2090-01-01 05:00:00\n",
    added.errors,
  );
  assert.match(
    added.errors,
    /^warning: no run is in sight: .* until 2090-01-3\d, it is 1\d\.\d degrees high at most\n$/,
  );
  const noon = await run("add", "--do", "dark", "-r", "darks", "--sun", "noon", "--offset", "-30m", "--json");
  const { action, sun, onBusy }: { action: unknown; sun: unknown; onBusy: unknown } = JSON.parse(noon.out);
  assert.deepEqual(
    [action, sun, onBusy],
    [{ do: "dark", run: "darks" }, { event: "noon", offsetS: -1800 }, "wait"],
  );
  assert.equal((await run("suspend", "1")).out, "job 1: suspended\n");
  const { out: list } = await run("list");
  assert.match(list, /^job +state +next +does +when\n +1 +suspended +- +grid: record/);
  assert.match(list, /daily, 30 min before noon\n$/);
  assert.equal((await run("resume", "1")).out, "job 1: active\n");
  for (const id of ["1", "2"]) assert.equal((await run("delete", id)).out, `job ${id}: deleted\n`);
  const again = await run("delete", "1");
  assert.deepEqual([again.code, again.errors], [4, "vscope: job 1: is deleted\n"]);
});

test("a sun that does not come for weeks: the list tells when it will", async () => {
  const add = "add --do dark --sun sunrise --at 2090-11-20T00:00:00Z --sun-elevation";
  assert.equal((await run(...add.split(" "), "30")).code, 0);
  const never = await run(...add.split(" "), "60");
  assert.match(never.errors, /^warning: no run is in sight: /);
  const { out } = await run("list");
  assert.match(out, /3 +active +no sunrise before 2091-03-1\d +dark +daily, sunrise at 30 degrees\n/);
  assert.match(out, /4 +active +no sunrise within a year +dark/);
  const { scheduler } = server.server.model;
  assert.equal(scheduler.status.value.nextUtcUs, undefined);
  for (const id of [3, 4]) scheduler.delete(id);
});

test("a job that runs now is in the history; what is wrong is told", async () => {
  assert.equal((await run("add", "-r", "now", "--name", "once")).code, 0);
  const { scheduler } = server.server.model;
  for (;;) {
    const [row] = scheduler.history.page({ offset: 0, limit: 1 }).rows;
    if (row?.outcome === "done") break;
    await new Promise((resolve) => scheduler.history.changes.subscribe(resolve));
  }
  const { out } = await run("history", "--outcome", "done");
  assert.match(out, /^planned +runs +job +what +outcome +reason\n20\d\d-.* +1 +5 +record +done\n$/);
  for (const [args, code, message] of [
    [["add", "--at", "2020-01-01T00:00:00Z"], 4, /its time, 2020-01-01T00:00:00.000000Z, is past/],
    [["add", "--at", "tomorrow"], 4, /start: 'tomorrow', expected date, time and zone in ISO 8601/],
    [["add", "--every", "10x"], 2, /"10x" is not a time such as 30s/],
    [["add", "--offset", "10m"], 2, /need --sun/],
    [["add", "--if", "freeBytes > 5"], 2, /is not PATH/],
    [["add", "--setting", "sequence=5"], 4, /sequence/],
    [["suspend", "99"], 4, /job 99: there is none/],
    [["suspend", "x"], 4, /job x: there is none/],
    [["history", "--outcome", "lost"], 4, /outcome/],
  ] as const) {
    const wrong = await run(...args);
    assert.equal(wrong.code, code, `${args.join(" ")}: ${wrong.errors}`);
    assert.match(wrong.errors, message);
  }
});

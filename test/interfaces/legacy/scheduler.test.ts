// piccolo3's scheduler: section 9 of its interface as observed, and what is mended of it (section 12, no. 5 and 6).

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { NEVER } from "../../../src/base/abort.ts";
import { isoUtc, SECOND, SystemClock } from "../../../src/base/clock.ts";
import { SILENT } from "../../../src/base/log.ts";
import { Server } from "../../../src/server.ts";
import { emulatedConfig } from "../../support/instrument.ts";
import { LegacyClient, legacyInstrument, Watch } from "./legacy-client.ts";

const RECORD = "control/record_sequence";
const JOBS = "control/scheduler/jobs";
const FUTURE = "2090-01-01 12:00:00.500000+00:00";

/** As the client sends it: YYYY-MM-DD HH:MM:SS.ffffff+00:00. */
function inS(seconds: number): string {
  return isoUtc(new SystemClock().utcUs() + SECOND * seconds)
    .replace("T", " ")
    .replace("Z", "+00:00");
}

async function jobsOf(client: LegacyClient): Promise<readonly (readonly unknown[])[]> {
  const jobs = await client.value(JOBS);
  assert.ok(Array.isArray(jobs));
  return jobs;
}

describe("piccolo3's scheduler", () => {
  test("a job is listed as a tuple, settings and run change at once", async (t) => {
    const { client } = await legacyInstrument(t);
    const all = { run: "sched", nsequence: 2, auto: -1, delay: 0.5, target: 60 };
    await client.done(RECORD, [], {
      ...all,
      at_time: FUTURE,
      interval: 600,
      end_time: "2090-01-01T13:00:00Z",
    });
    assert.equal(
      (await client.get(JOBS)).text,
      '[[1, ["record", ["sched", 2, -1, 0.5, 60.0]], "2090-01-01T12:00:00.500000+00:00", "2090-01-01T13:00:00+00:00", 600.0, "active"]]',
    );
    assert.equal(await client.value("control/status"), "idle");
    assert.equal((await client.get("control/delay")).text, "0.5");
    assert.equal(await client.value("data_dir/current_run"), "sched");
    // As they were when it was scheduled.
    await client.done("control/numSequences", [9]);
    await client.done(RECORD, ["later", null, null, null, null, "1 Jan 2090 12:00 UTC"]);
    const [first, second] = await jobsOf(client);
    assert.deepEqual(first?.[1], ["record", ["sched", 2, -1, 0.5, 60]]);
    assert.deepEqual(second, [
      2,
      ["record", ["later", 9, -1, 0.5, 60]],
      "2090-01-01T12:00:00+00:00",
      null,
      null,
      "active",
    ]);
  });

  test("jobs that are native only are not listed", async (t) => {
    const { client, instrument } = await legacyInstrument(t);
    const { scheduler } = instrument.server.model;
    const startUtcUs = Date.UTC(2090, 0, 1) * 1000;
    scheduler.add({ action: { do: "record", settings: {} }, sun: { event: "noon" }, startUtcUs });
    scheduler.add({ action: { do: "dark" }, startUtcUs });
    const { id } = scheduler.add({ action: { do: "power-off" }, startUtcUs });
    assert.deepEqual(
      (await jobsOf(client)).map(([listed]) => listed),
      [id],
    );
  });

  test("forms of times, as they are accepted and refused", async (t) => {
    const { client } = await legacyInstrument(t);
    const start = async (named: Record<string, unknown>): Promise<unknown> => {
      await client.done(RECORD, [], named);
      return (await jobsOf(client)).at(-1)?.[2];
    };
    assert.equal(await start({ at_time: "2090-01-01T12:00:00Z" }), "2090-01-01T12:00:00+00:00");
    assert.equal(await start({ at_time: "1 Jan 2090 12:00 UTC" }), "2090-01-01T12:00:00+00:00");
    // An offset counts here.
    assert.equal(await start({ at_time: "2090-01-01 12:00:00+02:00" }), "2090-01-01T10:00:00+00:00");
    const local = "2090-01-01 12:00:00";
    assert.equal(await start({ at_time: local, interval: "30.5" }), "2090-01-01T12:00:00+00:00");
    const { length } = await jobsOf(client);
    for (const named of [
      { at_time: local },
      { at_time: 5 },
      { at_time: "soon" },
      { at_time: FUTURE, interval: "x" },
      { at_time: FUTURE, interval: 60, end_time: "never" },
      { at_time: FUTURE, interval: 60, end_time: "" },
      { at_time: FUTURE, run: "../x" },
      { at_time: FUTURE, nsequence: 0 },
    ]) {
      const { code, text } = await client.call(RECORD, [], { run: "refused", ...named });
      assert.equal(code, "4.00", `${JSON.stringify(named)}: ${text}`);
    }
    assert.equal((await jobsOf(client)).length, length);
    assert.notEqual(await client.value("data_dir/current_run"), "refused");
  });

  test("what has passed is accepted and not scheduled; run and settings change", async (t) => {
    const { client } = await legacyInstrument(t);
    await client.done(RECORD, [], { run: "past", nsequence: 3, at_time: "2020-01-01T00:00:00Z" });
    const over = { at_time: "2020-01-01T00:00:00Z", interval: 60, end_time: "2020-01-02T00:00:00Z" };
    await client.done(RECORD, [], { run: "past", ...over });
    assert.deepEqual(await jobsOf(client), []);
    assert.equal(await client.value("data_dir/current_run"), "past");
    assert.equal(await client.value("control/numSequences"), 3);
    // An end without an interval means nothing, an interval that is none neither.
    await client.done(RECORD, [], { at_time: FUTURE, end_time: "2090-01-02T00:00:00Z" });
    await client.done(RECORD, [], { at_time: FUTURE, interval: -5 });
    for (const [, , , end, interval] of await jobsOf(client)) assert.deepEqual([end, interval], [null, null]);
  });

  test("interval and end without a time record now", async (t) => {
    const { client, instrument } = await legacyInstrument(t);
    const watch = await Watch.open(t, instrument.port, { path: "control/status" });
    await client.done(RECORD, [], { run: "now", at_time: "", interval: 60, end_time: FUTURE });
    await watch.upTo((status) => status === "idle");
    assert.deepEqual(await jobsOf(client), []);
    assert.equal(await client.value("data_dir/runs/now/current_batch"), 0);
  });

  test("jobs run at their time, two of one moment both, and one that repeats from the past goes on", async (t) => {
    const { client, instrument } = await legacyInstrument(t);
    const watch = await Watch.open(t, instrument.port, { path: JOBS });
    const at = inS(1.5);
    await client.done(RECORD, [], { run: "first", at_time: at });
    await client.done(RECORD, [], { run: "second", at_time: at });
    // Without an end, from the past: the one that killed it there.
    await client.done(RECORD, [], { run: "third", at_time: inS(-7200), interval: 3600 });
    await watch.upTo((jobs) => Array.isArray(jobs) && jobs.length === 1);
    for (const run of ["first", "second"])
      await client.until(`data_dir/runs/${run}/current_batch`, (batch) => batch === 0);
    await client.until("control/status", (status) => status === "idle");
    const [[, , , , interval, state] = []] = await jobsOf(client);
    assert.deepEqual([interval, state], [3600, "active"]);
  });

  test("suspend, unsuspend and delete; unknown jobs are no mistake", async (t) => {
    const { client, instrument } = await legacyInstrument(t);
    await client.done(RECORD, [], { at_time: FUTURE });
    await client.done(RECORD, [], { at_time: FUTURE, interval: 60 });
    const watch = await Watch.open(t, instrument.port, { path: JOBS });
    const states = async (): Promise<readonly unknown[]> => (await jobsOf(client)).map((job) => job[5]);
    await client.done("control/scheduler/suspend", [1]);
    assert.deepEqual(await states(), ["suspended", "active"]);
    await watch.next();
    await client.done("control/scheduler/suspend", ["2"]);
    assert.deepEqual(await states(), ["suspended", "suspended"]);
    await client.done("control/scheduler/unsuspend", [1]);
    assert.deepEqual(await states(), ["active", "suspended"]);
    await client.done("control/scheduler/delete", [1]);
    assert.deepEqual(await states(), ["suspended"]);
    for (const action of ["suspend", "unsuspend", "delete"])
      for (const id of [1, 99, "x", null]) await client.done(`control/scheduler/${action}`, [id]);
    assert.deepEqual(await states(), ["suspended"]);
    // Numbers go on.
    await client.done(RECORD, [], { at_time: FUTURE });
    assert.deepEqual(
      (await jobsOf(client)).map(([id]) => id),
      [2, 3],
    );
  });

  test("power by schedule is a job of every day", async (t) => {
    const { client } = await legacyInstrument(t);
    await client.done("control/power_off", [FUTURE]);
    await client.done("control/power_on", [], { at_time: FUTURE });
    assert.deepEqual(
      (await jobsOf(client)).map(([, task, , end, interval]) => [task, end, interval]),
      [
        [["power_off"], null, 86_400],
        [["power_on"], null, 86_400],
      ],
    );
  });

  test("a job outlives a restart, and the quiet time, too", async (t) => {
    const { client, instrument } = await legacyInstrument(t);
    await client.done(RECORD, [], { run: "lasting", at_time: FUTURE });
    await client.done("control/scheduler/quietStart", ["21:00:00"]);
    await client.done("control/scheduler/quietTimeEnabled", [true]);
    await instrument.server.close();
    const { coap, ...others } = emulatedConfig(instrument.folder);
    const config = { ...others, coap: { ...coap, enabled: true, address: ["127.0.0.1"], port: 0 } };
    const started = { config, clock: new SystemClock(), log: SILENT, version: "test" };
    const restarted = await Server.start(started, NEVER);
    t.after(() => restarted.close());
    const again = await LegacyClient.open(t, restarted.port ?? assert.fail("no port"));
    assert.equal((await jobsOf(again)).length, 1);
    assert.equal(await again.value("control/scheduler/quietStart"), "21:00:00+0000");
    assert.equal(await again.value("control/scheduler/quietTimeEnabled"), true);
    assert.equal(await again.value("data_dir/current_run"), "lasting");
    assert.equal((await again.get("control/target")).text, "80.0");
  });
});

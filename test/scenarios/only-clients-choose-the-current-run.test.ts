import assert from "node:assert/strict";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { until } from "../../src/base/cell.ts";
import { SECOND } from "../../src/base/clock.ts";
import { type Disk, SYSTEM_DISK } from "../../src/datadir/disk/disk.ts";
import { TestInstrument } from "../support/instrument.ts";

test("a job records into its own run, the operator's stays, also over a restart; the files are listed", async (context) => {
  const instrument = await TestInstrument.start(context);
  const { clock, model, folder } = instrument;
  const { dataDirectory, scheduler, operations, recorder } = model;
  scheduler.add({ action: { do: "record", settings: { run: "season" } } });
  await clock.run(until(operations.all, (all) => all.length === 1, NEVER));
  const { run } = await clock.run(until(recorder.status, ({ phase }) => phase === "light", NEVER));
  assert.equal(run, "season");
  const [operation] = operations.all.value;
  assert.ok(operation);
  await instrument.finish(operation);
  assert.equal(dataDirectory.currentRun.value, "spectra");
  assert.ok((await dataDirectory.shelf.names()).includes("season"));
  assert.equal((await dataDirectory.shelf.names("season")).length, 2);
  await instrument.record({});
  assert.equal((await instrument.files("spectra")).length, 2);

  await instrument.record({ run: "plot10" });
  assert.equal(dataDirectory.currentRun.value, "plot10", "a client asked for it");
  scheduler.add({ action: { do: "dark", run: "season" } });
  await clock.advance(20 * SECOND);
  assert.equal((await instrument.files("season")).length, 3);
  await clock.run(instrument.server.close());
  const after = await TestInstrument.start(context, { folder });
  assert.equal(after.model.dataDirectory.currentRun.value, "plot10");
});

test("the default run stays the operator's when a job was all there was before a restart", async (context) => {
  const { clock, model, folder, server } = await TestInstrument.start(context);
  model.scheduler.add({ action: { do: "dark", run: "season" } });
  await clock.advance(20 * SECOND);
  await clock.run(server.close());
  const after = await TestInstrument.start(context, { folder });
  assert.equal(after.model.dataDirectory.currentRun.value, "spectra");
});

test("a recording that is refused because the disk is full leaves the current run, and makes none", async (context) => {
  let freeBytes = 100e9;
  const disk: Disk = { ...SYSTEM_DISK, space: async () => ({ freeBytes, totalBytes: 200e9 }) };
  const instrument = await TestInstrument.start(context, { disk });
  const { dataDirectory } = instrument.model;
  await instrument.record({ run: "plot10" });
  freeBytes = 100;
  const { state, error } = await instrument.record({ run: "full" });
  assert.deepEqual([state, error?.code], ["failed", "DATADIR_FULL"]);
  assert.equal(dataDirectory.currentRun.value, "plot10");
  assert.deepEqual(await dataDirectory.shelf.names(), ["plot10"]);
  await instrument.clock.run(instrument.server.close());
  freeBytes = 100e9;
  const after = await TestInstrument.start(context, { folder: instrument.folder, disk });
  assert.equal(after.model.dataDirectory.currentRun.value, "plot10");
});

test("a batch that is resumed leaves the run that was chosen since", async (context) => {
  const first = await TestInstrument.start(context);
  const { clock, model, folder } = first;
  model.recorder.record({ run: "long", sequences: 50, delayS: 10 });
  await clock.run(until(model.recorder.status, ({ sequence = 0 }) => sequence > 2, NEVER));
  await clock.run(model.dataDirectory.setCurrentRun("next"));
  await clock.run(first.server.close());
  const second = await TestInstrument.start(context, { folder, interruptedBatch: "resume" });
  await second.clock.advance(20 * SECOND);
  assert.equal(second.model.recorder.status.value.run, "long");
  assert.equal(second.model.dataDirectory.currentRun.value, "next");
});

test("a job records although the folder of the current run, of an older system, was removed by hand", async (context) => {
  const { clock, model, folder } = await TestInstrument.start(context);
  const { dataDirectory, scheduler } = model;
  mkdirSync(join(folder, "plot #1"));
  await clock.run(dataDirectory.setCurrentRun("plot #1"));
  rmSync(join(folder, "plot #1"), { recursive: true });
  scheduler.add({ action: { do: "dark", run: "season" } });
  await clock.advance(20 * SECOND);
  const { rows } = scheduler.history.page({ offset: 0, limit: 1 });
  assert.deepEqual([rows[0]?.outcome, rows[0]?.message], ["done", null]);
  assert.equal((await dataDirectory.shelf.names("season")).length, 1);
});

test("a job that names no run records although that folder is gone: into the run of the beginning", async (context) => {
  const { clock, model, folder } = await TestInstrument.start(context);
  const { dataDirectory, scheduler } = model;
  mkdirSync(join(folder, "plot #1"));
  await clock.run(dataDirectory.setCurrentRun("plot #1"));
  rmSync(join(folder, "plot #1"), { recursive: true });
  scheduler.add({ action: { do: "dark" } });
  await clock.advance(20 * SECOND);
  const { rows } = scheduler.history.page({ offset: 0, limit: 1 });
  assert.deepEqual([rows[0]?.outcome, rows[0]?.message], ["done", null]);
  assert.equal((await dataDirectory.shelf.names("spectra")).length, 1);
  assert.equal(dataDirectory.currentRun.value, "spectra");
});

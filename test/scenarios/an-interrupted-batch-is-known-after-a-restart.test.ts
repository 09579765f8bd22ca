// The disk as a crash or a power cut leaves it is a copy of the data directory, taken while a batch is recorded.

import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { Interruption } from "../../src/acquisition/resumption.ts";
import { NEVER } from "../../src/base/abort.ts";
import { until } from "../../src/base/cell.ts";
import { MS, SECOND } from "../../src/base/clock.ts";
import { TestInstrument } from "../support/instrument.ts";

const RUN = "season";
const NOTE = ".batch-under-way.json";
const BATCH = { run: RUN, sequences: 10, delayS: 60, dark: "every" } as const;

/** A data directory in which ten sequences were begun and four are recorded. */
async function interrupted(context: TestContext, how: "cut" | "stopped"): Promise<string> {
  const instrument = await TestInstrument.start(context);
  const { clock, model, server } = instrument;
  for (const { serial } of model.rack.spectrometers.value) {
    model.rack.spectrometer(serial).setIntegrationTimeUs("upwelling", 33 * MS);
    model.rack.spectrometer(serial).setScans(3);
  }
  const operation = model.recorder.record(BATCH, { by: "schedule", id: "12" });
  const isFourth = ({ phase, sequence }: { phase: string; sequence?: number }): boolean =>
    phase === "waiting" && sequence === 3;
  await clock.run(until(model.recorder.status, isFourth, NEVER));
  await clock.advance(30 * SECOND);
  if (how === "stopped") await clock.run(server.close());
  const copy = await mkdtemp(join(tmpdir(), "vscope-cut-"));
  context.after(() => rm(copy, { recursive: true }));
  await cp(instrument.folder, copy, { recursive: true });
  operation.cancel("the test goes on with the copy");
  await instrument.finish(operation);
  return copy;
}

async function changeNote(folder: string, change: (note: string) => string): Promise<void> {
  const path = join(folder, NOTE);
  await writeFile(path, change(await readFile(path, "utf8")));
}

async function isNoted(folder: string): Promise<boolean> {
  return readFile(join(folder, NOTE)).then(
    () => true,
    () => false,
  );
}

async function settled({ clock, model }: TestInstrument): Promise<Interruption> {
  const isSettled = (value: Interruption | undefined): boolean => value?.outcome !== "waiting";
  const interruption = await clock.run(until(model.resumption.interruption, isSettled, NEVER));
  assert.ok(interruption);
  // The event is noted after that.
  await clock.advance(0);
  return interruption;
}

async function events(folder: string): Promise<readonly Record<string, unknown>[]> {
  const lines = (await readFile(join(folder, RUN, "events.jsonl"), "utf8")).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line));
}

test("a crash: the batch is closed, with what was recorded and why", async (context) => {
  const folder = await interrupted(context, "cut");
  const after = await TestInstrument.start(context, { folder });
  const { startedUtc, ...interruption } = await settled(after);
  assert.equal(startedUtc.slice(0, 19), "2026-06-21T12:00:00");
  const expected = {
    run: RUN,
    batch: 0,
    recorded: 4,
    sequences: 10,
    origin: { by: "schedule", id: "12" },
    cause: "server-crashed",
    outcome: "closed",
    reason: "acquisition.interrupted_batch = close",
  };
  assert.deepEqual(interruption, expected);
  const [event] = await events(folder);
  assert.ok(event);
  const { run: _, ...facts } = expected;
  assert.deepEqual({ ...event, utc: "" }, { utc: "", event: "batch-interrupted", ...facts, startedUtc });
  assert.equal(after.model.operations.running, undefined);
  assert.equal(await isNoted(folder), false);
  assert.equal((await after.record({ run: RUN })).state, "done");
});

test("a power cut: the sequences left are recorded with the settings of before", async (context) => {
  const folder = await interrupted(context, "cut");
  await changeNote(folder, (note) => note.replace(/"bootId":"[^"]*"/, '"bootId":"another start"'));
  const after = await TestInstrument.start(context, { folder, interruptedBatch: "resume" });
  const { outcome, cause, operation: id = "" } = await settled(after);
  assert.deepEqual({ outcome, cause }, { outcome: "resumed", cause: "computer-restarted" });
  const operation = after.model.operations.get(id);
  const { origin, state } = await after.finish(operation);
  assert.deepEqual(origin, { by: "resumption", id: `${RUN}/0`, reason: "computer-restarted" });
  assert.equal(state, "done");
  const lights = (await after.files(RUN)).filter((name) => name.endsWith("_light.pico"));
  const count = (batch: string): number => lights.filter((name) => name.startsWith(batch)).length;
  assert.deepEqual([count("b000000"), count("b000001")], [4, 6]);
  const { spectra } = await after.read(RUN, "b000001_s000000_light.pico");
  for (const { channel, integrationTimeUs, statistics } of spectra) {
    assert.equal(statistics?.scans, 3);
    if (channel === "upwelling") assert.equal(integrationTimeUs, 33 * MS);
  }
  const [event] = await events(folder);
  assert.equal(event?.operation, id);
  assert.equal(await isNoted(folder), false);
});

test("a stop of the server is not a crash", async (context) => {
  const folder = await interrupted(context, "stopped");
  const after = await TestInstrument.start(context, { folder, interruptedBatch: "resume" });
  const { cause, operation: id = "" } = await settled(after);
  assert.equal(cause, "server-stopped");
  assert.equal((await after.finish(after.model.operations.get(id))).state, "done");
});

test("a batch that is resumed and interrupted again goes on from there", async (context) => {
  const folder = await interrupted(context, "cut");
  const second = await TestInstrument.start(context, { folder, interruptedBatch: "resume" });
  await settled(second);
  const { clock, model } = second;
  await clock.run(until(model.recorder.status, ({ sequence }) => sequence === 2, NEVER));
  await clock.run(second.server.close());
  const third = await TestInstrument.start(context, { folder, interruptedBatch: "resume" });
  const { recorded, sequences, batch, operation: id = "" } = await settled(third);
  assert.deepEqual({ recorded, sequences, batch }, { recorded: 2, sequences: 6, batch: 1 });
  assert.equal((await third.finish(third.model.operations.get(id))).state, "done");
  const lights = (await third.files(RUN)).filter((name) => name.endsWith("_light.pico"));
  assert.equal(lights.length, 10);
});

test("what crashes the server each time is not tried for ever", async (context) => {
  const folder = await interrupted(context, "cut");
  await changeNote(folder, (note) => {
    const changed = { ...JSON.parse(note), batch: 7, origin: { by: "resumption", id: `${RUN}/0` } };
    return JSON.stringify(changed);
  });
  const after = await TestInstrument.start(context, { folder, interruptedBatch: "resume" });
  const { outcome, reason } = await settled(after);
  assert.deepEqual(
    { outcome, reason },
    { outcome: "closed", reason: "the server crashed again before anything was recorded" },
  );
});

test("spectrometers that do not come back are waited for, then the others record", async (context) => {
  const folder = await interrupted(context, "cut");
  await changeNote(folder, (note) => note.replace("QEP00709", "GONE0001"));
  const waiting = await TestInstrument.start(context, { folder, interruptedBatch: "resume" });
  await waiting.clock.advance(30 * SECOND);
  assert.equal(waiting.model.resumption.interruption.value?.outcome, "waiting");
  await waiting.clock.run(waiting.server.close());
  assert.equal(await isNoted(folder), true, "stopped meanwhile, it is still known");

  const after = await TestInstrument.start(context, { folder, interruptedBatch: "resume" });
  const startUs = after.clock.nowUs();
  const { outcome, operation: id = "" } = await settled(after);
  assert.equal(outcome, "resumed");
  assert.ok(after.clock.nowUs() - startUs >= 60 * SECOND);
  assert.equal((await after.finish(after.model.operations.get(id))).state, "done");
});

test("a recording that somebody has started meanwhile goes before the one that was interrupted", async (context) => {
  const folder = await interrupted(context, "cut");
  await changeNote(folder, (note) => note.replace("QEP00709", "GONE0001"));
  const after = await TestInstrument.start(context, { folder, interruptedBatch: "resume" });
  const operation = after.model.recorder.record({ run: "other", sequences: 5, delayS: 60 });
  const { outcome, reason } = await settled(after);
  assert.deepEqual(
    { outcome, reason },
    { outcome: "closed", reason: "record: operation 1 (record) is running" },
  );
  await after.clock.advance(SECOND);
  assert.match(await readFile(join(folder, NOTE), "utf8"), /"run":"other"/);
  assert.equal((await after.finish(operation)).state, "done");
});

test("a batch whose lights are all there is closed", async (context) => {
  const folder = await interrupted(context, "cut");
  await changeNote(folder, (note) => note.replace('"sequences":10', '"sequences":4'));
  const after = await TestInstrument.start(context, { folder, interruptedBatch: "resume" });
  assert.equal((await settled(after)).reason, "all of its light spectra are recorded");
});

test("a note that cannot be read does not keep the server from starting", async (context) => {
  const folder = await interrupted(context, "cut");
  await changeNote(folder, () => "{");
  const after = await TestInstrument.start(context, { folder, interruptedBatch: "resume" });
  assert.equal(after.model.resumption.interruption.value, undefined);
  assert.equal(await isNoted(folder), false);
});

for (const end of ["done", "cancelled"] as const) {
  test(`a batch that is ${end} is no interruption`, async (context) => {
    const instrument = await TestInstrument.start(context);
    const { clock, model, folder } = instrument;
    const operation = model.recorder.record({ run: RUN, sequences: 2, delayS: 60 });
    await clock.run(until(model.recorder.status, ({ phase }) => phase === "waiting", NEVER));
    assert.equal(await isNoted(folder), true);
    if (end === "cancelled") model.recorder.abort();
    assert.equal((await instrument.finish(operation)).state, end);
    assert.equal(await isNoted(folder), false);
  });
}

// The disk as a crash or a power cut leaves it is a copy of the data directory, taken while a batch is recorded.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { until } from "../../src/base/cell.ts";
import { MS, SECOND } from "../../src/base/clock.ts";
import { TestInstrument } from "../support/instrument.ts";
import {
  changeNote,
  copyOf,
  events,
  interrupted,
  isNoted,
  notes,
  RUN,
  settled,
} from "../support/interrupted.ts";

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

for (const [how, boot] of [
  ["crashes the server", undefined],
  ["makes the computer restart", "another start"],
] as const) {
  test(`what ${how} each time is not tried for ever`, async (context) => {
    let folder = await interrupted(context, "cut");
    await changeNote(folder, (note) =>
      note.replace("QEP00709", "GONE0001").replace('"batch":0', '"batch":7'),
    );
    for (let attempt = 1; attempt <= 3; attempt++) {
      if (boot !== undefined)
        await changeNote(folder, (note) => note.replace(/"bootId":"[^"]*"/, `"bootId":"${boot}"`));
      const after = await TestInstrument.start(context, { folder, interruptedBatch: "resume" });
      await after.clock.advance(30 * SECOND);
      assert.equal(after.model.resumption.interruptions.value[0]?.outcome, "waiting");
      folder = await copyOf(context, folder);
      const [name = ""] = await notes(folder);
      assert.equal(JSON.parse(await readFile(join(folder, name), "utf8")).attempts, attempt);
    }
    const after = await TestInstrument.start(context, { folder, interruptedBatch: "resume" });
    const { outcome, reason } = await settled(after);
    assert.deepEqual(
      { outcome, reason },
      { outcome: "closed", reason: "it was taken up 3 times and no light was recorded" },
    );
  });
}

test("spectrometers that do not come back are waited for, then the others record", async (context) => {
  const folder = await interrupted(context, "cut");
  await changeNote(folder, (note) => note.replace("QEP00709", "GONE0001"));
  const waiting = await TestInstrument.start(context, { folder, interruptedBatch: "resume" });
  await waiting.clock.advance(30 * SECOND);
  assert.equal(waiting.model.resumption.interruptions.value[0]?.outcome, "waiting");
  await waiting.clock.run(waiting.server.close());
  assert.equal(await isNoted(folder), true, "stopped meanwhile, it is still known");

  const after = await TestInstrument.start(context, { folder, interruptedBatch: "resume" });
  const startUs = after.clock.nowUs();
  const { outcome, operation: id = "" } = await settled(after);
  assert.equal(outcome, "resumed");
  assert.ok(after.clock.nowUs() - startUs >= 60 * SECOND);
  assert.equal((await after.finish(after.model.operations.get(id))).state, "done");
});

test("a batch whose lights are all there is closed", async (context) => {
  const folder = await interrupted(context, "cut");
  await changeNote(folder, (note) => note.replace('"sequences":10', '"sequences":4'));
  const after = await TestInstrument.start(context, { folder, interruptedBatch: "resume" });
  assert.equal((await settled(after)).reason, "all of its light spectra are recorded");
});

test("a note that cannot be understood is set aside, and the server starts", async (context) => {
  const folder = await interrupted(context, "cut");
  const [name = ""] = await notes(folder);
  await changeNote(folder, () => "{");
  const after = await TestInstrument.start(context, { folder, interruptedBatch: "resume" });
  assert.deepEqual(after.model.resumption.interruptions.value, []);
  assert.equal(await isNoted(folder), false);
  assert.equal(await readFile(join(folder, `${name}.damaged`), "utf8"), "{");
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

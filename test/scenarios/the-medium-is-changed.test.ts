// A stick that is pulled out, put back, or changed for another one while the server runs.

import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Interruption } from "../../src/acquisition/interruptions.ts";
import { NEVER } from "../../src/base/abort.ts";
import { until } from "../../src/base/cell.ts";
import { SECOND } from "../../src/base/clock.ts";
import { type Log, SILENT } from "../../src/base/log.ts";
import type { Disk } from "../../src/datadir/disk/disk.ts";
import { FakeStick, systemError } from "../datadir/medium/fake-stick.ts";
import { TestInstrument } from "../support/instrument.ts";
import { BATCH, changeNote, events, interrupted, notes, RUN, settled } from "../support/interrupted.ts";
import { CONFIGURATION, LevelsRig } from "../support/levels.ts";

/** Pulls the stick out, lets `meanwhile` happen to what lies on it, and puts it in again. */
async function replug(
  { clock, model }: TestInstrument,
  stick: FakeStick,
  meanwhile: () => Promise<void>,
): Promise<void> {
  const { status } = model.dataDirectory;
  const isGone = (): Promise<unknown> => until(status, ({ mounted }) => !mounted, NEVER);
  stick.isPlugged = false;
  await clock.run(isGone());
  // The next looks find it let go.
  await clock.advance(30 * SECOND);
  stick.source = undefined;
  await meanwhile();
  stick.source = "/dev/sda1";
  stick.isPlugged = true;
  await clock.run(until(status, ({ mounted }) => mounted, NEVER));
  await clock.advance(SECOND);
}

function newStick(): FakeStick {
  const stick = new FakeStick();
  stick.source = "/dev/sda1";
  return stick;
}

const AWAY = "the medium of the data directory is away";

/** A server that has recorded two of ten sequences, and what it writes to the log. */
async function recording(context: TestContext, interruptedBatch: "close" | "resume" = "close") {
  const stick = newStick();
  const lines: string[] = [];
  const tell = (_facts: unknown, message: string): void => void lines.push(message);
  const log: Log = { ...SILENT, info: tell, warn: tell, error: tell, child: () => log };
  const instrument = await TestInstrument.start(context, { disk: stick.disk, interruptedBatch, log });
  const operation = instrument.model.recorder.record(BATCH);
  await instrument.clock.advance(100 * SECOND);
  return { stick, instrument, operation, lines };
}

test("a batch that ended because its stick was pulled is closed as soon as it is back", async (context) => {
  const { stick, instrument, operation, lines } = await recording(context);
  await replug(instrument, stick, async () => {
    const { state, error } = await instrument.finish(operation);
    assert.deepEqual([state, error?.code], ["failed", "DATADIR_NOT_MOUNTED"]);
    assert.equal(
      (await notes(instrument.folder)).length,
      1,
      "nobody can remove it from a stick that is away",
    );
    lines.length = 0;
  });
  assert.equal(instrument.model.dataDirectory.status.value.mounted, true);
  assert.ok(lines.includes("the data directory is mounted"));
  const { cause, outcome, recorded } = await settled(instrument);
  assert.deepEqual({ cause, outcome, recorded }, { cause: "medium-away", outcome: "closed", recorded: 2 });
  const [event] = await events(instrument.folder);
  assert.deepEqual([event?.["event"], event?.["cause"]], ["batch-interrupted", "medium-away"]);
  assert.deepEqual(await notes(instrument.folder), []);
});

test("a batch that ended because its stick was pulled goes on when it is back, and each time again", async (context) => {
  const { stick, instrument, operation } = await recording(context, "resume");
  const { clock, model, folder } = instrument;
  const { interruptions } = model.resumption;
  await replug(instrument, stick, async () => void (await instrument.finish(operation)));
  const first = await settled(instrument);
  assert.deepEqual([first.cause, first.outcome, first.resumedAs], ["medium-away", "resumed", 1]);
  await clock.advance(100 * SECOND);
  const rest = model.operations.get(first.operation ?? "");
  await replug(instrument, stick, async () => void (await instrument.finish(rest)));
  const isSecond = (all: readonly Interruption[]): boolean => all[1]?.outcome === "resumed";
  const [, second] = await clock.run(until(interruptions, isSecond, NEVER));
  assert.deepEqual([second?.batch, second?.cause, second?.recorded], [1, "medium-away", 2]);
  assert.deepEqual(second?.goesOnWith?.recorded, 2);
  assert.equal(interruptions.value[0]?.outcome, "resumed", "whatever has ended the rest");
  const { state } = await instrument.finish(model.operations.get(second?.operation ?? ""));
  assert.equal(state, "done");
  await clock.advance(0);
  const lights = (await instrument.files(RUN)).filter((name) => name.endsWith("_light.pico"));
  assert.equal(lights.length, 10);
  const noted = (await events(folder)).map(({ event, batch }) => [event, batch]);
  assert.deepEqual(noted, [
    ["batch-interrupted", 0],
    ["batch-interrupted", 1],
    ["resumed-batch-ended", 2],
  ]);
  assert.deepEqual(await notes(folder), []);
});

test("a medium that somebody unmounts while a batch is recorded, and mounts again: both are in the log, the batch goes on", async (context) => {
  const { stick, instrument, operation, lines } = await recording(context, "resume");
  const { clock, model } = instrument;
  stick.source = undefined;
  const { error } = await instrument.finish(operation);
  assert.equal(error?.code, "DATADIR_NOT_MOUNTED");
  await clock.advance(30 * SECOND);
  assert.equal(lines.filter((line) => line === AWAY).length, 1);
  stick.source = "/dev/sda1";
  const { cause, outcome, operation: id = "" } = await settled(instrument);
  assert.deepEqual({ cause, outcome }, { cause: "medium-away", outcome: "resumed" });
  assert.ok(lines.lastIndexOf("the data directory is mounted") > lines.indexOf(AWAY));
  assert.equal(lines.includes("the trash of the data directory cannot be emptied"), false);
  assert.equal((await instrument.finish(model.operations.get(id))).state, "done");
  assert.deepEqual(await notes(instrument.folder), []);
});

test("the history of the schedule tells how a run ended that the loss of its medium had ended before", async (context) => {
  const stick = newStick();
  const instrument = await TestInstrument.start(context, { disk: stick.disk, interruptedBatch: "resume" });
  const { clock, model } = instrument;
  const action = { do: "record", settings: { ...BATCH, sequences: 3 } } as const;
  model.scheduler.add({ action, startUtcUs: clock.utcUs() });
  const isSecond = ({ sequence }: { sequence?: number }): boolean => sequence === 1;
  await clock.run(until(model.recorder.status, isSecond, NEVER));
  await clock.advance(30 * SECOND);
  await replug(instrument, stick, () => clock.advance(120 * SECOND));
  const { operation: id = "" } = await settled(instrument);
  assert.equal((await instrument.finish(model.operations.get(id))).state, "done");
  await clock.advance(0);
  const [row] = model.scheduler.history.page({ offset: 0, limit: 1 }).rows;
  assert.equal(row?.outcome, "failed");
  assert.match(
    row.message ?? "",
    /not there; finished as batch 1 when its medium was back, 3 of 3 sequences in all$/,
  );
});

test("a batch that waits while its medium is away and back is recorded on, and by nobody else", async (context) => {
  const { stick, instrument, operation } = await recording(context, "resume");
  const { clock, model } = instrument;
  model.recorder.pause();
  await clock.advance(60 * SECOND);
  stick.source = undefined;
  await clock.advance(60 * SECOND);
  stick.source = "/dev/sda1";
  await clock.advance(60 * SECOND);
  assert.equal(model.dataDirectory.status.value.mounted, true);
  model.recorder.resume();
  assert.equal((await instrument.finish(operation)).state, "done");
  assert.deepEqual(model.resumption.interruptions.value, []);
  assert.equal(model.operations.all.value.length, 1);
  assert.deepEqual(await notes(instrument.folder), []);
});

test("a batch that a client has aborted while its stick was away is not taken up", async (context) => {
  const { stick, instrument, operation } = await recording(context, "resume");
  const { clock, model } = instrument;
  model.recorder.pause();
  await clock.advance(60 * SECOND);
  await replug(instrument, stick, async () => {
    model.recorder.abort();
    assert.equal((await instrument.finish(operation)).state, "cancelled");
    assert.equal((await notes(instrument.folder)).length, 1);
  });
  await clock.advance(600 * SECOND);
  assert.deepEqual(model.resumption.interruptions.value, []);
  assert.equal(model.operations.all.value.length, 1);
  assert.deepEqual(await notes(instrument.folder), []);
});

test("what waits to be taken up when its stick is changed for another has its turn when it is back", async (context) => {
  const folder = await interrupted(context, "cut");
  await changeNote(folder, (note) => note.replace("QEP00709", "GONE0001"));
  const stick = newStick();
  const options = { folder, disk: stick.disk, interruptedBatch: "resume" } as const;
  const instrument = await TestInstrument.start(context, options);
  const { clock, model } = instrument;
  context.after(() => rm(`${folder}-first`, { recursive: true, force: true }));
  await replug(instrument, stick, async () => {
    await rename(folder, `${folder}-first`);
    await mkdir(folder);
  });
  await clock.advance(120 * SECOND);
  assert.deepEqual(model.resumption.interruptions.value, []);
  assert.equal((await notes(`${folder}-first`)).length, 1);
  await replug(instrument, stick, async () => {
    await rm(folder, { recursive: true });
    await rename(`${folder}-first`, folder);
  });
  const { outcome, cause, operation: id = "" } = await settled(instrument);
  assert.deepEqual({ outcome, cause }, { outcome: "resumed", cause: "medium-away" });
  assert.equal((await instrument.finish(model.operations.get(id))).state, "done");
  assert.deepEqual(await notes(folder), []);
});

test("the note of a batch that has come with a copy to another data directory is closed", async (context) => {
  const folder = await interrupted(context, "cut");
  await changeNote(folder, (text) =>
    text.replace(/"directory":"[^"]*"/, '"directory":"0f1f2f3f-0000-4000-8000-00000000000a"'),
  );
  const after = await TestInstrument.start(context, { folder, interruptedBatch: "resume" });
  const { outcome, reason } = await settled(after);
  assert.equal(outcome, "closed");
  assert.match(
    reason ?? "",
    /^it belongs to data directory 0f1f2f3f-0000-4000-8000-00000000000a, this one is /,
  );
});

/** A data directory with the instrument configuration and nothing else; and one with a white reference, too. */
async function twoDirectories(context: TestContext): Promise<{ bare: string; white: string }> {
  const white = await LevelsRig.folder(context);
  const bare = `${white}-bare`;
  context.after(() => rm(bare, { recursive: true, force: true }));
  await cp(white, bare, { recursive: true });
  const rig = await LevelsRig.start(context, { folder: white });
  rig.look("white-panel");
  const { state } = await rig.post("/acquisition/white-reference", { panel: "field", search: true });
  assert.equal(state, "done");
  await rig.instrument.clock.run(rig.instrument.server.close());
  return { bare, white };
}

test("white references are those of the stick that is put in; without one of its own, those of before", async (context) => {
  const { bare, white } = await twoDirectories(context);
  const stick = newStick();
  const instrument = await TestInstrument.start(context, {
    folder: bare,
    disk: stick.disk,
    configuration: CONFIGURATION,
  });
  const { whiteReferences, dataDirectory } = instrument.model;
  assert.equal(whiteReferences.present.value.length, 0);
  const first = dataDirectory.status.value.uuid;
  await replug(instrument, stick, async () => {
    await rename(bare, `${bare}-first`);
    await rename(white, bare);
  });
  assert.notEqual(dataDirectory.status.value.uuid, first);
  const { length } = whiteReferences.present.value;
  assert.ok(length > 0, "found on the second stick");

  await replug(instrument, stick, async () => {
    await rename(bare, white);
    await mkdir(bare);
  });
  assert.equal(
    whiteReferences.present.value.length,
    length,
    "the third has none, the panel is as white as before",
  );
  await rm(`${bare}-first`, { recursive: true });
});

/** A medium that refuses to make or remove files while it is read-only. */
async function refusing(context: TestContext) {
  const stick = newStick();
  const { disk } = stick;
  let refused = 0;
  const unlessReadOnly = <T>(work: () => Promise<T>): Promise<T> => {
    if (!stick.isReadOnly) return work();
    refused += 1;
    return Promise.reject(systemError("EROFS"));
  };
  const create: Disk["create"] = (path) => unlessReadOnly(() => disk.create(path));
  const remove: Disk["remove"] = (path) => unlessReadOnly(() => disk.remove(path));
  const start = (folder: string): Promise<TestInstrument> => {
    stick.mountPoint = folder;
    const replaced = { disk: { ...disk, create, remove }, system: stick };
    return TestInstrument.start(context, { folder, ...replaced, interruptedBatch: "resume" });
  };
  /** It is mounted to be written again as soon as it has refused something and the status tells why. */
  const mendWhenSeen = ({ model }: TestInstrument): void => {
    model.dataDirectory.status.subscribe(({ readOnly }) => {
      if (readOnly && refused > 0) stick.isReadOnly = false;
    });
  };
  return { stick, start, mendWhenSeen };
}

async function emptyFolder(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "vscope-"));
  context.after(() => rm(folder, { recursive: true }));
  return folder;
}

test("a batch that ended because its medium became read-only goes on when it can be written", async (context) => {
  const { stick, start } = await refusing(context);
  const folder = await emptyFolder(context);
  const instrument = await start(folder);
  const { clock, model } = instrument;
  const operation = model.recorder.record(BATCH);
  await clock.advance(100 * SECOND);
  stick.isReadOnly = true;
  assert.equal((await instrument.finish(operation)).error?.code, "DATADIR_IO");
  await clock.advance(60 * SECOND);
  assert.equal(model.dataDirectory.status.value.readOnly, true);
  assert.deepEqual(model.resumption.interruptions.value, []);
  stick.isReadOnly = false;
  const { cause, outcome, operation: id = "" } = await settled(instrument);
  assert.deepEqual({ cause, outcome }, { cause: "medium-away", outcome: "resumed" });
  assert.equal((await instrument.finish(model.operations.get(id))).state, "done");
  const noted = (await events(folder)).map(({ event }) => event);
  assert.deepEqual(noted, ["medium-read-only", "batch-interrupted", "resumed-batch-ended"]);
  assert.deepEqual(await notes(folder), []);
});

test("a batch that ended because its medium became read-only goes on when that was mended before anybody looked at its note", async (context) => {
  const { stick, start, mendWhenSeen } = await refusing(context);
  const folder = await emptyFolder(context);
  const instrument = await start(folder);
  const { clock, model } = instrument;
  mendWhenSeen(instrument);
  // Written to before the next look.
  const operation = model.recorder.record({ ...BATCH, sequences: 60, delayS: 1 });
  await clock.advance(12 * SECOND);
  stick.isReadOnly = true;
  assert.equal((await instrument.finish(operation)).error?.code, "DATADIR_IO");
  assert.equal(stick.isReadOnly, false);
  await clock.advance(60 * SECOND);
  assert.equal(model.resumption.interruptions.value.length, 1);
  const { cause, outcome, operation: id = "" } = await settled(instrument);
  assert.deepEqual({ cause, outcome }, { cause: "medium-away", outcome: "resumed" });
  assert.equal((await instrument.finish(model.operations.get(id))).state, "done");
  assert.deepEqual(await notes(folder), []);
});

for (const isMendedAtOnce of [false, true]) {
  const when = isMendedAtOnce ? "at once" : "later";
  test(`a batch whose medium refuses the first write of its rest, and is mended ${when}, goes on`, async (context) => {
    const folder = await interrupted(context, "cut");
    const { stick, start, mendWhenSeen } = await refusing(context);
    const instrument = await start(folder);
    const { clock, model } = instrument;
    const { status } = model.dataDirectory;
    const [first] = model.resumption.interruptions.value;
    assert.equal(first?.outcome, "waiting");
    stick.isReadOnly = true;
    if (isMendedAtOnce) mendWhenSeen(instrument);
    assert.equal(status.value.readOnly, false, "nobody has seen it");
    const { error } = await instrument.finish(model.operations.get(first.operation ?? ""));
    assert.equal(error?.code, "DATADIR_IO");
    await clock.advance(60 * SECOND);
    stick.isReadOnly = false;
    const { outcome, operation: id = "" } = await settled(instrument);
    assert.equal(outcome, "resumed");
    assert.equal((await instrument.finish(model.operations.get(id))).state, "done");
    assert.deepEqual(await notes(folder), []);
  });
}

test("a batch whose medium goes away again and again before it has a light is not given up", async (context) => {
  const folder = await interrupted(context, "cut");
  await changeNote(folder, (note) => note.replace("QEP00709", "GONE0001").replace('"batch":0', '"batch":7'));
  const stick = newStick();
  const instrument = await TestInstrument.start(context, {
    folder,
    disk: stick.disk,
    interruptedBatch: "resume",
  });
  const { clock, model } = instrument;
  const { interruptions } = model.resumption;
  for (let time = 0; time < 5; time++) {
    await clock.advance(SECOND);
    assert.equal(interruptions.value[0]?.outcome, "waiting", `after ${time} times`);
    const { running } = model.operations;
    assert.ok(running);
    await replug(instrument, stick, async () => {
      await rename(folder, `${folder}-first`);
      await mkdir(folder);
    });
    await instrument.finish(running);
    await replug(instrument, stick, async () => {
      await rm(folder, { recursive: true });
      await rename(`${folder}-first`, folder);
    });
  }
  const { outcome } = await settled(instrument);
  assert.equal(outcome, "resumed");
  model.recorder.abort();
});

// A stick that is pulled out, put back, or changed for another one while the server runs.

import assert from "node:assert/strict";
import { cp, mkdir, rename, rm } from "node:fs/promises";
import { type TestContext, test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { until } from "../../src/base/cell.ts";
import { SECOND } from "../../src/base/clock.ts";
import { FakeStick } from "../datadir/medium/fake-stick.ts";
import { TestInstrument } from "../support/instrument.ts";
import { BATCH, changeNote, interrupted, notes, settled } from "../support/interrupted.ts";
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

test("a batch that ended because its stick was pulled is not taken for interrupted later", async (context) => {
  const stick = newStick();
  const instrument = await TestInstrument.start(context, { disk: stick.disk });
  const operation = instrument.model.recorder.record(BATCH);
  await instrument.clock.advance(100 * SECOND);
  await replug(instrument, stick, async () => {
    const { state, error } = await instrument.finish(operation);
    assert.deepEqual([state, error?.code], ["failed", "DATADIR_NOT_MOUNTED"]);
    assert.equal(
      (await notes(instrument.folder)).length,
      1,
      "nobody can remove it from a stick that is away",
    );
  });
  assert.equal(instrument.model.dataDirectory.status.value.mounted, true);
  assert.deepEqual(await notes(instrument.folder), []);
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

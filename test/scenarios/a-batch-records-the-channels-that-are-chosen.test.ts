import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { until } from "../../src/base/cell.ts";
import { SECOND } from "../../src/base/clock.ts";
import { TestInstrument } from "../support/instrument.ts";

test("darks, searches and lights of one channel; the shutter of the other stays closed", async (context) => {
  const instrument = await TestInstrument.start(context);
  const { model } = instrument;
  const opened: string[] = [];
  for (const { channel, state } of model.shutters.list())
    state.subscribe((value) => (value === "open" ? opened.push(channel) : undefined));
  const asked = { run: "one", channels: ["upwelling"], sequences: 2, autointegrate: 0 };
  const status = await instrument.record(asked);
  assert.equal(status.state, "done", status.error?.message);
  const files = await instrument.files("one");
  assert.equal(files.length, 4);
  for (const file of files) {
    const { spectra } = await instrument.read("one", file);
    assert.deepEqual(
      spectra.map(({ channel }) => channel),
      ["upwelling", "upwelling"],
    );
  }
  const searched = model.recorder.autointegration.results.value.map(({ channel }) => channel);
  assert.deepEqual([...new Set(searched)], ["upwelling"]);
  assert.deepEqual([...new Set(opened)], ["upwelling"]);
});

test("by age, only the darks of the chosen channels count", async (context) => {
  const instrument = await TestInstrument.start(context);
  const policy = { run: "age", dark: "age" } as const;
  await instrument.record({ ...policy, channels: ["upwelling"] });
  await instrument.record({ ...policy, channels: ["upwelling"] });
  await instrument.record(policy);
  const files = await instrument.files("age");
  assert.deepEqual(
    files.filter((file) => file.endsWith("_dark.pico")).map((file) => file.slice(0, 7)),
    ["b000000", "b000002"],
  );
});

test("a choice that makes no sense is refused, and nothing has changed", async (context) => {
  const instrument = await TestInstrument.start(context);
  const { recorder } = instrument.model;
  const refused = (channels: readonly string[], order: "turns" | "interleaved") =>
    assert.throws(() => recorder.record({ channels, order }), { code: "VALUE_INVALID" });
  refused(["nadir"], "turns");
  refused([], "turns");
  refused(["upwelling"], "interleaved");
  const job = (channels: readonly string[]) =>
    instrument.model.scheduler.add({ action: { do: "record", settings: { channels } } });
  assert.throws(() => job(["nadir"]), { message: "channels: no nadir, there are downwelling, upwelling" });
  assert.equal(instrument.model.operations.running, undefined);
});

test("a batch that is resumed keeps its channels", async (context) => {
  const first = await TestInstrument.start(context);
  const settings = { run: "kept", sequences: 50, delayS: 1, channels: ["upwelling"] };
  first.model.recorder.record(settings);
  const { status } = first.model.recorder;
  await first.clock.run(until(status, ({ sequence = 0 }) => sequence > 2, NEVER));
  await first.clock.run(first.server.close());
  const note = JSON.parse(await readFile(join(first.folder, ".batch-under-way-1.json"), "utf8"));
  assert.deepEqual(note.settings.channels, ["upwelling"]);
  const second = await TestInstrument.start(context, { folder: first.folder, interruptedBatch: "resume" });
  await second.clock.advance(20 * SECOND);
  const { value: resumed } = second.model.recorder.status;
  assert.deepEqual([resumed.run, resumed.batch], ["kept", 1]);
  await second.clock.run(until(second.model.recorder.status, ({ sequence = 0 }) => sequence > 2, NEVER));
  const { spectra } = await second.read("kept", "b000001_s000001_light.pico");
  assert.deepEqual([...new Set(spectra.map(({ channel }) => channel))], ["upwelling"]);
});

// How a batch that was interrupted goes on: in its turn, with the settings of before, paused as it was, and not too late.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { until } from "../../src/base/cell.ts";
import { MS, SECOND } from "../../src/base/clock.ts";
import { parseServerConfig } from "../../src/config/server-config.ts";
import { SYSTEM_DISK } from "../../src/datadir/disk/disk.ts";
import type { PicoSpectrum } from "../../src/spectra/pico.ts";
import { TestInstrument } from "../support/instrument.ts";
import {
  addNote,
  BATCH,
  changeNote,
  copyOf,
  events,
  interrupted,
  isNoted,
  notes,
  RUN,
  settled,
} from "../support/interrupted.ts";

const QEP = "QEP00709";
const resumed = { interruptedBatch: "resume", keepSettings: false } as const;

/** The operation that takes up the first batch, as it has ended. */
async function ended(after: TestInstrument) {
  const { operation: id = "" } = await settled(after);
  return await after.finish(after.model.operations.get(id));
}

/** Lets those that are in line begin and end. */
async function allEnded({ clock, model }: TestInstrument): Promise<void> {
  await clock.advance(3600 * SECOND);
  assert.equal(model.operations.running, undefined);
}

test("two batches: the second waits for its turn, and is known until then", async (context) => {
  const folder = await interrupted(context, "cut");
  await addNote(folder, {
    batch: 9,
    settings: { ...BATCH_SETTINGS, sequences: 2 },
    startedUtc: "2026-06-21T13:00:00Z",
  });
  const after = await TestInstrument.start(context, { folder, ...resumed });
  await after.clock.advance(60 * SECOND);
  const [first, second] = after.model.resumption.interruptions.value;
  assert.deepEqual([first?.outcome, second?.outcome], ["resumed", "waiting"]);
  const cut = await copyOf(context, folder);
  assert.equal((await notes(cut)).length, 2, "a crash meanwhile leaves both");
  await allEnded(after);
  const [, done] = after.model.resumption.interruptions.value;
  assert.deepEqual([done?.outcome, done?.batch, done?.resumedAs], ["resumed", 9, 2]);
  assert.equal(after.model.operations.get(done?.operation ?? "").status.value.state, "done");
  assert.equal(await isNoted(folder), false);
});

test("the second of two waits until quiet time has switched its spectrometers on again", async (context) => {
  const configuration = `
[channels]
  [[shutter_1]]
    direction = downwelling
  [[shutter_2]]
    direction = upwelling
[spectrometers]
  [[FLMS01859]]
    power_switch_pin = 5
  [[${QEP}]]
    power_switch_pin = 6
`;
  const folder = await interrupted(context, "cut");
  await addNote(folder, {
    batch: 9,
    settings: { ...BATCH_SETTINGS, sequences: 2 },
    startedUtc: "2026-06-21T12:03:00Z",
  });
  const after = await TestInstrument.start(context, { folder, configuration, ...resumed });
  const { clock, model } = after;
  const quiet = { startS: 43_260, endS: 50_400, timeZone: "UTC", powerDelayS: 0 } as const;
  model.scheduler.setQuietTime({ enabled: true, powerOffEnabled: true, ...quiet });
  const isOff = (): boolean => model.rack.powerSwitch(QEP).state.value === "off";
  await clock.advance(3600 * SECOND);
  const [first, second] = model.resumption.interruptions.value;
  assert.deepEqual([first?.outcome, second?.outcome, isOff()], ["resumed", "waiting", true]);
  await clock.advance(2 * 3600 * SECOND);
  const [, done] = model.resumption.interruptions.value;
  assert.deepEqual([done?.outcome, done?.resumedAs], ["resumed", 2]);
});

test("a data directory that fails keeps the note, and what somebody begins meanwhile goes first", async (context) => {
  const folder = await interrupted(context, "cut");
  let isFailing = true;
  const read = async (path: string): Promise<Buffer> => {
    if (isFailing && path.includes(".batch-under-way"))
      throw Object.assign(new Error("injected"), { code: "EIO" });
    return SYSTEM_DISK.read(path);
  };
  const after = await TestInstrument.start(context, { folder, ...resumed, disk: { ...SYSTEM_DISK, read } });
  assert.deepEqual(after.model.resumption.interruptions.value, []);
  assert.equal(await isNoted(folder), true);
  const other = after.model.recorder.record({ run: "other", sequences: 5, delayS: 60 });
  isFailing = false;
  const { interruptions } = after.model.resumption;
  await after.clock.run(until(interruptions, ({ length }) => length > 0, NEVER));
  assert.deepEqual(
    interruptions.value.map(({ outcome }) => outcome),
    ["waiting"],
  );
  assert.equal((await notes(folder)).length, 2);
  assert.equal((await after.finish(other)).state, "done");
  assert.equal((await ended(after)).state, "done");
});

test("a note that cannot be read holds up no other, and has its turn when it can", async (context) => {
  const folder = await interrupted(context, "cut");
  const settings = { ...BATCH_SETTINGS, sequences: 2 };
  await addNote(folder, { batch: 9, settings, startedUtc: "2026-06-21T12:03:00Z" });
  let isFailing = true;
  const read = async (path: string): Promise<Buffer> => {
    if (isFailing && path.endsWith(".batch-under-way-9.json"))
      throw Object.assign(new Error("injected"), { code: "EIO" });
    return SYSTEM_DISK.read(path);
  };
  const after = await TestInstrument.start(context, { folder, ...resumed, disk: { ...SYSTEM_DISK, read } });
  const outcomes = () =>
    after.model.resumption.interruptions.value.map(({ batch, outcome }) => [batch, outcome]);
  await allEnded(after);
  assert.deepEqual(outcomes(), [[0, "resumed"]]);
  assert.deepEqual(await notes(folder), [".batch-under-way-9.json"]);
  isFailing = false;
  await allEnded(after);
  assert.deepEqual(outcomes().at(-1), [9, "resumed"]);
  assert.equal(await isNoted(folder), false);
});

test("it goes before schedule and trigger, also while it waits for its spectrometers; a client can end that", async (context) => {
  const folder = await interrupted(context, "cut");
  await changeNote(folder, (note) => note.replace(QEP, "GONE0001"));
  const after = await TestInstrument.start(context, { folder, ...resumed });
  const { model, clock } = after;
  model.scheduler.add({
    action: { do: "record", settings: { run: "job", sequences: 1 } },
    startUtcUs: clock.utcUs(),
  });
  await clock.advance(20 * SECOND);
  const { origin, state } = model.operations.get("1").status.value;
  assert.deepEqual([origin?.by, state], ["resumption", "running"]);
  assert.equal(model.recorder.status.value.phase, "waiting");
  model.operations.get("1").cancel("a client asked for it");
  await clock.advance(120 * SECOND);
  const [closed] = model.resumption.interruptions.value;
  assert.equal(closed?.outcome, "closed");
  assert.equal(closed?.reason, "operation 1: cancelled, a client asked for it");
  assert.deepEqual(model.operations.get("2").status.value.origin, { by: "schedule", id: "1" });
  assert.equal(await isNoted(folder), false);
});

const BATCH_SETTINGS = { ...BATCH, autointegrate: -1, targetPercent: 80 };

/** All lights are there, and the dark after the last one is not. */
async function withoutClosingDark(folder: string): Promise<void> {
  await changeNote(folder, (note) =>
    note.replace('"sequences":10', '"sequences":4').replace('"dark":"every"', '"dark":"bracket"'),
  );
  await rm(join(folder, RUN, "b000000_s000003_dark.pico"));
}

test("a closing dark that is missing is made up for, with the integration times of the last light", async (context) => {
  const folder = await interrupted(context, "cut");
  await withoutClosingDark(folder);
  await changeNote(folder, (note) => note.replaceAll("33000", "44000"));
  const after = await TestInstrument.start(context, { folder, ...resumed });
  const { kind, state } = await ended(after);
  assert.deepEqual([kind, state], ["dark", "done"]);
  const { spectra } = await after.read(RUN, "b000001_s000000_dark.pico");
  assert.equal(spectra.length, 4);
  for (const { channel, integrationTimeUs, statistics } of spectra) {
    assert.equal(statistics?.scans, 3);
    if (channel === "upwelling") assert.equal(integrationTimeUs, 33 * MS);
  }
  assert.equal(await isNoted(folder), false);
});

test("a closing dark that would not fit is not recorded", async (context) => {
  const folder = await interrupted(context, "cut");
  await withoutClosingDark(folder);
  await changeNote(folder, (note) => note.replace(QEP, "GONE0001"));
  const after = await TestInstrument.start(context, { folder, ...resumed });
  const { outcome, reason } = await settled(after);
  assert.equal(outcome, "closed");
  assert.match(
    reason ?? "",
    /^its closing dark is missing and cannot be made up for: GONE0001: no such spectrometer/,
  );
  assert.equal(
    (await after.files(RUN)).some((name) => name.startsWith("b000001")),
    false,
  );
});

test("a batch that was interrupted too long ago is closed", async (context) => {
  const folder = await interrupted(context, "cut");
  const startUtcUs = Date.parse("2026-06-22T12:30:00Z") * MS;
  const after = await TestInstrument.start(context, { folder, ...resumed, startUtcUs });
  const { outcome, reason } = await settled(after);
  assert.equal(outcome, "closed");
  assert.equal(reason, "it was interrupted 24.4 h ago, acquisition.resume_within = 24");
});

test("the age of a batch that was paused for long counts from when it was last under way", async (context) => {
  const during = async ({ clock, model }: TestInstrument): Promise<void> => {
    model.recorder.pause();
    await clock.advance(10 * 3600 * SECOND);
  };
  const folder = await interrupted(context, "cut", { during, pauseLimitS: 0 });
  const startUtcUs = Date.parse("2026-06-22T18:00:00Z") * MS;
  const after = await TestInstrument.start(context, { folder, ...resumed, startUtcUs });
  const { outcome } = await settled(after);
  assert.equal(outcome, "resumed");
});

test("everything is set as it was in the batch before it goes on", async (context) => {
  const spectrometers = [
    { model: "STS", serial: "S00001" },
    { model: "QE Pro", serial: QEP },
  ];
  const before = async ({ clock, model }: TestInstrument): Promise<void> => {
    const { controls } = model.rack.spectrometer("S00001");
    await clock.run(controls.write("boxcar", 4, NEVER));
    await clock.run(controls.write("scans-to-average", 2, NEVER));
    await clock.run(controls.write("binning", 1, NEVER));
    await clock.run(controls.write("trigger", { mode: "normal" }, NEVER));
    await clock.run(model.rack.spectrometer(QEP).setTec({ enabled: true, setpointC: -7 }, NEVER));
  };
  const folder = await interrupted(context, "cut", { before, spectrometers });
  const after = await TestInstrument.start(context, { folder, ...resumed, spectrometers });
  assert.equal((await ended(after)).state, "done");
  const [old, again] = await Promise.all([
    after.read(RUN, "b000000_s000003_light.pico"),
    after.read(RUN, "b000001_s000000_light.pico"),
  ]);
  const facts = ({
    serial,
    channel,
    processing,
    tecSetpointC,
    triggerMode,
    counts,
    integrationTimeUs,
  }: PicoSpectrum) => ({
    serial,
    channel,
    processing,
    tecSetpointC,
    triggerMode,
    pixels: counts.length,
    integrationTimeUs,
  });
  assert.deepEqual(again.spectra.map(facts), old.spectra.map(facts));
  const sts = again.spectra.find(({ serial }) => serial === "S00001");
  assert.equal(sts?.counts.length, 512);
  assert.deepEqual(after.model.rack.spectrometer("S00001").controls.written.value, [
    { name: "boxcar", value: 4 },
    { name: "scans-to-average", value: 2 },
    { name: "binning", value: 1 },
    { name: "trigger", value: { mode: "normal" } },
  ]);
});

test("a batch that was paused comes back paused", async (context) => {
  const during = async ({ clock, model }: TestInstrument): Promise<void> => {
    model.recorder.pause();
    await clock.advance(SECOND);
  };
  const folder = await interrupted(context, "cut", { during });
  const after = await TestInstrument.start(context, { folder, ...resumed });
  const { paused, operation: id = "" } = await settled(after);
  assert.equal(paused, true);
  await after.clock.advance(600 * SECOND);
  assert.equal(after.model.operations.get(id).status.value.paused, true);
  const again = await copyOf(context, folder);
  const [name = ""] = await notes(again);
  assert.equal(JSON.parse(await readFile(join(again, name), "utf8")).isPaused, true);
  after.model.recorder.resume();
  assert.equal((await ended(after)).state, "done");
});

test("a stop that a spectrometer holds up is no crash", async (context) => {
  const instrument = await TestInstrument.start(context);
  const { clock, model, server } = instrument;
  model.rack.spectrometer(QEP).setIntegrationTimeUs("upwelling", 10 * SECOND);
  model.recorder.record(BATCH);
  const isSeen = ({ phase, channel }: { phase: string; channel?: string }): boolean =>
    phase === "light" && channel === "upwelling";
  await clock.run(until(model.recorder.status, isSeen, NEVER));
  await clock.advance(5 * SECOND);
  instrument.device(QEP).faults.start({ kind: "stuck", nth: 1, direction: "read" });
  await clock.run(server.close());
  const folder = await copyOf(context, instrument.folder);
  const after = await TestInstrument.start(context, { folder, ...resumed });
  const { cause } = await settled(after);
  assert.equal(cause, "server-stopped");
});

test("a stop while a batch gets its number is no crash", async (context) => {
  let stop = (): void => {};
  const rename = async (from: string, to: string): Promise<void> => {
    await SYSTEM_DISK.rename(from, to);
    if (to.endsWith("/.batch")) stop();
  };
  const instrument = await TestInstrument.start(context, { disk: { ...SYSTEM_DISK, rename } });
  const { clock, model, server } = instrument;
  let closing = Promise.resolve();
  stop = () => {
    closing = server.close();
  };
  model.recorder.record(BATCH);
  await clock.advance(SECOND);
  await clock.run(closing);
  const folder = await copyOf(context, instrument.folder);
  const after = await TestInstrument.start(context, { folder, ...resumed });
  const { cause, recorded } = await settled(after);
  assert.deepEqual({ cause, recorded }, { cause: "server-stopped", recorded: 0 });
});

test("a press of the power button is a stop: the batch comes back with the power", async (context) => {
  const { box } = parseServerConfig("[box]\npower_button_pin = 7\n", "x.cfg").config;
  assert.ok(box.powerButton);
  const powerButton = { ...box.powerButton, offCommand: ["true"] };
  const during = async ({ clock, emulated }: TestInstrument): Promise<void> => {
    emulated.gpio.drive(7, 0);
    await clock.advance(4 * SECOND);
    emulated.gpio.drive(7, 1);
    await clock.advance(SECOND);
  };
  const folder = await interrupted(context, "cut", { during, box: { ...box, powerButton } });
  const after = await TestInstrument.start(context, { folder, ...resumed });
  const { cause, outcome } = await settled(after);
  assert.deepEqual({ cause, outcome }, { cause: "server-stopped", outcome: "resumed" });
});

test("a power off that fails: the batch goes on in the same process", async (context) => {
  const { box } = parseServerConfig("[box]\npower_button_pin = 7\n", "x.cfg").config;
  assert.ok(box.powerButton);
  const powerButton = { ...box.powerButton, offCommand: ["false"] };
  const instrument = await TestInstrument.start(context, { ...resumed, box: { ...box, powerButton } });
  const { clock, emulated, model } = instrument;
  model.recorder.record(BATCH);
  await clock.advance(150 * SECOND);
  emulated.gpio.drive(7, 0);
  await clock.advance(4 * SECOND);
  emulated.gpio.drive(7, 1);
  const { interruptions } = model.resumption;
  await clock.run(until(interruptions, ([first]) => first?.outcome === "resumed", NEVER));
  const { state, result } = await ended(instrument);
  assert.deepEqual([state, Object(result).goesOnWith.batch], ["done", 0]);
  const lights = (await instrument.files(RUN)).filter((name) => name.endsWith("light.pico"));
  assert.equal(lights.length, BATCH.sequences);
  await clock.advance(0);
  assert.equal(await isNoted(instrument.folder), false);
});

test("what is recorded before and after counts together, in result, events and the history of the schedule", async (context) => {
  const begin = ({ clock, model }: TestInstrument): void => {
    model.scheduler.add({ action: { do: "record", settings: BATCH }, startUtcUs: clock.utcUs() });
  };
  const folder = await interrupted(context, "cut", { begin });
  const after = await TestInstrument.start(context, { folder, ...resumed });
  const isSecond = ({ sequence }: { sequence?: number }): boolean => sequence === 1;
  const { of, inAll } = await after.clock.run(until(after.model.recorder.status, isSecond, NEVER));
  assert.deepEqual([of, inAll], [6, { sequence: 5, of: 10 }]);
  const { result } = await ended(after);
  await after.clock.advance(0);
  const { startedUtc: _, ...goesOnWith } = Object(result).goesOnWith;
  const origin = { by: "schedule", id: "1" };
  assert.deepEqual(goesOnWith, { batch: 0, origin, recorded: 4, sequences: 10 });
  const all = await events(folder);
  const { utc: __, ...event } = all.at(-1) ?? {};
  const counts = { goesOnWith: 0, state: "done", recorded: 10, sequences: 10 };
  assert.deepEqual(event, { event: "resumed-batch-ended", batch: 1, ...counts });
  const { rows } = after.model.scheduler.history.page({ offset: 0, limit: 1 });
  assert.equal(rows[0]?.outcome, "interrupted");
  assert.equal(
    rows[0]?.message,
    "the server ended before the run did; finished as batch 1 after the restart, 10 of 10 sequences in all",
  );
});

test("a batch that was renumbered is counted under its new number", async (context) => {
  const begin = ({ folder, model }: TestInstrument): void => {
    model.recorder.record(BATCH);
    model.recorder.status.subscribe(({ phase, sequence }) => {
      if (phase === "waiting" && sequence === 0)
        writeFileSync(join(folder, RUN, "b000000_s000001_light.pico"), "{}");
    });
  };
  const folder = await interrupted(context, "cut", { begin });
  const after = await TestInstrument.start(context, { folder, ...resumed });
  const { batch, recorded } = await settled(after);
  assert.deepEqual({ batch, recorded }, { batch: 1, recorded: 4 });
});

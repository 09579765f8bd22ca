import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { until } from "../../src/base/cell.ts";
import { isoUtc, MS, SECOND } from "../../src/base/clock.ts";
import { TestInstrument } from "../support/instrument.ts";

const LONG_US = 20 * SECOND;

async function start(...args: Parameters<typeof TestInstrument.start>) {
  const instrument = await TestInstrument.start(...args);
  const { rack, recorder } = instrument.model;
  for (const { serial } of rack.spectrometers.value) {
    rack.spectrometer(serial).setIntegrationTimeUs("downwelling", LONG_US);
    rack.spectrometer(serial).setIntegrationTimeUs("upwelling", 100 * MS);
  }
  const operation = recorder.record({ run: "pause", sequences: 2 });
  const inLight = until(recorder.status, ({ phase }) => phase === "light", NEVER);
  await instrument.clock.run(inLight);
  await instrument.clock.advance(5 * SECOND);
  return { instrument, operation };
}

test("the exposure under way is finished, the shutters close, and anybody resumes", async (context) => {
  const { instrument, operation } = await start(context);
  const { clock, model } = instrument;
  const { recorder, shutters } = model;
  const askedUs = clock.nowUs();
  assert.equal(recorder.pause(), operation);
  const { phase, channel, pausing } = recorder.status.value;
  assert.deepEqual({ phase, channel, pausing }, { phase: "light", channel: "downwelling", pausing: true });
  assert.throws(() => recorder.pause(), /pause: operation 1 is paused already/);
  await clock.run(until(recorder.status, (status) => status.phase === "paused", NEVER));
  assert.ok(clock.nowUs() - askedUs > 10 * SECOND, "the exposure is finished first");
  for (const { state } of shutters.list()) assert.equal(state.value, "closed");
  assert.deepEqual(recorder.status.value, {
    phase: "paused",
    operation: operation.id,
    run: "pause",
    batch: 0,
    sequence: 0,
    of: 2,
    pauseEndsUtc: isoUtc(clock.utcUs() + 3600 * SECOND),
    ...(recorder.status.value.darkAgeS === undefined ? {} : { darkAgeS: recorder.status.value.darkAgeS }),
  });
  const { paused, estimate, state } = operation.status.value;
  assert.deepEqual({ paused, estimate, state }, { paused: true, estimate: undefined, state: "running" });

  await clock.advance(3500 * SECOND);
  assert.equal(recorder.status.value.phase, "paused");
  assert.deepEqual(await instrument.files("pause"), ["b000000_s000000_dark.pico"]);
  recorder.resume();
  assert.deepEqual([recorder.status.value.phase, recorder.status.value.pauseEndsUtc], ["light", undefined]);
  assert.ok(operation.status.value.estimate);
  assert.throws(() => recorder.resume(), /resume: operation 1 is not paused/);
  const { state: end, error } = await instrument.finish(operation);
  assert.equal(end, "done", error?.message);
  assert.equal((await instrument.files("pause")).length, 4);
  assert.throws(() => recorder.pause(), /pause: no operation is running/);
});

test("a pause that is withdrawn in time changes nothing", async (context) => {
  const { instrument, operation } = await start(context);
  const { recorder } = instrument.model;
  const phases = new Set<string>();
  recorder.status.subscribe(({ phase }) => phases.add(phase));
  recorder.pause();
  recorder.resume();
  assert.equal(recorder.status.value.pausing, undefined);
  assert.equal((await instrument.finish(operation)).state, "done");
  assert.ok(!phases.has("paused"));
});

test("an abort while paused ends at once", async (context) => {
  const { instrument, operation } = await start(context);
  const { clock, model } = instrument;
  model.recorder.pause();
  await clock.run(until(model.recorder.status, ({ phase }) => phase === "paused", NEVER));
  const beforeUs = clock.nowUs();
  model.recorder.abort();
  const { state, paused } = await instrument.finish(operation);
  assert.deepEqual({ state, paused }, { state: "cancelled", paused: undefined });
  assert.ok(clock.nowUs() - beforeUs < 100 * MS);
  assert.deepEqual(model.recorder.status.value, { phase: "idle" });
});

test("a pause between sequences takes effect at once, and the delay goes on under it", async (context) => {
  const instrument = await TestInstrument.start(context);
  const { clock, model } = instrument;
  const { recorder } = model;
  const operation = recorder.record({ run: "wait", sequences: 2, delayS: 100 });
  await clock.run(until(recorder.status, ({ phase }) => phase === "waiting", NEVER));
  const waitingUs = clock.nowUs();
  await clock.advance(10 * SECOND);
  recorder.pause();
  await clock.advance(0);
  assert.equal(recorder.status.value.phase, "paused");
  await clock.advance(50 * SECOND);
  recorder.resume();
  await clock.advance(0);
  assert.equal(recorder.status.value.phase, "waiting");
  await clock.run(until(recorder.status, ({ phase }) => phase === "light", NEVER));
  assert.equal(clock.nowUs() - waitingUs, 100 * SECOND);
  assert.equal((await instrument.finish(operation)).state, "done");
});

test("a search for integration times is held between channels", async (context) => {
  const instrument = await TestInstrument.start(context);
  const { clock, model } = instrument;
  const { recorder } = model;
  const operation = recorder.autointegrate({});
  await clock.run(until(recorder.status, ({ phase }) => phase === "autointegrate", NEVER));
  recorder.pause();
  await clock.run(until(recorder.status, ({ phase }) => phase === "paused", NEVER));
  assert.equal(operation.status.value.progress.done, 1);
  recorder.resume();
  assert.equal((await instrument.finish(operation)).state, "done");
});

test("a pause that is forgotten ends at its limit, and the run tells why; without a limit it stays", async (context) => {
  const { instrument, operation } = await start(context, { pauseLimitS: 600 });
  const { clock, model, folder } = instrument;
  model.recorder.pause();
  await clock.run(until(model.recorder.status, ({ phase }) => phase === "paused", NEVER));
  await clock.advance(599 * SECOND);
  assert.equal(model.recorder.status.value.phase, "paused");
  await clock.advance(2 * SECOND);
  assert.equal((await instrument.finish(operation)).state, "done");
  const events = await readFile(join(folder, "pause", "events.jsonl"), "utf8");
  assert.match(
    events,
    /^{"utc":"[^"]+","event":"pause-ended","batch":0,"reason":"nobody resumed it within 600 s"}\n$/,
  );

  const endless = await start(context, { pauseLimitS: 0 });
  endless.instrument.model.recorder.pause();
  await endless.instrument.clock.advance(100 * 3600 * SECOND);
  const { phase, pauseEndsUtc } = endless.instrument.model.recorder.status.value;
  assert.deepEqual([phase, pauseEndsUtc], ["paused", undefined]);
  endless.operation.cancel("enough");
  await endless.instrument.finish(endless.operation);
});

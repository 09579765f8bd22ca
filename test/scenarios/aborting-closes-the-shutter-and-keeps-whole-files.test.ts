import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { until } from "../../src/base/cell.ts";
import { MS, SECOND } from "../../src/base/clock.ts";
import { TestInstrument } from "../support/instrument.ts";

test("an abort in the middle of a minute's exposure takes effect at once, and the next batch works", async (context) => {
  const instrument = await TestInstrument.start(context);
  const { clock, model } = instrument;
  const { rack, recorder, shutters } = model;
  for (const { serial } of rack.spectrometers.value) {
    rack.spectrometer(serial).setIntegrationTimeUs("downwelling", 100 * MS);
    rack.spectrometer(serial).setIntegrationTimeUs("upwelling", 60 * SECOND);
  }
  const operation = recorder.record({ run: "abort", sequences: 3 });
  await clock.run(
    until(recorder.status, ({ phase, channel }) => phase === "light" && channel === "upwelling", NEVER),
  );
  await clock.advance(10 * SECOND);
  assert.equal(shutters.shutter("upwelling").state.value, "open");
  const before = clock.nowUs();
  recorder.abort();
  const status = await instrument.finish(operation);
  assert.equal(status.state, "cancelled");
  assert.ok(clock.nowUs() - before < 500 * MS, `the abort took ${clock.nowUs() - before} us`);
  for (const { state } of shutters.list()) assert.equal(state.value, "closed");
  assert.deepEqual(recorder.status.value, { phase: "idle" });
  assert.deepEqual(await instrument.files("abort"), ["b000000_s000000_dark.pico"]);
  assert.deepEqual(
    (await readdir(join(instrument.folder, "abort"))).filter((name) => name.endsWith(".part")),
    [],
  );

  for (const { serial } of rack.spectrometers.value) {
    rack.spectrometer(serial).setIntegrationTimeUs("upwelling", 100 * MS);
  }
  const next = await instrument.record({ run: "abort" });
  assert.equal(next.state, "done", next.error?.message);
  assert.deepEqual(await instrument.files("abort"), [
    "b000000_s000000_dark.pico",
    "b000001_s000000_dark.pico",
    "b000001_s000000_light.pico",
  ]);
  for (const { serial } of rack.spectrometers.value) {
    const { truth } = instrument.device(serial).spectrometer;
    assert.equal(truth.newest?.integrationTimeUs, 100 * MS, `${serial} delivered a stale exposure`);
  }
});

test("an abort while waiting between sequences keeps what is recorded", async (context) => {
  const instrument = await TestInstrument.start(context);
  const { clock, model } = instrument;
  const operation = model.recorder.record({ run: "wait", sequences: 2, delayS: 3600 });
  await clock.run(until(model.recorder.status, ({ phase }) => phase === "waiting", NEVER));
  model.recorder.abort();
  assert.equal((await instrument.finish(operation)).state, "cancelled");
  assert.deepEqual(await instrument.files("wait"), [
    "b000000_s000000_dark.pico",
    "b000000_s000000_light.pico",
  ]);
  assert.throws(() => model.recorder.abort(), /abort: no operation is running/);
});

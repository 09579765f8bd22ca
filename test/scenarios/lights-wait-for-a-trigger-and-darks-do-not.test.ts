import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { until } from "../../src/base/cell.ts";
import { MS, SECOND } from "../../src/base/clock.ts";
import { spectrumOf, TestInstrument } from "../support/instrument.ts";

const FLAME = "FLMS01859";

test("a batch whose lights wait for pulses: each light is of its pulse, darks and the search are made at once", async (context) => {
  const instrument = await TestInstrument.start(context);
  const { clock, model } = instrument;
  const flame = model.rack.spectrometer(FLAME);
  const unit = model.emulatedUnits.get(FLAME) ?? assert.fail();
  await clock.run(flame.controls.write("trigger", { mode: "hardware" }, NEVER));
  flame.setScans(2);
  const operation = model.recorder.record({ run: "pulses", sequences: 2, autointegrate: 0 });
  const pulsesUtcUs: number[] = [];
  // Two sequences of two channels, each light of two scans.
  for (let pulse = 0; pulse < 8; pulse++) {
    await clock.run(until(flame.status, ({ reason }) => reason?.startsWith("waits") === true, NEVER));
    await clock.advance(3 * SECOND);
    pulsesUtcUs.push(clock.utcUs());
    unit.setTriggerInput(true);
    await clock.advance(MS);
    unit.setTriggerInput(false);
    await clock.advance(2 * SECOND);
  }
  const status = await instrument.finish(operation);
  assert.equal(status.state, "done", status.error?.message);
  const lights = ["b000000_s000000_light.pico", "b000000_s000001_light.pico"];
  const files = await Promise.all(lights.map((name) => instrument.read("pulses", name)));
  const spectra = files.flatMap((file) =>
    ["downwelling", "upwelling"].map((one) => spectrumOf(file, FLAME, one)),
  );
  for (const [
    index,
    { triggerMode, statistics, exposureStartUtcUs, exposureEndUtcUs },
  ] of spectra.entries()) {
    assert.equal(triggerMode, "hardware");
    assert.equal(statistics?.scans, 2);
    const [first = 0, second = 0] = pulsesUtcUs.slice(2 * index);
    assert.ok(
      Math.abs(exposureStartUtcUs - first) < 5 * MS,
      `${exposureStartUtcUs - first} us after the pulse`,
    );
    assert.ok((exposureEndUtcUs ?? 0) > second);
  }
  const dark = await instrument.read("pulses", "b000000_s000000_dark.pico");
  assert.ok(dark.spectra.every(({ triggerMode }) => triggerMode === null));
  for (const { state } of model.shutters.list()) assert.equal(state.value, "closed");
});

test("a batch that waits for a pulse is aborted at once; the next records as before", async (context) => {
  const instrument = await TestInstrument.start(context);
  const { clock, model } = instrument;
  const flame = model.rack.spectrometer(FLAME);
  await clock.run(flame.controls.write("trigger", { mode: "hardware" }, NEVER));
  const operation = model.recorder.record({ run: "night" });
  await clock.run(until(flame.status, ({ reason }) => reason?.startsWith("waits") === true, NEVER));
  await clock.advance(12 * 3600 * SECOND);
  assert.equal(operation.status.value.state, "running");
  const abortedUs = clock.nowUs();
  operation.cancel("enough");
  const status = await instrument.finish(operation);
  assert.equal(status.state, "cancelled");
  assert.ok(clock.nowUs() - abortedUs < SECOND);
  for (const { state } of model.shutters.list()) assert.equal(state.value, "closed");
  await clock.run(until(flame.status, ({ state }) => state === "idle", NEVER));
  await clock.run(flame.controls.write("trigger", { mode: "normal" }, NEVER));
  assert.equal((await instrument.record({ run: "night" })).state, "done");
});

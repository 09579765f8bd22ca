import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { until } from "../../src/base/cell.ts";
import { SECOND } from "../../src/base/clock.ts";
import { TestInstrument } from "../support/instrument.ts";

const COOLED = "QEP00709";
/** More than any cooler can do below the temperature of the room. */
const UNREACHABLE_C = -40;

async function withSetpoint(context: Parameters<typeof TestInstrument.start>[0], setpointC: number) {
  const instrument = await TestInstrument.start(context);
  const spectrometer = instrument.model.rack.spectrometer(COOLED);
  await instrument.clock.run(spectrometer.setTec({ enabled: true, setpointC }, NEVER));
  return instrument;
}

test("a batch with warm-up begins when the detector is at its set point", async (context) => {
  const instrument = await withSetpoint(context, -20);
  const { clock, model } = instrument;
  const startUs = clock.nowUs();
  const operation = model.recorder.record({ run: "cold", warmUp: true });
  await clock.run(until(model.recorder.status, ({ phase }) => phase === "warm-up", NEVER));
  const { state, result } = await instrument.finish(operation);
  assert.equal(state, "done");
  assert.ok(typeof result === "object" && result !== null && "warmUp" in result);
  context.diagnostic(JSON.stringify(result.warmUp));
  assert.ok(clock.nowUs() - startUs > 15 * SECOND);
  const { spectra } = await instrument.read("cold", "b000000_s000000_dark.pico");
  for (const { serial, detectorTemperatureC, flags } of spectra) {
    if (serial !== COOLED) continue;
    assert.ok(detectorTemperatureC !== null && Math.abs(detectorTemperatureC + 20) < 0.5);
    assert.ok(!flags.includes("tec_unstable"));
  }
});

test("without warm-up it begins at once", async (context) => {
  const instrument = await withSetpoint(context, -20);
  const { clock } = instrument;
  const startUs = clock.nowUs();
  await instrument.record({ run: "warm" });
  assert.ok(clock.nowUs() - startUs < 10 * SECOND);
  const { spectra } = await instrument.read("warm", "b000000_s000000_dark.pico");
  assert.ok(spectra.some(({ flags }) => flags.includes("tec_unstable")));
});

test("a cooler that does not settle is waited for 10 minutes; the reason is in the result", async (context) => {
  const instrument = await withSetpoint(context, UNREACHABLE_C);
  const { clock } = instrument;
  const startUs = clock.nowUs();
  const { state, result } = await instrument.record({ run: "never", warmUp: true });
  assert.equal(state, "done");
  assert.ok(clock.nowUs() - startUs > 600 * SECOND);
  assert.ok(typeof result === "object" && result !== null && "warmUp" in result);
  const shown = JSON.stringify(result.warmUp);
  assert.match(shown, /"serial":"QEP00709","reason":"detector at -2\d\.\d degC, set point -40\.0 degC"/);
});

test("with stop, a cooler that does not settle ends the batch", async (context) => {
  const instrument = await withSetpoint(context, UNREACHABLE_C);
  const { state, error } = await instrument.record({ run: "stops", warmUp: true, onFailure: "stop" });
  assert.equal(state, "failed");
  assert.match(error?.message ?? "", /^QEP00709: the cooler has not settled within 600 s, detector at/);
  assert.deepEqual(await instrument.files("stops"), []);
});

test("a pause does not count to the 10 minutes", async (context) => {
  const instrument = await withSetpoint(context, UNREACHABLE_C);
  const { clock, model } = instrument;
  const { recorder } = model;
  const operation = recorder.record({ run: "held", warmUp: true });
  await clock.run(until(recorder.status, ({ phase }) => phase === "warm-up", NEVER));
  recorder.pause();
  await clock.advance(1000 * SECOND);
  recorder.resume();
  await clock.advance(590 * SECOND);
  assert.equal(recorder.status.value.phase, "warm-up");
  const { state, result } = await instrument.finish(operation);
  const { waitedS } = Object(result).warmUp;
  assert.equal(state, "done");
  assert.ok(waitedS >= 600 && waitedS < 610, `${waitedS} s`);
});

test("a warm-up can be aborted and paused", async (context) => {
  const instrument = await withSetpoint(context, UNREACHABLE_C);
  const { clock, model } = instrument;
  const { recorder } = model;
  const operation = recorder.record({ run: "abort", warmUp: true });
  await clock.run(until(recorder.status, ({ phase }) => phase === "warm-up", NEVER));
  recorder.pause();
  await clock.run(until(recorder.status, ({ phase }) => phase === "paused", NEVER));
  recorder.resume();
  await clock.run(until(recorder.status, ({ phase }) => phase === "warm-up", NEVER));
  recorder.abort();
  assert.equal((await instrument.finish(operation)).state, "cancelled");
});

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { until } from "../../src/base/cell.ts";
import { MS, SECOND } from "../../src/base/clock.ts";
import type { BatchSettings } from "../../src/acquisition/settings.ts";
import { TestInstrument } from "../support/instrument.ts";

const UNPLUGGED = "FLMS01859";

/** A batch in whose first light one of two spectrometers is unplugged, for so many seconds. */
async function unplugged(context: TestContext, settings: Partial<BatchSettings>, awayS: number) {
  const instrument = await TestInstrument.start(context);
  const { clock, model, emulated } = instrument;
  const { rack, recorder, shutters } = model;
  for (const { serial } of rack.spectrometers.value)
    rack.spectrometer(serial).setIntegrationTimeUs("downwelling", 2 * SECOND);
  const operation = recorder.record({ run: "fails", sequences: 3, ...settings });
  await clock.run(
    until(recorder.status, ({ phase, channel }) => phase === "light" && channel === "downwelling", NEVER),
  );
  await clock.advance(500 * MS);
  const { spectrometer } = instrument.device(UNPLUGGED);
  emulated.bus.detach(spectrometer);
  await clock.advance(awayS * SECOND);
  const isOpenMeanwhile = shutters.list().some(({ state }) => state.value === "open");
  emulated.bus.attach(spectrometer);
  const status = await instrument.finish(operation);
  return { instrument, status, isOpenMeanwhile };
}

function counted(result: unknown): { readonly failed: unknown; readonly retried: unknown } {
  assert.ok(typeof result === "object" && result !== null && "failed" in result && "retried" in result);
  return { failed: result.failed, retried: result.retried };
}

test("an exposure is repeated when the spectrometer is back, and the batch has no gap", async (context) => {
  const { instrument, status, isOpenMeanwhile } = await unplugged(context, { retries: 1 }, 5);
  assert.equal(status.state, "done", status.error?.message);
  assert.deepEqual(counted(status.result), { failed: 0, retried: 1 });
  assert.equal(isOpenMeanwhile, false, "no light falls on the detectors while it is waited for");
  const { spectra, failures } = await instrument.read("fails", "b000000_s000000_light.pico");
  assert.deepEqual([spectra.length, failures.length], [4, 0]);
  // They did not see the same light: the file says so.
  const skews = spectra.filter(({ channel }) => channel === "downwelling").map((one) => one.startSkewUs);
  for (const skewUs of skews) assert.ok(skewUs !== null && skewUs > 5 * SECOND);
  for (const { channel, flags } of spectra)
    assert.equal(flags.includes("start_skew"), channel === "downwelling", channel);
});

test("one that is switched off while it is waited for has failed all the same", async (context) => {
  const configuration = `
[channels]
  [[shutter_1]]
    direction = downwelling
  [[shutter_2]]
    direction = upwelling
[spectrometers]
  [[${UNPLUGGED}]]
    power_switch_pin = 5
`;
  const instrument = await TestInstrument.start(context, { configuration });
  const { clock, model } = instrument;
  const { rack, recorder } = model;
  await clock.advance(20 * SECOND);
  for (const { serial } of rack.spectrometers.value)
    rack.spectrometer(serial).setIntegrationTimeUs("downwelling", 2 * SECOND);
  const operation = recorder.record({ run: "off", retries: 1 });
  await clock.run(
    until(recorder.status, ({ phase, channel }) => phase === "light" && channel === "downwelling", NEVER),
  );
  await clock.advance(500 * MS);
  await clock.run(rack.setPower(UNPLUGGED, "off", NEVER));
  const status = await instrument.finish(operation);
  assert.equal(status.state, "failed");
  assert.deepEqual(counted(status.result), { failed: 1, retried: 1 });
  const { failures } = await instrument.read("off", "b000000_s000000_light.pico");
  assert.deepEqual(
    failures.map(({ serial, channel }) => `${serial} ${channel}`),
    [`${UNPLUGGED} downwelling`],
  );
});

test("one that stays away costs its own spectra, whatever is repeated", async (context) => {
  const { instrument, status } = await unplugged(context, { retries: 2 }, 600);
  assert.equal(status.state, "failed");
  const { failed, retried } = counted(status.result);
  // Two channels of three lights and the closing dark, with two repetitions each.
  assert.deepEqual({ failed, retried }, { failed: 8, retried: 16 });
  const { spectra, failures } = await instrument.read("fails", "b000000_s000002_light.pico");
  assert.deepEqual([spectra.length, failures.length], [2, 2]);
});

test("without retries the batch goes on, and counts what failed", async (context) => {
  const { status } = await unplugged(context, {}, 600);
  assert.equal(status.state, "failed");
  assert.deepEqual(counted(status.result), { failed: 8, retried: 0 });
  assert.equal(status.progress.done, 5);
});

test("stop: the first failure ends the batch, what the others recorded is kept", async (context) => {
  const { instrument, status } = await unplugged(context, { onFailure: "stop" }, 600);
  assert.equal(status.state, "failed");
  assert.match(
    status.error?.message ?? "",
    /^2 exposures failed, 6 spectra are kept: FLMS01859 2 of 4, QEP00709 all 4; FLMS01859: .*unplugged/,
  );
  const { result } = status;
  assert.ok(typeof result === "object" && result !== null && "spectrometers" in result);
  assert.deepEqual(result.spectrometers, {
    FLMS01859: { spectra: 2, missing: 2 },
    QEP00709: { spectra: 4, missing: 0 },
  });
  assert.deepEqual(await instrument.files("fails"), [
    "b000000_s000000_dark.pico",
    "b000000_s000000_light.pico",
  ]);
  const { spectra } = await instrument.read("fails", "b000000_s000000_light.pico");
  assert.equal(spectra.length, 2);
});

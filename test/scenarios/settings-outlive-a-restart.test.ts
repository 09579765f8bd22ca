// A job after a power cut records with the integration times of before: set by a client, or found by a search.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { MS, SECOND } from "../../src/base/clock.ts";
import { TestInstrument } from "../support/instrument.ts";
import { copyOf } from "../support/interrupted.ts";

/** A data directory and state as a power cut leaves them; and the times that were set or found. */
async function cut(context: TestContext) {
  const instrument = await TestInstrument.start(context);
  const { model, clock } = instrument;
  await instrument.finish(model.recorder.autointegrate({}));
  model.rack.spectrometer("QEP00709").setIntegrationTimeUs("upwelling", 33 * MS);
  await clock.advance(10 * SECOND);
  return { times: timesOf(instrument), folder: await copyOf(context, instrument.folder) };
}

function timesOf({ model: { rack } }: TestInstrument) {
  return rack.spectrometers.value.map((one) =>
    one.channels.map((channel) => one.integrationTimeUs(channel).value),
  );
}

test("a scheduled recording after a power cut", async (context) => {
  const { folder, times } = await cut(context);
  const after = await TestInstrument.start(context, { folder });
  assert.deepEqual(timesOf(after), times);
  const { model, clock } = after;
  model.scheduler.add({
    action: { do: "record", settings: { run: "job", sequences: 1 } },
    startUtcUs: clock.utcUs() + SECOND,
  });
  await clock.advance(60 * SECOND);
  const { spectra } = await after.read("job", "b000000_s000000_light.pico");
  for (const { flags } of spectra) assert.ok(!flags.includes("saturated"), flags.join());
});

test("with keep_settings = False everything begins at its initial value", async (context) => {
  const { folder } = await cut(context);
  const after = await TestInstrument.start(context, { folder, keepSettings: false });
  for (const times of timesOf(after)) assert.deepEqual(times, [100 * MS, 100 * MS]);
});

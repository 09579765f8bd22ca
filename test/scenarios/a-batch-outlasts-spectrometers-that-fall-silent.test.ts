import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { until } from "../../src/base/cell.ts";
import { TestInstrument } from "../support/instrument.ts";

const SILENCE = Array.from(
  { length: 1000 },
  (_, index) => ({ kind: "silence", nth: index + 2, direction: "read" }) as const,
);

test("spectrometers that stay silent are handed to their keeper, and the batch goes on when they answer again", async (context) => {
  const instrument = await TestInstrument.start(context);
  const { clock, model } = instrument;
  const { rack, recorder } = model;
  const devices = ["FLMS01859", "QEP00709"].map((serial) => instrument.device(serial));
  for (const { faults } of devices) faults.start(...SILENCE);
  const operation = recorder.record({ run: "silent", sequences: 60 });
  // Faulty means that the keeper resets it and opens it again, until it answers.
  for (const { serial, status } of rack.spectrometers.value) {
    await clock.run(until(status, ({ state }) => state === "faulty", NEVER));
    assert.match(status.value.reason ?? "", /within \d+ ms/, serial);
  }
  assert.equal(recorder.status.value.phase, "waiting");
  for (const { faults } of devices) faults.start();
  const end = await instrument.finish(operation);
  assert.equal(end.state, "failed");
  assert.match(
    end.error?.message ?? "",
    /^\d+ exposures failed, \d+ spectra are kept: FLMS01859 \d+ of 124, QEP00709 \d+ of 124; /,
  );
  const light = await instrument.read("silent", "b000000_s000059_light.pico");
  assert.equal(light.spectra.length, 4);
});

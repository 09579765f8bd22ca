import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { until } from "../../src/base/cell.ts";
import { MS, SECOND } from "../../src/base/clock.ts";
import { TestInstrument } from "../support/instrument.ts";

test("the sequence ends with an error for the unplugged device; the others are kept; re-plugging brings it back", async (context) => {
  const instrument = await TestInstrument.start(context);
  const { clock, model, emulated } = instrument;
  const { rack, recorder, shutters } = model;
  for (const serial of ["FLMS01859", "QEP00709"]) {
    rack.spectrometer(serial).setIntegrationTimeUs("downwelling", 2 * SECOND);
    rack.spectrometer(serial).setIntegrationTimeUs("upwelling", 100 * MS);
  }
  const operation = recorder.record({ run: "unplug", sequences: 2 });
  await clock.run(
    until(recorder.status, ({ phase, channel }) => phase === "light" && channel === "downwelling", NEVER),
  );
  await clock.advance(500 * MS);
  assert.equal(shutters.shutter("downwelling").state.value, "open");
  const { spectrometer } = instrument.device("FLMS01859");
  emulated.bus.detach(spectrometer);
  await clock.run(
    until(rack.spectrometer("FLMS01859").status, ({ state }) => state === "disconnected", NEVER),
  );

  const status = await instrument.finish(operation);
  assert.equal(status.state, "failed");
  assert.equal(status.error?.code, "DEVICE_NOT_CONNECTED");
  assert.match(status.error?.message ?? "", /FLMS01859.*unplugged.*\(downwelling\)/);
  assert.match(
    status.error?.message ?? "",
    /^6 exposures failed, 10 spectra are kept: FLMS01859 2 of 8, QEP00709 all 8; /,
  );
  for (const { state } of shutters.list()) assert.equal(state.value, "closed");

  const light = await instrument.read("unplug", "b000000_s000000_light.pico");
  assert.deepEqual(
    light.spectra.map(({ serial, channel }) => `${serial} ${channel}`),
    ["QEP00709 downwelling", "QEP00709 upwelling"],
  );
  assert.deepEqual(
    light.failures.map(({ serial, channel, code }) => `${serial} ${channel} ${code}`),
    ["FLMS01859 downwelling DEVICE_NOT_CONNECTED", "FLMS01859 upwelling DEVICE_NOT_CONNECTED"],
  );

  emulated.bus.attach(spectrometer);
  await clock.run(until(rack.spectrometer("FLMS01859").status, ({ state }) => state === "idle", NEVER));
  // Its settings are as they were before.
  assert.equal(rack.spectrometer("FLMS01859").integrationTimeUs("upwelling").value, 100 * MS);
  const again = await instrument.record({ run: "unplug" });
  assert.equal(again.state, "done", again.error?.message);
  assert.equal((await instrument.read("unplug", "b000001_s000000_light.pico")).spectra.length, 4);
});

test("a batch outlasts a short absence of every spectrometer, and writes no empty file", async (context) => {
  const instrument = await TestInstrument.start(context);
  const { clock, model, emulated } = instrument;
  const operation = model.recorder.record({ run: "away", sequences: 20 });
  await clock.run(until(model.recorder.status, ({ sequence }) => sequence === 5, NEVER));
  for (const { spectrometer } of emulated.devices.values()) emulated.bus.detach(spectrometer);
  await clock.advance(5 * SECOND);
  assert.equal(operation.status.value.state, "running");
  for (const { spectrometer, faults } of emulated.devices.values())
    emulated.bus.attach(spectrometer, { faults });
  const status = await instrument.finish(operation);
  assert.equal(status.state, "failed");
  assert.match(status.error?.message ?? "", / spectra are kept: FLMS01859 \d+ of 44, QEP00709 \d+ of 44; /);
  const files = await instrument.files("away");
  assert.equal(files.at(-1), "b000000_s000019_light.pico");
  assert.ok(files.length >= 20, files.join(" "));
  for (const file of files) assert.ok((await instrument.read("away", file)).spectra.length > 0, file);
});

test("a batch that no spectrometer comes back to ends with the devices' error", async (context) => {
  const instrument = await TestInstrument.start(context);
  const { clock, model, emulated } = instrument;
  const operation = model.recorder.record({ run: "gone", sequences: 20 });
  await clock.run(until(model.recorder.status, ({ sequence }) => sequence === 1, NEVER));
  for (const { spectrometer } of emulated.devices.values()) emulated.bus.detach(spectrometer);
  const status = await instrument.finish(operation);
  assert.equal(status.state, "failed");
  assert.match(status.error?.message ?? "", /no spectrometer came back within 600 s/);
});

test("without any spectrometer connected a batch is refused at once", async (context) => {
  const instrument = await TestInstrument.start(context);
  for (const { spectrometer } of instrument.emulated.devices.values()) {
    instrument.emulated.bus.detach(spectrometer);
  }
  for (const { status } of instrument.model.rack.spectrometers.value) {
    await instrument.clock.run(until(status, ({ state }) => state === "disconnected", NEVER));
  }
  assert.throws(
    () => instrument.model.recorder.record({ run: "nobody" }),
    /record: no spectrometer is connected/,
  );
});

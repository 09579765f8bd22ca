import assert from "node:assert/strict";
import { test } from "node:test";
import { MS } from "../../src/base/clock.ts";
import { TestInstrument } from "../support/instrument.ts";

// The emulator knows when each delivered frame was really exposed; the files say when the server believes it was.
test("what files say of each exposure is what happened inside the device", async (context) => {
  const instrument = await TestInstrument.start(context);
  const { rack } = instrument.model;
  const startUtcUs = instrument.clock.utcUs() - instrument.clock.nowUs();
  const times = new Map([
    ["FLMS01859 downwelling", 12 * MS],
    ["FLMS01859 upwelling", 75 * MS],
    ["QEP00709 downwelling", 230 * MS],
    ["QEP00709 upwelling", 9 * MS],
  ]);
  for (const [key, us] of times) {
    const [serial = "", channel = ""] = key.split(" ");
    rack.spectrometer(serial).setIntegrationTimeUs(channel, us);
  }
  const status = await instrument.record({ run: "truth", sequences: 4 });
  assert.equal(status.state, "done", status.error?.message);
  for (const file of await instrument.files("truth")) {
    for (const spectrum of (await instrument.read("truth", file)).spectra) {
      const { serial, channel, kind, exposureStartUtcUs, exposureEndUtcUs, integrationTimeUs, counts } =
        spectrum;
      const where = `${file} ${serial} ${channel}`;
      assert.equal(integrationTimeUs, times.get(`${serial} ${channel}`), where);
      const claimedStart = exposureStartUtcUs - startUtcUs;
      const truth = instrument
        .device(serial)
        .spectrometer.truth.exposures.find(
          (one) =>
            one.integrationTimeUs === integrationTimeUs && Math.abs(one.startUs - claimedStart) < 5 * MS,
        );
      assert.ok(truth, `${where}: no true exposure of ${integrationTimeUs} us began near ${claimedStart}`);
      assert.ok(Math.abs((exposureEndUtcUs ?? 0) - startUtcUs - truth.endUs) < 5 * MS, where);
      // Dark frames hold no light, light frames no dark: their medians are far apart.
      const light = [...counts].sort((a, b) => a - b)[Math.floor(counts.length * 0.9)] ?? 0;
      const dark = [...counts].sort((a, b) => a - b)[Math.floor(counts.length * 0.02)] ?? 0;
      if (kind === "dark") assert.ok(light - dark < 600, `${where}: light in a dark, ${light - dark} counts`);
      else assert.ok(light - dark > 600, `${where}: no light, ${light - dark} counts`);
    }
  }
});

test("both spectrometers expose together", async (context) => {
  const instrument = await TestInstrument.start(context);
  for (const { serial } of instrument.model.rack.spectrometers.value) {
    for (const channel of instrument.model.recorder.channels) {
      instrument.model.rack.spectrometer(serial).setIntegrationTimeUs(channel, 400 * MS);
    }
  }
  await instrument.record({ run: "together" });
  const { spectra } = await instrument.read("together", "b000000_s000000_light.pico");
  for (const channel of instrument.model.recorder.channels) {
    const starts = spectra
      .filter((one) => one.channel === channel)
      .map(({ exposureStartUtcUs }) => exposureStartUtcUs);
    assert.equal(starts.length, 2);
    assert.ok(Math.max(...starts) - Math.min(...starts) < 20 * MS, `${channel}: ${starts.join(" and ")}`);
  }
});

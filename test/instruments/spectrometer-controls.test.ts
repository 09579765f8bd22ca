// Controls of an instrument: a spectrum never shows a setting older than the newest, and settings outlast a replug.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { NEVER } from "../../src/base/abort.ts";
import { SECOND } from "../../src/base/clock.ts";
import type { ModelName } from "../../src/drivers/oceanoptics/models.ts";
import { RackBench } from "./spectrometer-bench.ts";

const SERIAL = "TEST00001";

async function benchOf(model: ModelName): Promise<RackBench> {
  const bench = new RackBench({ spectrometers: [{ model, serial: SERIAL }] });
  await bench.start();
  return bench;
}

const step = fc.record({
  isOn: fc.boolean(),
  isChanged: fc.boolean(),
  // The shortest is the one that free-running devices idle with: then the cycle in progress may do.
  us: fc.constantFrom(0, 0, 10_000, 300_000),
  pauseUs: fc.integer({ min: 0, max: 5000 }),
});

for (const [model, control] of [
  ["Flame-S", "lamp"],
  ["USB2000", "lamp"],
  ["QE Pro", "lamp"],
  ["STS", "lamp"],
  ["STS", "shutter"],
] as const) {
  test(`${model}: every spectrum is exposed wholly under the newest state of the ${control}`, async () => {
    let stale = 0;
    let spectra = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const bench = await benchOf(model);
        const spectrometer = bench.rack.spectrometer(SERIAL);
        const { spectrometer: device } = bench.device(SERIAL);
        let wanted = control === "shutter";
        for (const { isOn, isChanged, us, pauseUs } of steps) {
          const integrationTimeUs = Math.max(us, spectrometer.identity.integrationTimeUs.min);
          await bench.clock.advance(pauseUs);
          if (isChanged) await bench.clock.run(spectrometer.controls.write(control, isOn, NEVER));
          if (isChanged) wanted = isOn;
          // A shutter or lamp outside that nobody has touched for long: only the control matters.
          await bench.acquire(spectrometer, { integrationTimeUs, notBeforeUs: 0 });
          const { settings, isSteady } = device.truth.newest ?? assert.fail();
          const state = control === "lamp" ? settings.isLampOn : settings.isShutterOpen;
          spectra += 1;
          if (!isSteady || state !== wanted) stale += 1;
        }
        await bench.close();
      }),
      { numRuns: 30 },
    );
    assert.ok(spectra > 50, `${spectra} spectra`);
    assert.equal(stale, 0);
  });
}

test("settings are written again when the instrument comes back", async () => {
  const bench = await benchOf("Flame-S");
  const { spectrometer: device } = bench.device(SERIAL);
  const { controls } = bench.rack.spectrometer(SERIAL);
  await bench.clock.run(controls.write("lamp", true, NEVER));
  await bench.clock.run(controls.write("gpio", { outputs: 3, levels: 2 }, NEVER));
  bench.instrument.bus.detach(device);
  await bench.clock.advance(SECOND);
  await assert.rejects(controls.read("lamp", NEVER), { code: "DEVICE_NOT_CONNECTED" });
  bench.instrument.bus.attach(device);
  await bench.clock.advance(5 * SECOND);
  assert.equal(device.settings.values.isLampOn, true);
  assert.equal(device.gpio.outputs, 2);
  await bench.close();
});

test("what an instrument lacks is not found, what it only tells cannot be set", async () => {
  const bench = await benchOf("Flame-S");
  const { controls } = bench.rack.spectrometer(SERIAL);
  assert.equal(controls.has("shutter"), false);
  await assert.rejects(bench.clock.run(controls.read("shutter", NEVER)), { code: "RESOURCE_NOT_FOUND" });
  const status = await bench.clock.run(controls.read("status", NEVER));
  await assert.rejects(bench.clock.run(controls.write("status", status, NEVER)), { code: "STATE_CONFLICT" });
  await bench.close();
});

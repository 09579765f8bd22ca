// Controls of an instrument: a spectrum never shows a setting older than the newest, and settings outlast a replug.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { NEVER } from "../../src/base/abort.ts";
import { until } from "../../src/base/cell.ts";
import { MS, SECOND } from "../../src/base/clock.ts";
import { VscopeError } from "../../src/base/errors.ts";
import type { ModelName } from "../../src/drivers/oceanoptics/models.ts";
import type { Fault } from "../../src/emulator/usb/faults.ts";
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

async function unplug(bench: RackBench): Promise<void> {
  bench.device(SERIAL).connection.setPlugged(false);
  await bench.clock.advance(SECOND);
}

async function replug(bench: RackBench): Promise<void> {
  await unplug(bench);
  bench.device(SERIAL).connection.setPlugged(true);
  await bench.clock.advance(30 * SECOND);
}

test("binned pixels are binned pixels after a replug: identity and wavelengths", async () => {
  const bench = await benchOf("STS");
  const spectrometer = bench.rack.spectrometer(SERIAL);
  await bench.clock.run(spectrometer.controls.write("binning", 2, NEVER));
  const before = await bench.acquire(spectrometer);
  await replug(bench);
  const after = await bench.acquire(spectrometer);
  assert.equal(after.counts.length, 256);
  assert.deepEqual(after.instrument, before.instrument);
  await bench.close();
});

test("two settings share a line: what was written last holds after a replug", async () => {
  const bench = await benchOf("Flame-S");
  const { controls } = bench.rack.spectrometer(SERIAL);
  const strobe = { enabled: true, periodUs: 10_000 };
  await bench.clock.run(controls.write("continuous-strobe", strobe, NEVER));
  await bench.clock.run(controls.write("lamp", false, NEVER));
  await bench.clock.run(controls.write("continuous-strobe", strobe, NEVER));
  assert.equal(await bench.clock.run(controls.read("lamp", NEVER)), true);
  await replug(bench);
  assert.equal(await bench.clock.run(controls.read("lamp", NEVER)), true);
  await bench.close();
});

for (const model of ["STS", "QE Pro"] as const) {
  for (const fault of [
    { kind: "silence", direction: "read" },
    { kind: "wrong-checksum", direction: "write" },
    { kind: "stall", direction: "write" },
  ] as const) {
    test(`${model}: ${fault.kind} at the N-th ${fault.direction} of the restoration, for every N: all settings are back`, async () => {
      for (let nth = 1, strikes = true; strikes; nth++)
        strikes = await restoredDespite(model, { ...fault, nth });
    });
  }
}

/** Whether the fault has struck. */
async function restoredDespite(model: ModelName, fault: Fault): Promise<boolean> {
  const settings = { [SERIAL]: model === "QE Pro" ? { detectorSetpointC: -7, fan: true } : {} };
  const bench = new RackBench({ spectrometers: [{ model, serial: SERIAL }], settings });
  await bench.start();
  await bench.clock.advance(SECOND);
  const spectrometer = bench.rack.spectrometer(SERIAL);
  const { controls } = spectrometer;
  const { faults, spectrometer: device } = bench.device(SERIAL);
  const run = <T>(promise: Promise<T>): Promise<T> => bench.clock.run(promise);
  await run(controls.write("trigger", { mode: "hardware" }, NEVER));
  await run(controls.write("lamp", true, NEVER));
  if (model === "STS") await run(controls.write("scans-to-average", 3, NEVER));
  await unplug(bench);
  const stop = spectrometer.status.subscribe(({ state }) => {
    if (state !== "idle") return;
    faults.start(fault);
    stop();
  });
  bench.device(SERIAL).connection.setPlugged(true);
  // Somebody asks at once: what he gets was exposed with the settings.
  await bench.clock.run(until(spectrometer.status, ({ state }) => state === "idle", NEVER));
  const lamp = bench.acquire(spectrometer, { kind: "dark" }).then(
    () => device.truth.newest?.settings.isLampOn,
    () => true,
  );
  await bench.clock.advance(120 * SECOND);
  assert.equal(await lamp, true, JSON.stringify(fault));
  assert.equal(spectrometer.status.value.state, "idle");
  const hasStruck = faults.fired.length > 0;
  faults.start();
  const shown = [
    (await run(controls.read("trigger", NEVER))).mode,
    model === "STS" ? await run(controls.read("scans-to-average", NEVER)) : 3,
    device.settings.values.isLampOn,
    model === "QE Pro" ? (await run(spectrometer.readTec(NEVER))).setpointC : -7,
  ];
  assert.deepEqual(shown, ["hardware", 3, true, -7], JSON.stringify(fault));
  await bench.close();
  return hasStruck;
}

test("a setting that the device refuses when it comes back is left out, and nothing else", async () => {
  const settings = { [SERIAL]: { detectorSetpointC: Number.NaN, fan: true } };
  const bench = new RackBench({ spectrometers: [{ model: "QE Pro", serial: SERIAL }], settings });
  await bench.start();
  const spectrometer = bench.rack.spectrometer(SERIAL);
  await bench.clock.run(spectrometer.controls.write("lamp", true, NEVER));
  await replug(bench);
  assert.equal(bench.device(SERIAL).spectrometer.settings.values.isLampOn, true);
  assert.equal(spectrometer.status.value.state, "idle");
  assert.deepEqual(bench.steps, []);
  const refused = `${SERIAL}: set point of the cooler is refused, and not restored`;
  assert.deepEqual(
    bench.warnings.filter((warning) => warning === refused),
    [refused, refused],
  );
  await bench.close();
});

test("a calibration that is not readable after a write that was given up is the old one, and is asked for again", async () => {
  for (let nth = 1; nth <= 40; nth++) {
    const bench = new RackBench({ spectrometers: [{ model: "Flame-S", serial: SERIAL }] });
    await bench.start();
    await bench.clock.advance(30 * SECOND);
    const spectrometer = bench.rack.spectrometer(SERIAL);
    const { calibration } = spectrometer.identity;
    const client = new AbortController();
    const write = spectrometer.controls.write("calibration", { strayLightConstant: 0.012 }, client.signal);
    write.catch(() => {});
    await bench.clock.advance(100 * MS);
    const { faults } = bench.device(SERIAL);
    faults.start(
      ...[0, 1].map((more) => ({ kind: "ignored", nth: nth + more, direction: "write" }) as const),
    );
    client.abort(new VscopeError("OPERATION_CANCELLED", "the client has left"));
    await bench.clock.advance(120 * SECOND);
    const { wavelengthCoefficients, nonlinearityCoefficients } = spectrometer.identity.calibration;
    assert.deepEqual(wavelengthCoefficients, calibration.wavelengthCoefficients, `write ${nth}`);
    assert.deepEqual(nonlinearityCoefficients, calibration.nonlinearityCoefficients, `write ${nth}`);
    await bench.close();
  }
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

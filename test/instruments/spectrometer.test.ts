import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { textSlot } from "../../src/emulator/device/eeprom.ts";
import type { Firmware } from "../../src/emulator/device/spectrometer.ts";
import type { Spectrometer, SpectrometerSettings } from "../../src/instruments/spectrometer.ts";
import { RackBench } from "./spectrometer-bench.ts";

async function flame(
  firmware: Firmware = {},
  settings: SpectrometerSettings = {},
): Promise<[RackBench, Spectrometer]> {
  const bench = new RackBench({
    spectrometers: [{ model: "Flame-S", serial: "FLMT01859", firmware }],
    settings: { FLMT01859: settings },
  });
  await bench.start();
  return [bench, bench.rack.spectrometer("FLMT01859")];
}

async function qePro(
  firmware: Firmware = {},
  settings: SpectrometerSettings = {},
): Promise<[RackBench, Spectrometer]> {
  const bench = new RackBench({
    spectrometers: [{ model: "QE Pro", serial: "QEP00709", firmware }],
    settings: { QEP00709: settings },
  });
  await bench.start();
  return [bench, bench.rack.spectrometer("QEP00709")];
}

test("integration times by channel, within the limits", async () => {
  const [bench, spectrometer] = await flame();
  assert.equal(spectrometer.integrationTimeUs("upwelling").value, 100_000);
  spectrometer.setIntegrationTimeUs("upwelling", 655_350_000);
  assert.equal(spectrometer.integrationTimeUs("upwelling").value, 655_350_000);
  assert.equal(spectrometer.integrationTimeUs("downwelling").value, 100_000);
  const message = "FLMT01859: 10 us is outside 1000..655350000 us";
  assert.throws(() => spectrometer.setIntegrationTimeUs("upwelling", 10), {
    code: "VALUE_OUT_OF_RANGE",
    message,
    details: { min: 1000, max: 655_350_000 },
  });
  assert.throws(() => spectrometer.setIntegrationTimeUs("upwelling", Number.NaN), {
    code: "VALUE_OUT_OF_RANGE",
  });
  await assert.rejects(bench.acquire(spectrometer, { integrationTimeUs: 10 }), { message });
  assert.throws(() => spectrometer.setIntegrationTimeUs("sideways", 1000), {
    code: "RESOURCE_NOT_FOUND",
    message: "FLMT01859: no channel sideways, there are downwelling, upwelling",
  });
  await bench.close();
});

test("the configuration narrows the limits and sets the start", async () => {
  const settings = {
    minIntegrationTimeUs: 5000,
    maxIntegrationTimeUs: 2_000_000,
    initialIntegrationTimeUs: 3_000_000,
  };
  const [bench, spectrometer] = await flame({}, settings);
  assert.deepEqual(spectrometer.identity.integrationTimeUs, { min: 5000, max: 2_000_000, step: 1 });
  assert.equal(spectrometer.integrationTimeUs("upwelling").value, 2_000_000);
  assert.throws(
    () => spectrometer.setIntegrationTimeUs("upwelling", 4999),
    /4999 us is outside 5000..2000000 us/,
  );
  await bench.close();
});

test("a device that counts in milliseconds gets whole ones", async () => {
  const bench = new RackBench({ spectrometers: [{ model: "QE65000", serial: "QEB0001" }] });
  await bench.start();
  const spectrometer = bench.rack.spectrometer("QEB0001");
  spectrometer.setIntegrationTimeUs("upwelling", 12_999);
  assert.equal(spectrometer.integrationTimeUs("upwelling").value, 12_000);
  const spectrum = await bench.acquire(spectrometer, { integrationTimeUs: 20_500 });
  assert.equal(spectrum.integrationTimeUs, 20_000);
  await bench.close();
});

test("a spectrum carries its exposure in UTC, the truth of the device", async () => {
  const [bench, spectrometer] = await flame();
  const notBeforeUtcUs = bench.clock.utcUs();
  const spectrum = await bench.acquire(spectrometer, { integrationTimeUs: 8000 });
  const truth = bench.device("FLMT01859").spectrometer.truth.newest;
  assert.ok(truth);
  const offsetUs = bench.clock.utcUs() - bench.clock.nowUs();
  assert.ok(Math.abs(spectrum.exposureStartUtcUs - offsetUs - truth.startUs) <= 3000);
  assert.ok(spectrum.exposureStartUtcUs >= notBeforeUtcUs);
  assert.equal(spectrum.exposureEndUtcUs - spectrum.exposureStartUtcUs, 8000);
  assert.equal(spectrum.channel, "upwelling");
  assert.equal(spectrum.kind, "light");
  assert.equal(spectrum.freshness, "timing");
  assert.equal(spectrum.counts.length, 2048);
  assert.equal(spectrometer.newest("upwelling").value, spectrum);
  assert.equal(spectrometer.newest("downwelling").value, undefined);
  assert.deepEqual(spectrum.flags, ["simulated"]);
  await bench.close();
});

test("states of an acquisition", async () => {
  const [bench, spectrometer] = await flame();
  const states: string[] = [];
  spectrometer.status.subscribe(({ state }) => states.push(state));
  await bench.acquire(spectrometer);
  assert.deepEqual(states, ["exposing", "idle"]);
  await bench.close();
});

test("a saturated signal is flagged", async () => {
  const [bench, spectrometer] = await flame();
  const bright = await bench.acquire(spectrometer, { integrationTimeUs: 2_000_000 });
  assert.deepEqual(bright.flags, ["saturated", "simulated"]);
  assert.ok(bright.counts.some((count) => count >= bright.instrument.saturationLevel));
  await bench.close();
});

test("a low signal is flagged, but not in the dark", async () => {
  const bench = new RackBench({ isDark: true });
  await bench.start();
  const spectrometer = bench.rack.spectrometer("FLMS01859");
  const integrationTimeUs = 10_000;
  assert.deepEqual((await bench.acquire(spectrometer, { integrationTimeUs })).flags, [
    "simulated",
    "low_signal",
  ]);
  assert.deepEqual((await bench.acquire(spectrometer, { integrationTimeUs, kind: "dark" })).flags, [
    "simulated",
  ]);
  await bench.close();
});

test("a device without calibration is flagged, unless the channel has one", async () => {
  const eeprom = { 1: textSlot(""), 2: textSlot("") };
  const coefficients = [340, 0.4, 0, 0];
  const [bench, spectrometer] = await flame(
    { eeprom },
    { wavelengthCoefficients: new Map([["downwelling", coefficients]]) },
  );
  const without = await bench.acquire(spectrometer);
  assert.ok(without.flags.includes("uncalibrated"));
  assert.deepEqual(without.instrument.calibration.wavelengthCoefficients, [0, 1]);
  const configured = await bench.acquire(spectrometer, { channel: "downwelling" });
  assert.ok(!configured.flags.includes("uncalibrated"));
  assert.deepEqual(configured.channelWavelengthCoefficients, coefficients);
  await bench.close();
});

test("temperature and cooler go into the spectrum; a warm detector is flagged", async () => {
  const [bench, spectrometer] = await qePro();
  const cold = await bench.acquire(spectrometer);
  assert.equal(cold.tecEnabled, true);
  assert.equal(cold.tecSetpointC, -10);
  assert.ok(Math.abs((cold.detectorTemperatureC ?? 99) + 10) < 0.5);
  assert.equal(cold.freshness, "metadata");
  await bench.clock.run(spectrometer.setTec({ setpointC: 5 }, NEVER));
  const changing = await bench.acquire(spectrometer);
  assert.ok(changing.flags.includes("tec_unstable"));
  assert.equal(changing.tecSetpointC, 5);
  await assert.rejects(bench.clock.run(spectrometer.setTec({ setpointC: 99 }, NEVER)), {
    message: "QEP00709: 99 degC is outside -50..40 degC",
  });
  await bench.close();
});

test("settings of the cooler come from the configuration, and return with the device", async () => {
  const [bench, spectrometer] = await qePro({}, { detectorSetpointC: -5 });
  assert.equal((await bench.clock.run(spectrometer.readTec(NEVER))).setpointC, -5);
  const { spectrometer: device } = bench.device("QEP00709");
  bench.instrument.bus.detach(device);
  await bench.clock.advance(1_000_000);
  bench.instrument.bus.attach(device);
  await bench.clock.advance(5_000_000);
  assert.equal((await bench.clock.run(spectrometer.readTec(NEVER))).setpointC, -5);
  await bench.close();
});

test("what a device does not have", async () => {
  const bench = new RackBench({ spectrometers: [{ model: "HR2000+", serial: "HR2P01234" }] });
  await bench.start();
  const spectrometer = bench.rack.spectrometer("HR2P01234");
  assert.equal(spectrometer.hasThermometer, false);
  const refusal = (what: string) => ({ code: "RESOURCE_NOT_FOUND", message: `HR2P01234: has no ${what}` });
  await assert.rejects(spectrometer.readTemperatureC(NEVER), refusal("thermometer"));
  await assert.rejects(spectrometer.readTec(NEVER), refusal("thermoelectric cooler"));
  await assert.rejects(spectrometer.setTec({ enabled: true }, NEVER), refusal("thermoelectric cooler"));
  assert.equal(spectrometer.status.value.state, "idle");
  await bench.close();
});

test("commands from all sides run one after the other", async () => {
  const [bench, spectrometer] = await qePro();
  const order: string[] = [];
  const note = async (name: string, job: Promise<unknown>): Promise<void> => {
    await job;
    order.push(name);
  };
  await bench.clock.run(
    Promise.all([
      note("first", spectrometer.acquire(bench.request(), NEVER)),
      note("temperature", spectrometer.readTemperatureC(NEVER)),
      note("second", spectrometer.acquire(bench.request({ integrationTimeUs: 20_000 }), NEVER)),
      note("cooler", spectrometer.readTec(NEVER)),
    ]),
  );
  assert.deepEqual(order, ["first", "temperature", "second", "cooler"]);
  await bench.close();
});

test("an abort ends a long exposure at once; the device recovers by itself", async () => {
  const [bench, spectrometer] = await flame();
  const controller = new AbortController();
  const acquisition = spectrometer.acquire(
    bench.request({ integrationTimeUs: 10_000_000 }),
    controller.signal,
  );
  acquisition.catch(() => {});
  await bench.clock.advance(2_000_000);
  assert.equal(spectrometer.status.value.state, "exposing");
  controller.abort(new RangeError("enough"));
  await bench.clock.advance(0);
  await assert.rejects(acquisition, /enough/);
  assert.equal(spectrometer.status.value.state, "recovering");
  await bench.clock.advance(20_000_000);
  assert.equal(spectrometer.status.value.state, "idle");
  const beganUs = bench.clock.nowUs();
  await bench.acquire(spectrometer, { integrationTimeUs: 20_000 });
  assert.ok(bench.clock.nowUs() - beganUs < 30_000);
  await bench.close();
});

test("a thermometer that fails costs the temperature, not the spectrum", async () => {
  const [bench, spectrometer] = await qePro();
  await bench.acquire(spectrometer);
  const { faults } = bench.device("QEP00709");
  // The first transfers are those of the exposure.
  let hasLostTemperature = false;
  for (let nth = 1; !hasLostTemperature && nth < 20; nth++) {
    await bench.clock.advance(60_000_000);
    faults.start({ kind: "silence", nth, direction: "read" });
    const spectrum = await bench.acquire(spectrometer).catch(() => undefined);
    hasLostTemperature = spectrum !== undefined && spectrum.detectorTemperatureC === undefined;
    if (spectrum !== undefined) assert.equal(spectrum.counts.length, 1044);
  }
  assert.ok(hasLostTemperature);
  assert.ok(bench.warnings.includes("QEP00709: temperature is not readable"));
  await bench.close();
});

test("a broken frame is an error, and the next one is right", async () => {
  const [bench, spectrometer] = await flame();
  await bench.acquire(spectrometer);
  bench.device("FLMT01859").faults.start({ kind: "wrong-sync", nth: 2, direction: "read" });
  await assert.rejects(bench.acquire(spectrometer), {
    code: "DEVICE_PROTOCOL",
    message: "FLMT01859: spectrum ends in byte 104 instead of 105",
  });
  await bench.acquire(spectrometer);
  assert.equal(spectrometer.status.value.state, "idle");
  await bench.close();
});

// Spectra that the firmware averages, smooths or bins, or that a signal from outside times: which wavelengths, darks and
// calibrations belong to them, on emulated devices and the virtual clock.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { MS, SECOND } from "../../src/base/clock.ts";
import { VscopeError } from "../../src/base/errors.ts";
import type { ModelName } from "../../src/drivers/oceanoptics/models.ts";
import type { SpectrometerSettings } from "../../src/instruments/spectrometer.ts";
import { wavelengthsNm } from "../../src/spectra/spectrum.ts";
import { RackBench } from "./spectrometer-bench.ts";

const SERIAL = "SN0001";

async function started(model: ModelName = "STS", settings: SpectrometerSettings = {}): Promise<RackBench> {
  const bench = new RackBench({
    spectrometers: [{ model, serial: SERIAL }],
    settings: { [SERIAL]: settings },
  });
  await bench.start();
  await bench.clock.advance(30 * SECOND);
  return bench;
}

test("wavelengths configured for a channel hold for binned pixels too", async () => {
  const full = [350, 0.45];
  const bench = await started("STS", { wavelengthCoefficients: new Map([["upwelling", full]]) });
  const one = bench.rack.spectrometer(SERIAL);
  await bench.clock.run(one.controls.write("binning", 2, NEVER));
  const { channelWavelengthCoefficients = [], counts } = await bench.acquire(one);
  const nm = wavelengthsNm(channelWavelengthCoefficients, counts.length);
  const whole = wavelengthsNm(full, 1024);
  // Last of the 256 binned pixels is 1020..1023.
  assert.ok(Math.abs((nm[255] ?? 0) - (whole[1021] ?? 0)) < 1, `${nm[255]} nm instead of ${whole[1021]} nm`);
  await bench.close();
});

test("the calibration that is shown can be written back while the firmware bins", async () => {
  const bench = await started();
  const one = bench.rack.spectrometer(SERIAL);
  const factory = one.identity.calibration;
  await bench.clock.run(one.controls.write("binning", 2, NEVER));
  assert.notDeepEqual(one.identity.calibration, factory);
  assert.deepEqual(one.identity.storedCalibration, factory);
  const { wavelengthCoefficients } = one.identity.storedCalibration ?? assert.fail();
  await bench.clock.run(one.controls.write("calibration", { wavelengthCoefficients }, NEVER));
  assert.deepEqual(await bench.clock.run(one.controls.read("calibration", NEVER)), factory);
  await bench.close();
});

test("a light that the trigger timed is not compared with a dark of the nominal time", async () => {
  const bench = await started("Flame-S");
  const one = bench.rack.spectrometer(SERIAL);
  await bench.acquire(one, { kind: "dark", integrationTimeUs: 20 * MS });
  await bench.clock.run(one.controls.write("trigger", { mode: "synchronization" }, NEVER));
  const light = one.acquire(bench.request({ integrationTimeUs: 20 * MS }), NEVER);
  await bench.clock.advance(SECOND);
  const device = bench.device(SERIAL).spectrometer;
  device.triggerPulse();
  await bench.clock.advance(2 * SECOND);
  device.triggerPulse();
  const spectrum = await bench.clock.run(light);
  assert.ok(spectrum.flags.includes("external_timing"));
  assert.equal(one.newest("upwelling").darkFor(spectrum), undefined, "a dark of 20 ms for 2 s of light");
  await bench.close();
});

test("the newest dark that fits is kept beside one of another number of pixels", async () => {
  const bench = await started("STS");
  const one = bench.rack.spectrometer(SERIAL);
  await bench.acquire(one, { kind: "dark", integrationTimeUs: 20 * MS });
  await bench.clock.run(one.controls.write("binning", 2, NEVER));
  await bench.acquire(one, { kind: "dark", integrationTimeUs: 20 * MS });
  await bench.clock.run(one.controls.write("binning", 0, NEVER));
  const light = await bench.acquire(one, { integrationTimeUs: 20 * MS });
  const pixels = one.newest("upwelling").darkFor(light)?.counts.length;
  await bench.close();
  assert.equal(pixels, 1024);
});

test("a dark that was smoothed otherwise is not the dark of this light", async () => {
  const bench = await started("STS");
  const one = bench.rack.spectrometer(SERIAL);
  await bench.clock.run(one.controls.write("boxcar", 5, NEVER));
  await bench.acquire(one, { kind: "dark", integrationTimeUs: 20 * MS });
  await bench.clock.run(one.controls.write("boxcar", 0, NEVER));
  const light = await bench.acquire(one, { integrationTimeUs: 20 * MS });
  const dark = one.newest("upwelling").darkFor(light);
  await bench.close();
  assert.equal(dark, undefined);
});

test("a trial takes one scan, whatever the device averages", async () => {
  const bench = await started();
  const one = bench.rack.spectrometer(SERIAL);
  await bench.clock.run(one.controls.write("scans-to-average", 100, NEVER));
  const sinceUs = bench.clock.nowUs();
  await bench.acquire(one, { isTrial: true, integrationTimeUs: SECOND });
  assert.ok(
    bench.clock.nowUs() - sinceUs < 5 * SECOND,
    `${(bench.clock.nowUs() - sinceUs) / SECOND} s for a trial of 1 s`,
  );
  await bench.close();
});

test("after an abort the next spectrum can begin soon, whatever the device averages", async () => {
  const bench = await started();
  const one = bench.rack.spectrometer(SERIAL);
  await bench.clock.run(one.controls.write("scans-to-average", 5000, NEVER));
  const user = new AbortController();
  const long = one.acquire(bench.request({ integrationTimeUs: 20 * MS }), user.signal);
  long.catch(() => {});
  await bench.clock.advance(SECOND);
  user.abort(new VscopeError("OPERATION_CANCELLED", "operation 1: cancelled"));
  const sinceUs = bench.clock.nowUs();
  await bench.clock.run(one.controls.read("boxcar", NEVER));
  await bench.clock.run(one.controls.write("scans-to-average", 1, NEVER));
  const tookUs = bench.clock.nowUs() - sinceUs;
  await bench.close();
  assert.ok(tookUs < 5 * SECOND, `${tookUs / SECOND} s`);
});

for (const model of ["Flame-S", "STS", "QE Pro"] as const) {
  test(`${model}: a trigger's time-out is for the trigger, not for the exposure after it`, async () => {
    const bench = await started(model);
    const one = bench.rack.spectrometer(SERIAL);
    await bench.clock.run(one.controls.write("trigger", { mode: "hardware", timeoutS: 2 }, NEVER));
    const light = one.acquire(bench.request({ integrationTimeUs: 3 * SECOND }), NEVER);
    light.catch(() => {});
    // Those that come before the device is armed, or while it exposes, start nothing.
    for (let pulse = 0; pulse < 40; pulse++) {
      await bench.clock.advance(SECOND);
      bench.device(SERIAL).spectrometer.triggerPulse();
    }
    assert.equal((await light).triggerMode, "hardware");
    await bench.close();
  });
}

test("a number that the firmware does not know is not taken for armed", async () => {
  const bench = await started("Flame-S");
  const one = bench.rack.spectrometer(SERIAL);
  await assert.rejects(bench.clock.run(one.controls.write("trigger", { mode: "normal", number: 3 }, NEVER)), {
    code: "VALUE_INVALID",
  });
  await bench.clock.run(one.controls.write("trigger", { mode: "hardware", number: 9 }, NEVER));
  await assert.rejects(bench.acquire(one), {
    code: "DEVICE_FAULT",
    message: `${SERIAL}: trigger mode hardware: the instrument did not take number 9, it has 0`,
  });
  await bench.close();
});

test("the saturation level follows the EEPROM that holds it", async () => {
  const bench = await started("Flame-S");
  const one = bench.rack.spectrometer(SERIAL);
  const slots = await bench.clock.run(one.controls.read("eeprom", NEVER));
  const slot = slots.find(({ slot }) => slot === 17) ?? assert.fail();
  const bytes = Uint8Array.from(slot.bytes);
  new DataView(bytes.buffer).setUint16(4, 50_000, true);
  await bench.clock.run(one.controls.write("eeprom", [{ slot: 17, bytes }], NEVER));
  const now = one.identity.saturationLevel;
  assert.equal(now, 50_000);
  assert.equal((await bench.acquire(one)).instrument.saturationLevel, 50_000);
  await bench.close();
});

test("whoever observes an instrument is told when binning changes it, and of nothing else", async () => {
  const bench = await started();
  const one = bench.rack.spectrometer(SERIAL);
  const pixels: number[] = [];
  one.identityCell.subscribe((identity) => pixels.push(identity.pixels));
  await bench.clock.run(one.controls.write("boxcar", 2, NEVER));
  await bench.clock.run(one.controls.write("binning", 2, NEVER));
  await bench.clock.run(one.controls.write("binning", 0, NEVER));
  assert.deepEqual(pixels, [256, 1024]);
  await bench.close();
});

// A spectrometer that averages scans or waits for triggers, on the emulated device and the virtual clock.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { MS, SECOND } from "../../src/base/clock.ts";
import { messageOf } from "../../src/base/errors.ts";
import { SILENT } from "../../src/base/log.ts";
import { UNINFORMED } from "../../src/instruments/quality-judge.ts";
import { spectrumOf } from "../../src/instruments/spectrum-of-frame.ts";
import { Spectrometer } from "../../src/instruments/spectrometer.ts";
import type { ModelName } from "../../src/drivers/oceanoptics/models.ts";
import { ScanAverage } from "../../src/spectra/scan-statistics.ts";
import { openEmulated } from "../drivers/oceanoptics/open-emulated.ts";

async function bench(model: ModelName = "Flame-S") {
  const emulated = await openEmulated(model);
  const { clock, driver, run } = emulated;
  const { identity } = driver;
  const spectrometer = new Spectrometer({ identity, clock, log: SILENT, channels: ["up"] });
  spectrometer.attach(driver);
  const acquire = (
    { kind = "light", isTrial = false }: { kind?: "light" | "dark"; isTrial?: boolean } = {},
    signal: AbortSignal = NEVER,
  ) => spectrometer.acquire({ channel: "up", kind, isTrial, notBeforeUs: clock.nowUs() }, signal);
  const close = (): Promise<void> => run(spectrometer.close());
  return { ...emulated, spectrometer, acquire, close };
}

test("scans follow each other at once, and their statistics are those of the counts", async () => {
  const { spectrometer, acquire, clock, device, run, close } = await bench();
  await run(acquire());
  spectrometer.setScans(8);
  const begunUs = clock.nowUs();
  const { counts, statistics, integrationTimeUs, ...spectrum } = await run(acquire());
  const tookUs = clock.nowUs() - begunUs;
  const exposures = device.truth.exposures.slice(-8);
  assert.ok(exposures.every((one) => one.integrationTimeUs === integrationTimeUs && one.startUs >= begunUs));
  assert.ok(tookUs < 8 * integrationTimeUs + 20 * MS, `${tookUs} us for 8 scans`);
  assert.equal(statistics?.scans, 8);
  assert.ok(spectrum.exposureEndUtcUs - spectrum.exposureStartUtcUs >= 8 * integrationTimeUs - 5 * MS);
  for (const [pixel, mean] of counts.entries()) {
    const [min = 0, max = 0] = [statistics.min[pixel], statistics.max[pixel]];
    assert.ok(min <= mean && mean <= max, `pixel ${pixel}`);
    assert.ok((statistics.standardDeviation[pixel] ?? -1) >= (max - min) / 8, `pixel ${pixel}`);
  }
  await close();
});

test("the number of scans has limits, and searches for an integration time use one", async () => {
  const { spectrometer, acquire, run, close } = await bench();
  assert.throws(() => spectrometer.setScans(0), { code: "VALUE_OUT_OF_RANGE" });
  assert.throws(() => spectrometer.setScans(10_001), { code: "VALUE_OUT_OF_RANGE" });
  spectrometer.setScans(3);
  assert.equal((await run(acquire({ isTrial: true }))).statistics, undefined);
  assert.equal((await run(acquire({ kind: "dark" }))).statistics?.scans, 3);
  await close();
});

test("one saturated scan is enough for the flag", async () => {
  const { driver, run, close } = await bench();
  const { identity } = driver;
  const flagsAt = (peaks: readonly number[]) => {
    const average = new ScanAverage(identity.pixels);
    for (const peak of peaks) average.add(new Uint32Array(identity.pixels).fill(1000).fill(peak, 500, 501));
    const window = { exposureStartUs: 0, exposureEndUs: 1, freshness: "timing", discardedFrames: 0 } as const;
    const frame = { ...window, counts: average.mean, statistics: average.statistics };
    const request = { channel: "up", kind: "dark", integrationTimeUs: 1000, utcMinusNowUs: 0 } as const;
    return UNINFORMED(spectrumOf({ frame, identity, ...request }), undefined).flags;
  };
  assert.deepEqual(flagsAt([2000, 2000, identity.saturationLevel - 1]), ["simulated"]);
  assert.deepEqual(flagsAt([2000, 2000, identity.saturationLevel]), ["saturated", "simulated"]);
  await run(close());
});

test("while a light waits for its trigger everybody else is told so at once; an abort ends the wait", async () => {
  const { spectrometer, acquire, clock, device, run, close } = await bench();
  await run(spectrometer.controls.write("trigger", { mode: "hardware" }, NEVER));
  assert.equal((await run(acquire({ kind: "dark" }))).triggerMode, undefined);
  assert.equal((await run(acquire({ isTrial: true }))).triggerMode, undefined);
  const enough = new AbortController();
  const light = acquire({}, enough.signal);
  light.catch(() => {});
  await clock.advance(3600 * SECOND);
  assert.deepEqual(spectrometer.status.value, {
    state: "exposing",
    reason: "waits for a trigger, mode hardware",
  });
  await assert.rejects(run(spectrometer.controls.read("lamp", NEVER)), {
    code: "DEVICE_BUSY",
    message: "TEST00001: waits for a trigger, mode hardware",
  });
  enough.abort(new RangeError("enough"));
  await assert.rejects(run(light), /enough/);
  await clock.advance(SECOND);
  assert.equal(spectrometer.status.value.state, "idle");
  const next = acquire();
  await clock.advance(SECOND);
  device.triggerPulse();
  assert.equal((await run(next)).triggerMode, "hardware");
  await close();
});

test("who is queued behind a light that begins to wait for its trigger is told so, too", async () => {
  const { spectrometer, acquire, clock, device, run, close } = await bench();
  await run(spectrometer.controls.write("trigger", { mode: "hardware" }, NEVER));
  const light = acquire();
  let answer = "none";
  spectrometer.controls.read("lamp", NEVER).catch((error: unknown) => (answer = messageOf(error)));
  await clock.advance(SECOND);
  assert.equal(answer, "TEST00001: waits for a trigger, mode hardware");
  device.triggerPulse();
  assert.equal((await run(light)).triggerMode, "hardware");
  assert.equal(spectrometer.status.value.state, "idle");
  await close();
});

test("a setting that is refused disturbs nothing: no recovery follows", async () => {
  const { spectrometer, faults, clock, run, close } = await bench("STS");
  await clock.advance(SECOND);
  await assert.rejects(run(spectrometer.controls.write("boxcar", 99, NEVER)), { code: "VALUE_OUT_OF_RANGE" });
  assert.equal(spectrometer.status.value.state, "idle");
  faults.start({ kind: "delay", nth: 1, delayUs: 0 });
  await clock.advance(10 * SECOND);
  assert.equal(faults.fired.length, 0, "the device was spoken to");
  await close();
});

test("during a long exposure everybody else is told so at once; after it all is as before", async () => {
  const { spectrometer, acquire, clock, run, close } = await bench();
  spectrometer.setIntegrationTimeUs("up", 60 * SECOND);
  const light = acquire();
  await clock.advance(10 * SECOND);
  await assert.rejects(run(spectrometer.controls.read("lamp", NEVER)), {
    code: "DEVICE_BUSY",
    message: "TEST00001: exposes for 60 s",
  });
  assert.equal((await run(light)).integrationTimeUs, 60 * SECOND);
  assert.equal(await run(spectrometer.controls.read("lamp", NEVER)), false);
  await close();
});

test("a device that comes back has its trigger mode again", async () => {
  const first = await bench();
  await first.run(first.spectrometer.controls.write("trigger", { mode: "hardware" }, NEVER));
  const { spectrometer, driver, run, clock } = first;
  await run(spectrometer.close());
  spectrometer.attach(driver);
  await clock.advance(SECOND);
  assert.equal(driver.awaitedTrigger, "hardware");
});

test("binning leaves a spectrometer with fewer pixels, and says so in the spectrum", async () => {
  const { spectrometer, acquire, run, close } = await bench("STS");
  await run(spectrometer.controls.write("binning", 2, NEVER));
  assert.equal(spectrometer.identity.pixels, 256);
  const { counts, processing, instrument } = await run(acquire());
  assert.equal(counts.length, 256);
  assert.equal(instrument.pixels, 256);
  assert.deepEqual(processing, { scans: 1, boxcarHalfWidth: 0, binning: 2 });
  await close();
});

// Many scans through the fast buffer of an Ocean FX: as many as asked for, all true, whatever the firmware does, and the
// device afterwards as after opening.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../../src/base/abort.ts";
import { MS, SECOND } from "../../../src/base/clock.ts";
import type { RawFrame } from "../../../src/drivers/oceanoptics/driver.ts";
import { ObpDevice } from "../../../src/emulator/device/obp-device.ts";
import type { Firmware } from "../../../src/emulator/device/spectrometer.ts";
import { acquireScans } from "../../../src/instruments/scans.ts";
import { openEmulated } from "./open-emulated.ts";

async function bench(firmware: Firmware = {}) {
  const emulated = await openEmulated("Ocean FX", firmware);
  const { clock, driver, device: spectrometer, run } = emulated;
  assert.ok(spectrometer instanceof ObpDevice);
  const device = spectrometer;
  const many = async (integrationTimeUs: number, count: number, signal = NEVER) => {
    const frames: RawFrame[] = [];
    const exposure = { integrationTimeUs, notBeforeUs: clock.nowUs() };
    const take = (frame: RawFrame): void => void frames.push(frame);
    const isTaken = await (driver.acquireMany?.(exposure, count, take, signal) ?? assert.fail("cannot"));
    return isTaken ? frames : undefined;
  };
  const mean = (integrationTimeUs: number, scans: number, signal = NEVER) =>
    acquireScans(driver, { integrationTimeUs, notBeforeUs: clock.nowUs() }, scans, signal);
  /** The frames are scans that followed each other, begun since then. */
  const assertTrue = (frames: readonly RawFrame[] | undefined, us: number, sinceUs: number): void => {
    const all = device.truth.exposures;
    const behind = (frames ?? assert.fail("not taken")).map(({ counts }) => device.truth.behind(counts));
    const first = all.findIndex((one) => one === behind[0]);
    for (const [index, frame] of (frames ?? []).entries()) {
      const truth = behind[index] ?? assert.fail(`${index} was never exposed`);
      assert.equal(truth, all[first + index], `${index} does not follow the one before`);
      assert.equal(truth.integrationTimeUs, us);
      assert.ok(truth.startUs >= sinceUs, `${index} began ${sinceUs - truth.startUs} us too early`);
      assert.deepEqual([frame.exposureStartUs, frame.exposureEndUs], [truth.startUs, truth.endUs]);
      assert.deepEqual([frame.freshness, frame.discardedFrames], ["metadata", 0]);
    }
  };
  /** Takes scans; each is true, begun after the call. */
  const takeTrue = async (integrationTimeUs: number, count: number): Promise<void> => {
    const sinceUs = clock.nowUs();
    const frames = await run(many(integrationTimeUs, count));
    assert.equal(frames?.length, count);
    assertTrue(frames, integrationTimeUs, sinceUs);
  };
  const assertAsOpened = async (): Promise<void> => {
    assert.deepEqual([device.buffer.count, device.buffer.backToBack], [0, 1]);
    const { length } = device.truth.exposures;
    await clock.advance(60 * SECOND);
    assert.equal(device.truth.exposures.length, length, "the device goes on exposing");
    const sinceUs = clock.nowUs();
    const frame = await run(driver.acquire({ integrationTimeUs: 7 * MS, notBeforeUs: sinceUs }, NEVER));
    const truth = device.truth.behind(frame.counts);
    assert.ok(truth?.integrationTimeUs === 7 * MS && truth.startUs >= sinceUs);
  };
  const closeAsOpened = async (): Promise<void> => {
    await assertAsOpened();
    await emulated.close();
  };
  return { ...emulated, device, many, mean, takeTrue, assertAsOpened, closeAsOpened };
}

for (const count of [1, 2, 15, 16, 100]) {
  test(`${count} scans`, async () => {
    const { takeTrue, closeAsOpened } = await bench();
    for (const us of [100, 20 * MS]) await takeTrue(us, count);
    await closeAsOpened();
  });
}

test("frames that something else has left in the buffer, or is exposing, are not taken", async () => {
  const { run, clock, device, many, takeTrue, closeAsOpened } = await bench();
  for (const share of [0.3, 1]) {
    await run(many(20 * MS, 2));
    for (let left = 0; left < 5; left++) device.acquireIntoBuffer();
    await clock.advance(share * 5 * 21 * MS);
    assert.ok(device.buffer.count > 0);
    await takeTrue(20 * MS, 4);
  }
  await closeAsOpened();
});

test("more scans than the buffer holds come in rounds", async () => {
  const { device, takeTrue, closeAsOpened } = await bench();
  device.buffer.setCapacity(10);
  await takeTrue(1 * MS, 25);
  await closeAsOpened();
});

test("a firmware that answers with what there is, even with nothing, is asked until all are there", async () => {
  const { takeTrue, closeAsOpened } = await bench({ fastBuffer: "partial" });
  await takeTrue(100, 100);
  await takeTrue(2 * SECOND, 3);
  await closeAsOpened();
});

test("the mean of scans and its statistics are those of the counts that were sent", async () => {
  const { run, device, mean, close } = await bench();
  for (const scans of [2, 15, 16]) {
    const frame = await run(mean(5 * MS, scans));
    const sent = device.truth.sent.slice(-scans).map(([, counts]) => counts);
    assert.equal(frame.statistics?.scans, scans);
    for (const [pixel, value] of frame.counts.entries()) {
      const all = sent.map((counts) => counts[pixel] ?? Number.NaN);
      const expected = all.reduce((sum, one) => sum + one, 0) / scans;
      const squares = all.reduce((sum, one) => sum + (one - expected) ** 2, 0);
      const deviation = frame.statistics.standardDeviation[pixel] ?? Number.NaN;
      assert.ok(Math.abs(value - expected) <= 0.001, `mean of pixel ${pixel}`);
      assert.ok(Math.abs(deviation - Math.sqrt(squares / (scans - 1))) <= 0.001, `deviation of ${pixel}`);
      assert.equal(frame.statistics.min[pixel], Math.min(...all));
      assert.equal(frame.statistics.max[pixel], Math.max(...all));
    }
    const truths = device.truth.exposures.slice(-scans);
    assert.deepEqual(
      [frame.exposureStartUs, frame.exposureEndUs],
      [truths[0]?.startUs, truths.at(-1)?.endUs],
    );
  }
  await close();
});

test("100 scans of 100 us, against one by one", async (context) => {
  const took = async (firmware: Firmware) => {
    const { run, clock, device, mean, close } = await bench(firmware);
    await run(mean(100, 2));
    const before = device.truth.exposures.length;
    const sinceUs = clock.nowUs();
    const { statistics } = await run(mean(100, 100));
    const tookUs = clock.nowUs() - sinceUs;
    assert.equal(statistics?.scans, 100);
    assert.equal(device.truth.exposures.length - before, 100, "as many exposures as scans");
    await close();
    return tookUs;
  };
  const fastUs = await took({});
  const slowUs = await took({ fastBuffer: "absent" });
  const ratio = (slowUs / fastUs).toFixed(1);
  context.diagnostic(`emulated: ${fastUs / MS} ms, one by one ${slowUs / MS} ms: ${ratio} times`);
});

for (const fastBuffer of ["unreadable", "absent"] as const) {
  test(`a firmware whose fast buffer is ${fastBuffer}: one by one, and it is not asked again`, async () => {
    const { run, device, warnings, many, mean, closeAsOpened } = await bench({ fastBuffer });
    const before = device.truth.exposures.length;
    assert.equal((await run(mean(5 * MS, 4))).statistics?.scans, 4);
    assert.ok(device.truth.exposures.length >= before + 4);
    const told = warnings.map(({ message }) => message);
    const line = "TEST00001: scans are taken one by one, the firmware has no fast buffer";
    assert.deepEqual(
      told,
      fastBuffer === "absent" ? [] : [line],
      "an absent one was told when it was opened",
    );
    const exposures = device.truth.exposures.length;
    assert.equal(await run(many(5 * MS, 4)), undefined);
    assert.equal(device.truth.exposures.length, exposures);
    assert.equal(warnings.length, told.length);
    await closeAsOpened();
  });
}

test("in a trigger mode each scan waits for its own signal, unless it ignores them", async () => {
  const { run, clock, driver, device, many, close } = await bench();
  await run(driver.controls.trigger?.write?.({ mode: "hardware" }, NEVER) ?? assert.fail("no trigger"));
  assert.equal(await run(many(5 * MS, 3)), undefined);
  const mean = acquireScans(driver, { integrationTimeUs: 5 * MS, notBeforeUs: clock.nowUs() }, 3, NEVER);
  for (let scan = 0; scan < 3; scan++) {
    await clock.advance(SECOND);
    device.triggerPulse();
  }
  assert.equal((await run(mean)).triggerMode, "hardware");
  const dark = { integrationTimeUs: 5 * MS, notBeforeUs: clock.nowUs(), ignoresTrigger: true };
  const frame = await run(acquireScans(driver, dark, 3, NEVER));
  assert.deepEqual([frame.freshness, frame.triggerMode], ["metadata", undefined]);
  await close();
});

test("a buffer that was off is off again, after an abort too", async () => {
  const { run, clock, driver, device, many, close } = await bench();
  device.buffer.setEnabled(false);
  assert.equal((await run(many(5 * MS, 20)))?.length, 20);
  assert.equal(device.buffer.isEnabled, false);
  const enough = new AbortController();
  const aborted = many(5 * MS, 20, enough.signal);
  aborted.catch(() => {});
  await clock.advance(50 * MS);
  assert.equal(device.buffer.isEnabled, true);
  enough.abort(new RangeError("enough"));
  await assert.rejects(run(aborted), /enough/);
  await run(driver.resynchronize(NEVER));
  assert.equal(device.buffer.isEnabled, false);
  await close();
});

for (const us of [100, 30 * MS, 10 * SECOND]) {
  test(`an abort at any moment of 40 scans of ${us} us leaves the device as after opening`, async () => {
    const { run, clock, driver, many, takeTrue, assertAsOpened, close } = await bench();
    for (const share of [0, 0.001, 0.2, 0.37, 0.38, 0.5, 0.9]) {
      const enough = new AbortController();
      const aborted = many(us, 40, enough.signal);
      aborted.catch(() => {});
      await clock.advance(Math.round(share * 40 * us));
      enough.abort(new RangeError("enough"));
      const abortedUs = clock.nowUs();
      await assert.rejects(run(aborted), /enough/);
      assert.equal(clock.nowUs(), abortedUs);
      await run(driver.resynchronize(NEVER));
      await assertAsOpened();
      await takeTrue(5 * MS, 17);
    }
    await close();
  });
}

test("a frame that is lost is an error", async () => {
  const { run, clock, driver, device, many, closeAsOpened } = await bench();
  const broken = many(10 * MS, 40);
  broken.catch(() => {});
  // The first fifteen have been fetched.
  await clock.advance(200 * MS);
  device.buffer.removeOldest(1);
  await assert.rejects(run(broken), {
    code: "DEVICE_PROTOCOL",
    message: "TEST00001: buffered spectrum 17 follows 15",
  });
  await run(driver.resynchronize(NEVER));
  await closeAsOpened();
});

test("a device that stops exposing in the middle is waited for, but not for ever", async () => {
  const { run, clock, driver, device, many, closeAsOpened } = await bench();
  const stopped = many(10 * MS, 40);
  stopped.catch(() => {});
  await clock.advance(50 * MS);
  device.abort();
  await assert.rejects(run(stopped), {
    code: "DEVICE_TIMEOUT",
    message: "TEST00001: no 15 buffered spectra within 800 ms",
  });
  await run(driver.resynchronize(NEVER));
  await closeAsOpened();
});

// Every trigger mode of every model and firmware: an exposure waits for its signal, begins after it was asked for,
// lasts what it should, and can be given up at any moment. The emulator's log of what really happened is the judge.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../../src/base/abort.ts";
import { MS, SECOND } from "../../../src/base/clock.ts";
import type { RawFrame } from "../../../src/drivers/oceanoptics/driver.ts";
import { MODELS, type ModelName, modelNamed } from "../../../src/drivers/oceanoptics/models.ts";
import { type SettableMode, triggerModes } from "../../../src/drivers/oceanoptics/trigger-modes.ts";
import { type Opened, openEmulated } from "./open-emulated.ts";

const T_US = 50 * MS;
const FREE_US = 30 * MS;
const LONG_US = 3600 * SECOND;

interface Case {
  readonly name: ModelName;
  readonly fpga: number;
  readonly mode: SettableMode;
}

/** Every mode but normal, for each firmware that numbers them differently. */
const CASES: readonly Case[] = MODELS.flatMap(({ name }) =>
  modelNamed(name)
    .triggers.map(({ fpgaMajorFrom }) => Math.max(1, fpgaMajorFrom))
    .flatMap((fpga) =>
      [...triggerModes(modelNamed(name), fpga).keys()]
        .filter((mode) => mode !== "normal")
        .map((mode) => ({ name, fpga, mode })),
    ),
);

/** The signal that starts, and where need be ends, an exposure. */
async function signal({ device, clock }: Opened, mode: SettableMode): Promise<void> {
  if (mode === "hardware") {
    device.triggerPulse();
  } else if (mode === "synchronization") {
    device.triggerPulse();
    await clock.advance(2 * T_US);
    device.triggerPulse();
  } else {
    device.triggerLine(true);
    clock.after(3 * T_US, () => device.triggerLine(false));
  }
}

function acquire({ driver, clock }: Opened, given: AbortSignal = NEVER): Promise<RawFrame> {
  return driver.acquire({ integrationTimeUs: T_US, notBeforeUs: clock.nowUs() }, given);
}

async function arm({ driver, run }: Opened, mode: SettableMode): Promise<void> {
  await run(driver.controls.trigger?.write?.({ mode }, NEVER) ?? assert.fail("no trigger control"));
}

function assertExposed(bench: Opened, frame: RawFrame, mode: SettableMode, sinceUs: number): void {
  const truth = bench.device.truth.newest ?? assert.fail();
  assert.ok(truth.startUs >= sinceUs, `begun ${sinceUs - truth.startUs} us too early`);
  assert.equal(truth.integrationTimeUs, mode === "synchronization" ? 2 * T_US : T_US);
  const toleranceUs = bench.device.model.readoutMaxUs;
  assert.ok(Math.abs(frame.exposureEndUs - truth.endUs) <= toleranceUs, "end of the window");
  assert.ok(frame.exposureStartUs <= truth.startUs + toleranceUs, "start of the window");
}

for (const { name, fpga, mode } of CASES) {
  test(`${name}, FPGA ${fpga}, ${mode}: waits for the signal, as long as it takes`, async () => {
    const bench = await openEmulated(name, { fpgaVersion: [fpga, 0, 0] });
    const { clock, driver, device, run, close } = bench;
    await run(acquire(bench));
    await arm(bench, mode);
    assert.equal(driver.awaitedTrigger, mode);
    for (let turn = 0; turn < 3; turn++) {
      const sinceUs = clock.nowUs();
      const frame = acquire(bench);
      // The device is armed meanwhile.
      await clock.advance(SECOND);
      const delivered = device.truth.exposures.length;
      await clock.advance(turn === 0 ? LONG_US : 2 * SECOND);
      assert.equal(device.truth.exposures.length, delivered, "exposed without a signal");
      await signal(bench, mode);
      const kept = await run(frame);
      assertExposed(bench, kept, mode, sinceUs);
      assert.equal(kept.triggerMode, mode);
      await clock.advance(SECOND);
    }
    await close();
  });

  test(`${name}, FPGA ${fpga}, ${mode}: given up at any moment, the next exposure is right`, async () => {
    const bench = await openEmulated(name, { fpgaVersion: [fpga, 0, 0] });
    const { clock, driver, run, close } = bench;
    await run(acquire(bench));
    await arm(bench, mode);
    for (const afterUs of [0, 1, 500, 3 * MS, 20 * MS, 100 * MS, 3 * SECOND]) {
      const enough = new AbortController();
      const given = acquire(bench, enough.signal);
      clock.after(afterUs, () => enough.abort(new RangeError("enough")));
      const begunUs = clock.nowUs();
      await assert.rejects(run(given), /enough/);
      assert.ok(clock.nowUs() - begunUs <= afterUs + 10 * MS, "does not end at once");
      await run(driver.resynchronize(NEVER));
      const sinceUs = clock.nowUs();
      const free = { integrationTimeUs: FREE_US, notBeforeUs: sinceUs, ignoresTrigger: true };
      await run(driver.acquire(free, NEVER));
      const truth = bench.device.truth.newest ?? assert.fail();
      assert.ok(truth.startUs >= sinceUs);
      assert.equal(truth.integrationTimeUs, FREE_US);
    }
    const sinceUs = clock.nowUs();
    const frame = acquire(bench);
    await clock.advance(2 * SECOND);
    await signal(bench, mode);
    assertExposed(bench, await run(frame), mode, sinceUs);
    await close();
  });
}

test("in mode hardware no trigger is eaten: every pulse gives one frame while the light stays the same", async () => {
  const bench = await openEmulated("Flame-S");
  const { clock, driver, device, run, close } = bench;
  await arm(bench, "hardware");
  const notBeforeUs = clock.nowUs();
  for (let pulse = 0; pulse < 5; pulse++) {
    const frame = driver.acquire({ integrationTimeUs: T_US, notBeforeUs }, NEVER);
    await clock.advance(pulse === 0 ? SECOND : 100 * MS);
    const pulseUs = clock.nowUs();
    device.triggerPulse();
    const { exposureStartUs, discardedFrames } = await run(frame);
    assert.equal(discardedFrames, 0);
    assert.ok(Math.abs(exposureStartUs - pulseUs) <= bench.device.model.readoutMaxUs);
  }
  assert.equal(device.truth.exposures.filter(({ settings }) => settings.trigger === "hardware").length, 5);
  await close();
});

test("a wait has its own time-out; afterwards the device exposes as before", async () => {
  const bench = await openEmulated("USB4000");
  const { driver, run, close } = bench;
  const trigger = driver.controls.trigger ?? assert.fail();
  await run(trigger.write?.({ mode: "hardware", timeoutS: 5 }, NEVER) ?? assert.fail());
  await assert.rejects(run(acquire(bench)), {
    code: "DEVICE_TIMEOUT",
    message: "TEST00001: no trigger (hardware) within 5 s",
  });
  await run(driver.resynchronize(NEVER));
  await run(trigger.write?.({ mode: "normal" }, NEVER) ?? assert.fail());
  assert.equal(driver.awaitedTrigger, undefined);
  assert.equal((await run(acquire(bench))).triggerMode, undefined);
  await close();
});

test("a mode that the firmware lacks is refused, with those it has; its number can be given all the same", async () => {
  const { driver, run, close } = await openEmulated("USB4000", { fpgaVersion: [4, 5, 6] });
  const trigger = driver.controls.trigger ?? assert.fail();
  await assert.rejects(run(trigger.write?.({ mode: "synchronization" }, NEVER) ?? assert.fail()), {
    code: "VALUE_OUT_OF_RANGE",
    message: "TEST00001: no trigger mode synchronization, there are normal, software, hardware, level",
  });
  await run(trigger.write?.({ mode: "synchronization", number: 3 }, NEVER) ?? assert.fail());
  assert.equal(driver.awaitedTrigger, "synchronization");
  await close();
});

// Freshness on a device model of its own, over many firmware behaviours: every frame that is kept was exposed for the
// time that was asked, and not before the moment that was given.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { NEVER } from "../../../src/base/abort.ts";
import { SILENT } from "../../../src/base/log.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { decodeFrame } from "../../../src/drivers/oceanoptics/decode.ts";
import { FreeRunning, type KeptFrame } from "../../../src/drivers/oceanoptics/free-running.ts";
import { Link } from "../../../src/drivers/oceanoptics/link.ts";
import type { SpectrometerModel } from "../../../src/drivers/oceanoptics/model.ts";
import { type ModelName, modelNamed } from "../../../src/drivers/oceanoptics/models.ts";
import { Ooi } from "../../../src/drivers/oceanoptics/ooi.ts";
import { CycleDevice, type CycleOptions, windowOf } from "./cycle-device.ts";

interface Bench {
  readonly clock: VirtualClock;
  readonly device: CycleDevice;
  readonly model: SpectrometerModel;
  readonly acquire: (integrationTimeUs: number, agoUs?: number, signal?: AbortSignal) => Promise<Shot>;
  readonly restart: () => Promise<void>;
}

interface Shot extends KeptFrame {
  readonly notBeforeUs: number;
  readonly tookUs: number;
  readonly truth: ReturnType<typeof windowOf>;
}

type Firmware = Partial<Omit<CycleOptions, "clock" | "model">> & { readonly staleDepth?: 0 | 1 | 2 };

function bench(name: ModelName, { staleDepth, ...firmware }: Firmware = {}): Bench {
  const clock = new VirtualClock();
  const row = modelNamed(name);
  const model = { ...row, staleDepth: staleDepth ?? row.staleDepth };
  const usual = {
    readoutUs: row.readoutUs,
    depth: 1,
    waitsForReadout: false,
    latencyUs: 100,
    noticeUs: 0,
    startUs: 100_000,
  } as const;
  const device = new CycleDevice({ clock, model, ...usual, ...firmware });
  const link = new Link({ transport: device, clock, log: SILENT, subject: "TEST1" });
  const ooi = new Ooi(link, model);
  const exposures = new FreeRunning(ooi, firmware.startUs ?? usual.startUs);
  let isOpen = false;
  return {
    clock,
    device,
    model,
    restart: () => clock.run(exposures.restart(undefined, NEVER)),
    acquire: async (integrationTimeUs, agoUs = 0, signal = NEVER) => {
      if (!isOpen) await clock.run(exposures.restart(undefined, NEVER));
      isOpen = true;
      const beganUs = clock.nowUs();
      const notBeforeUs = beganUs - agoUs;
      const kept = await clock.run(exposures.acquire({ integrationTimeUs, notBeforeUs }, signal), 3600e6);
      const truth = windowOf(decodeFrame({ ...model.frame, xor: 0 }, kept.bytes, "TEST1"));
      return { ...kept, notBeforeUs, truth, tookUs: clock.nowUs() - beganUs };
    },
  };
}

function assertFresh(shot: Shot, integrationTimeUs: number, readoutMaxUs: number): void {
  const { truth, notBeforeUs, exposureStartUs, exposureEndUs } = shot;
  assert.equal(truth.us, integrationTimeUs, "exposed for another time");
  assert.ok(truth.startUs >= notBeforeUs, `begun ${notBeforeUs - truth.startUs} us too early`);
  assert.equal(exposureEndUs - exposureStartUs, integrationTimeUs);
  assert.ok(
    Math.abs(exposureStartUs - truth.startUs) <= readoutMaxUs + 1000,
    "window claimed is not the true one",
  );
}

test("the first acquisition after opening waits for the cycle in progress, then is fresh", async () => {
  const { acquire, device, model } = bench("USB2000+", { startUs: 5_000_000 });
  const shot = await acquire(10_000);
  assertFresh(shot, 10_000, model.readoutMaxUs);
  assert.ok(shot.tookUs < 5_200_000, `took ${shot.tookUs} us`);
  device.stop();
});

test("between acquisitions the device idles at its shortest integration time", async () => {
  const { acquire, device, clock } = bench("USB2000+");
  await acquire(50_000);
  assert.equal(device.commands.at(-1), "02e8030000");
  await clock.advance(1_000_000);
  device.stop();
});

for (const waitsForReadout of [false, true]) {
  test(`steady overhead of the common firmware, ${waitsForReadout ? "" : "not "}waiting for the read-out`, async () => {
    const { acquire, device, model } = bench("Flame-S", { waitsForReadout });
    await acquire(100_000);
    for (const us of [10_000, 10_000, 100_000, 20_000, 1_000_000, 10_000]) {
      const shot = await acquire(us);
      assertFresh(shot, us, model.readoutMaxUs);
      const overheadUs = shot.tookUs - us - model.readoutUs;
      assert.ok(
        overheadUs <= 2_500 + 0.05 * us + (waitsForReadout ? model.readoutUs : 0),
        `${us}: +${overheadUs} us`,
      );
    }
    device.stop();
  });
}

for (const noticeUs of [5000, 15_000, 60_000]) {
  test(`a host that notices frames ${noticeUs} us late discards no long exposure`, async () => {
    const { acquire, device } = bench("USB2000+", { noticeUs });
    await acquire(100_000);
    for (const us of [500_000, 500_000, 200_000]) {
      const { tookUs, truth } = await acquire(us);
      assert.equal(truth.us, us);
      assert.ok(tookUs < us + 10 * noticeUs, `${us}: ${tookUs} us`);
    }
    device.stop();
  });
}

// The margin that such a host learns is 280 ms: longer than one of these exposures, shorter than the other.
for (const us of [150_000, 400_000]) {
  test(`a host that was busy when it opened the device costs no exposure of ${us} us later`, async () => {
    // The request comes so late that the cycle in progress has the new setting already.
    const { acquire, device, model } = bench("Flame-S", { noticeUs: 140_000, latencyUs: 2000 });
    await acquire(100_000);
    device.noticeUs = 0;
    for (let shots = 0; shots < 3; shots++) await acquire(us);
    for (let shots = 0; shots < 3; shots++) {
      const shot = await acquire(us);
      assertFresh(shot, us, model.readoutMaxUs);
      assert.ok(shot.tookUs < us + 20_000, `${shot.tookUs} us`);
    }
    device.stop();
  });
}

test("a host that stays busy is measured ever more rarely", async () => {
  const { acquire, device } = bench("Flame-S", { noticeUs: 140_000 });
  for (let shots = 0; shots < 4; shots++) await acquire(150_000);
  const before = device.commands.length;
  for (let shots = 0; shots < 60; shots++) await acquire(150_000);
  // Two frames are asked for each exposure; a measurement takes six more, and is due twice in these sixty.
  const asked = device.commands.slice(before).filter((command) => command.startsWith("09")).length;
  assert.ok(asked <= 60 * 2 + 2 * 6, `${asked} frames`);
  device.stop();
});

test("an unchanged setting needs no discard when the cycle in progress is fresh", async () => {
  const { acquire, device } = bench("USB2000+");
  await acquire(1000);
  const shot = await acquire(1000, 100_000);
  assert.equal(shot.discardedFrames, 0);
  device.stop();
});

test("a boundary between setting and request does not cost a whole exposure", async () => {
  // The clockwork runs at 1 ms; starting 200 us before a boundary puts the boundary between 02 (100 us) and 09.
  for (let offsetUs = 0; offsetUs < 3000; offsetUs += 100) {
    const { acquire, device, clock, model } = bench("USB2000+");
    await acquire(100_000);
    await clock.advance(10_000 + offsetUs);
    const shot = await acquire(500_000);
    assertFresh(shot, 500_000, model.readoutMaxUs);
    assert.ok(shot.tookUs < 505_000, `${offsetUs}: ${shot.tookUs} us`);
    device.stop();
  }
});

test("firmware that restarts its cycle at once is noticed, and its frames stay right", async () => {
  const { acquire, device, model } = bench("USB2000+", { depth: 0 });
  for (const us of [100_000, 100_000, 50_000, 20_000, 200_000, 30_000, 100_000]) {
    assertFresh(await acquire(us), us, model.readoutMaxUs);
  }
  device.commands.length = 0;
  await acquire(100_000);
  assert.equal(device.commands.at(-1), "02e8030000");
  const idleWrites = device.commands.filter((command) => command === "02e8030000").length;
  assert.equal(idleWrites, 1, "the early return to idle is tried");
  device.stop();
});

test("a device that ignores the integration time is an error, not a wrong spectrum", async () => {
  const { acquire, device, clock } = bench("USB2000+");
  await acquire(100_000);
  await clock.advance(500_000);
  device.ignoresIntegrationTime = true;
  await assert.rejects(acquire(50_000), {
    code: "DEVICE_PROTOCOL",
    message: "TEST1: 4 frames in a row were stale or not exposed for 50000 us",
  });
  device.stop();
});

test("a silent device ends at the computed deadline", async () => {
  const { acquire, device, clock } = bench("USB2000+");
  await acquire(100_000);
  device.stop();
  const beganUs = clock.nowUs();
  await assert.rejects(acquire(1_000_000), {
    code: "DEVICE_TIMEOUT",
    message: /^TEST1: no spectrum within 1504 ms$/,
  });
  assert.equal(clock.nowUs() - beganUs, 1_504_000);
  assert.equal(clock.pending, 0);
});

test("an abort ends the exposure at once, and the next frame is not the lost one", async () => {
  const { acquire, restart, device, clock, model } = bench("USB2000+");
  await acquire(100_000);
  const controller = new AbortController();
  clock.after(300_000, () => controller.abort(new RangeError("enough")));
  const beganUs = clock.nowUs();
  await assert.rejects(acquire(2_000_000, 0, controller.signal), /enough/);
  assert.ok(clock.nowUs() - beganUs < 301_000);
  await restart();
  assertFresh(await acquire(10_000), 10_000, model.readoutMaxUs);
  device.stop();
});

// Times from 1 ms to 3 s, dense where they are hard to tell from the idle time.
const times = fc.oneof(fc.integer({ min: 1000, max: 12_000 }), fc.integer({ min: 12_000, max: 3_000_000 }));
const schedule = fc.array(
  fc.record({
    us: times,
    agoUs: fc.oneof(fc.constant(0), fc.nat(200_000)),
    pauseUs: fc.oneof(fc.constant(0), fc.nat(50_000)),
  }),
  { minLength: 1, maxLength: 8 },
);
const firmware = fc.record({
  readoutUs: fc.integer({ min: 500, max: 3000 }),
  depth: fc.constantFrom<0 | 1 | 2>(0, 1, 2),
  waitsForReadout: fc.boolean(),
  latencyUs: fc.integer({ min: 0, max: 400 }),
  startUs: fc.constantFrom(1000, 20_000, 700_000),
});

test("random schedules on random firmware: every kept frame is fresh and whole", async () => {
  await fc.assert(
    fc.asyncProperty(firmware, schedule, async (behaviour, steps) => {
      const staleDepth = behaviour.depth === 2 ? 2 : 1;
      const { acquire, device, clock, model } = bench("USB2000+", { ...behaviour, staleDepth });
      try {
        for (const { us, agoUs, pauseUs } of steps) {
          const shot = await acquire(us, agoUs);
          assertFresh(shot, us, model.readoutMaxUs);
          await clock.advance(pauseUs);
        }
      } finally {
        device.stop();
      }
    }),
    { numRuns: 150, includeErrorInReport: true, endOnFailure: true },
  );
});

test("a device that is staler than its row says is found out by time", async () => {
  const clear = fc.array(fc.integer({ min: 15_000, max: 500_000 }), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(clear, fc.boolean(), async (steps, waitsForReadout) => {
      const { acquire, device, model } = bench("USB2000+", { depth: 2, staleDepth: 1, waitsForReadout });
      try {
        for (const us of steps) assertFresh(await acquire(us), us, model.readoutMaxUs);
      } finally {
        device.stop();
      }
    }),
    { numRuns: 40, includeErrorInReport: true, endOnFailure: true },
  );
});

test("the 4K family: both pipes, cycles no shorter than the read-out", async () => {
  const { acquire, device, model } = bench("USB4000", { startUs: 100_000 });
  for (const us of [100_000, 10_000, 10, 5000, 250_000, 12_340]) {
    assertFresh(await acquire(us), us, model.readoutMaxUs);
  }
  device.stop();
});

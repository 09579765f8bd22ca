// The record of settings, and what the truth of a frame says of them.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MS } from "../../../src/base/clock.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { Settings } from "../../../src/emulator/device/settings.ts";
import { type FarEndRig, farEnd } from "./far-end.ts";

test("settings are known for every moment; setting the same again is no change", async () => {
  const clock = new VirtualClock();
  const settings = new Settings(clock);
  await clock.advance(10);
  settings.change({ isLampOn: true });
  settings.change({ isLampOn: true });
  await clock.advance(10);
  settings.change({ isLampOn: false, isShutterOpen: false });
  assert.equal(settings.newest.version, 2);
  assert.deepEqual(
    [9, 10, 19, 20].map((us) => settings.at(us).values.isLampOn),
    [false, true, true, false],
  );
  assert.equal(settings.before(10).version, 0);
  assert.deepEqual(
    settings.spans(5, 25).map(({ fromUs, toUs, values }) => [fromUs, toUs, values.isLampOn]),
    [
      [5, 10, false],
      [10, 20, true],
      [20, 25, false],
    ],
  );
});

test("old changes are forgotten, the newest settings never", async () => {
  const clock = new VirtualClock();
  const settings = new Settings(clock);
  for (let n = 1; n <= 5000; n++) settings.change({ acquisitionDelayUs: n });
  assert.equal(settings.values.acquisitionDelayUs, 5000);
  assert.equal(settings.newest.version, 5000);
  assert.equal(settings.spans(0, 1).length, 1);
});

test("the truth of a frame: settings it began with, since when they held, whether one changed on the way", async () => {
  const rig = farEnd("USB2000+");
  rig.send("02 20 4e 00 00"); // 20 ms
  await rig.clock.advance(100 * MS);
  rig.send("09");
  await rig.clock.advance(10 * MS);
  rig.send("03 01 00");
  await rig.clock.advance(15 * MS);
  const mixed = rig.device.truth.newest;
  assert.deepEqual([mixed?.isSteady, mixed?.settings.isLampOn], [false, false]);
  rig.send("09");
  await rig.clock.advance(50 * MS);
  const fresh = rig.device.truth.newest;
  assert.deepEqual([fresh?.isSteady, fresh?.settings.isLampOn, fresh?.settledUs], [true, true, 110 * MS]);
  assert.ok((fresh?.startUs ?? 0) >= 110 * MS);
});

const toggles = fc.array(fc.record({ waitUs: fc.integer({ min: 1, max: 30 * MS }), isOn: fc.boolean() }), {
  minLength: 1,
  maxLength: 12,
});

test("property: the light of a frame is that of the lamp while it was on within the true exposure", async () => {
  await fc.assert(
    fc.asyncProperty(toggles, async (steps) => {
      const rig = farEnd("USB2000+");
      rig.scene.aperture("downwelling").move(false, 0, 0);
      rig.send("02 40 9c 00 00"); // 40 ms
      await rig.clock.advance(200 * MS);
      const dark = await brightness(rig);
      const switched: { readonly atUs: number; readonly isOn: boolean }[] = [];
      rig.send("09");
      for (const { waitUs, isOn } of steps) {
        await rig.clock.advance(waitUs);
        rig.send(isOn ? "03 01 00" : "03 00 00");
        switched.push({ atUs: rig.clock.nowUs(), isOn });
      }
      await rig.clock.advance(100 * MS);
      const { startUs = 0, endUs = 0 } = rig.device.truth.newest ?? {};
      let onUs = 0;
      for (let us = startUs; us < endUs; us += 100) {
        if (switched.findLast(({ atUs }) => atUs <= us)?.isOn ?? false) onUs += 100;
      }
      const light = meanOf(Buffer.concat(rig.packets(0x82))) - dark;
      const perUs = rig.device.detector.lampCountsPerSecond.subarray(1000, 1500).reduce(sum, 0) / 500 / 1e6;
      assert.ok(Math.abs(light / perUs - onUs) < 0.03 * onUs + 1500, `${light / perUs} us, not ${onUs}`);
    }),
    { numRuns: 30 },
  );
});

async function brightness(rig: FarEndRig): Promise<number> {
  rig.send("09");
  await rig.clock.advance(200 * MS);
  return meanOf(Buffer.concat(rig.packets(0x82)));
}

function meanOf(bytes: Buffer): number {
  const counts = Array.from({ length: 500 }, (_, index) => bytes.readUInt16LE(2 * (1000 + index)));
  return counts.reduce(sum, 0) / 500;
}

function sum(a: number, b: number): number {
  return a + b;
}

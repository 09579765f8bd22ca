// Pins and the shutters that hang on them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { MS } from "../../../src/base/clock.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { EmulatedGpioBank } from "../../../src/emulator/gpio/bank.ts";
import {
  EmulatedShutterMechanism,
  type ShutterWiring,
} from "../../../src/emulator/gpio/shutter-mechanism.ts";
import { Aperture } from "../../../src/emulator/light/aperture.ts";

const LATCHING: ShutterWiring = { kind: "latching", openPin: 18, closePin: 17 };
const MECHANICS = { shortestPulseUs: 5 * MS, travelUs: 8 * MS };

interface Rig {
  readonly clock: VirtualClock;
  readonly bank: EmulatedGpioBank;
  readonly aperture: Aperture;
  readonly shutter: EmulatedShutterMechanism;
}

function rig(wiring: ShutterWiring, isOpen = false): Rig {
  const clock = new VirtualClock();
  const bank = new EmulatedGpioBank(clock);
  const aperture = new Aperture(isOpen);
  const shutter = new EmulatedShutterMechanism({ clock, bank, aperture, wiring, mechanics: MECHANICS });
  return { clock, bank, aperture, shutter };
}

test("lines: levels, history and listeners", async () => {
  const { clock, bank } = rig(LATCHING);
  const seen: number[] = [];
  const unwatch = bank.watch(({ level }) => seen.push(level));
  const line = await bank.output(4, 0);
  line.write(1);
  line.write(1);
  await clock.advance(7);
  line.write(0);
  unwatch();
  line.write(1);
  assert.deepEqual(seen, [1, 0]);
  assert.equal(line.read(), 1);
  assert.deepEqual(bank.history.slice(0, 2), [
    { pin: 4, level: 1, atUs: 0 },
    { pin: 4, level: 0, atUs: 7 },
  ]);
});

test("lines: taken once, only those that exist, dead after close", async () => {
  const { bank } = rig(LATCHING);
  const line = await bank.output(5, 1);
  await assert.rejects(bank.output(5, 0), { code: "DEVICE_BUSY" });
  await assert.rejects(bank.output(28, 0), { code: "RESOURCE_NOT_FOUND" });
  await assert.rejects(bank.output(1.5, 0), { code: "RESOURCE_NOT_FOUND" });
  line.close();
  assert.throws(() => line.write(0), { code: "DEVICE_FAULT" });
  assert.equal(bank.level(5), 1, "the level stays");
  assert.equal((await bank.output(5, 1)).read(), 1);
});

test("latching: a pulse on the open pin opens after pulse and travel, on the close pin it closes", async () => {
  const { clock, bank, shutter, aperture } = rig(LATCHING);
  const open = await bank.output(18, 0);
  const close = await bank.output(17, 0);
  open.write(1);
  await clock.advance(30 * MS);
  open.write(0);
  assert.equal(shutter.openness, 1);
  assert.equal(aperture.opennessAt(5 * MS), 0);
  assert.equal(aperture.opennessAt(9 * MS), 0.5);
  assert.equal(aperture.opennessAt(13 * MS), 1);
  close.write(1);
  await clock.advance(30 * MS);
  close.write(0);
  assert.equal(shutter.openness, 0);
  assert.equal(aperture.openUs(0, 60 * MS), 30 * MS, "moves take equally long");
  assert.equal(clock.pending, 0);
});

test("latching: too short a pulse does nothing, one of just the shortest length works", async () => {
  const { clock, bank, shutter } = rig(LATCHING);
  const open = await bank.output(18, 0);
  open.write(1);
  await clock.advance(5 * MS - 1);
  open.write(0);
  await clock.advance(100 * MS);
  assert.equal(shutter.openness, 0);
  open.write(1);
  await clock.advance(5 * MS);
  open.write(0);
  await clock.advance(100 * MS);
  assert.equal(shutter.openness, 1);
});

test("latching: other pins do not move it", async () => {
  const { clock, bank, shutter } = rig(LATCHING);
  (await bank.output(22, 0)).write(1);
  await clock.advance(100 * MS);
  assert.equal(shutter.openness, 0);
});

test("one pin: open while the level is there, of either polarity, from the start on", async () => {
  for (const activeHigh of [true, false]) {
    const { clock, bank, shutter } = rig({ kind: "level", pin: 23, activeHigh });
    await clock.advance(20 * MS);
    assert.equal(shutter.openness, activeHigh ? 0 : 1);
    const line = await bank.output(23, 0);
    line.write(1);
    await clock.advance(4 * MS);
    assert.equal(shutter.openness, 0.5);
    await clock.advance(4 * MS);
    assert.equal(shutter.openness, activeHigh ? 1 : 0);
  }
});

test("a mechanism that is closed down follows no pin", async () => {
  const { clock, bank, shutter } = rig(LATCHING);
  const open = await bank.output(18, 0);
  open.write(1);
  shutter.close();
  assert.equal(clock.pending, 0);
  await clock.advance(100 * MS);
  assert.equal(shutter.openness, 0);
});

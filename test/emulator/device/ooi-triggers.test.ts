// Triggers of OOI devices: which number means what in which firmware, and what the trigger line does in each mode.

import assert from "node:assert/strict";
import { test } from "node:test";
import { MS } from "../../../src/base/clock.ts";
import type { ModelName } from "../../../src/drivers/oceanoptics/models.ts";
import { type FarEndRig, farEnd } from "./far-end.ts";

type Numbers = Readonly<Record<number, string>>;

const OLD: Numbers = { 0: "normal", 1: "software", 2: "synchronization", 3: "hardware" };
/** Vendor's answers to users: what each number does, by model and FPGA major version. Others are ignored. */
const TABLE: readonly { models: readonly ModelName[]; fpga: number; modes: Numbers }[] = [
  { models: ["USB2000+", "HR2000+", "USB4000", "HR4000"], fpga: 1, modes: OLD },
  {
    models: ["Flame-S", "USB2000+", "HR2000+"],
    fpga: 3,
    modes: { 0: "normal", 1: "software", 2: "level", 3: "synchronization", 4: "hardware" },
  },
  {
    models: ["USB4000", "HR4000"],
    fpga: 3,
    modes: { 0: "normal", 1: "software", 2: "level", 4: "hardware" },
  },
  {
    models: ["Maya2000 Pro", "MayaLSL", "QE65000"],
    fpga: 1,
    modes: { 0: "normal", 1: "level", 2: "synchronization", 3: "hardware" },
  },
  { models: ["NIRQuest512", "NIRQuest256"], fpga: 1, modes: { 0: "normal", 3: "hardware" } },
  { models: ["USB2000", "HR2000", "Torus"], fpga: 1, modes: { 0: "normal", 1: "software", 3: "hardware" } },
];

for (const { models, fpga, modes } of TABLE) {
  for (const model of models) {
    test(`${model}, FPGA ${fpga}: trigger numbers ${Object.keys(modes).join(", ")}; others are ignored`, () => {
      const rig = farEnd(model, { firmware: { fpgaVersion: [fpga, 0, 0] } });
      for (let number = 0; number <= 5; number++) {
        const before = rig.device.settings.values.trigger;
        rig.send(Uint8Array.of(0x0a, number, 0));
        assert.equal(rig.device.settings.values.trigger, modes[number] ?? before, `number ${number}`);
      }
      rig.send("01");
      assert.equal(rig.device.settings.values.trigger, "normal");
    });
  }
}

test("0A takes 16 bits: 0x0100 is no mode", () => {
  const rig = farEnd("USB2000+");
  rig.send("0a 00 01");
  rig.send("fe");
  assert.equal(rig.hex(0x81).slice(14, 16), "00");
});

/** A Flame-S (FPGA 3) with 20 ms in a mode, a request pending. */
function armed(number: number): FarEndRig {
  const rig = farEnd("Flame-S");
  rig.send("02 20 4e 00 00");
  rig.send(Uint8Array.of(0x0a, number, 0));
  rig.send("09");
  return rig;
}

function windows(rig: FarEndRig): number[][] {
  return rig.device.truth.exposures.map(({ startUs, endUs }) => [startUs / MS, endUs / MS]);
}

for (const [mode, number] of [
  ["software", 1],
  ["level", 2],
] as const) {
  test(`${mode}: nothing while the line is low, back to back while it is high, the last cycle is finished`, async () => {
    const rig = armed(number);
    await rig.clock.advance(1000 * MS);
    assert.deepEqual(windows(rig), []);
    rig.device.triggerLine(true);
    await rig.clock.advance(30 * MS);
    rig.send("09");
    await rig.clock.advance(20 * MS);
    rig.device.triggerLine(false);
    rig.send("09");
    await rig.clock.advance(1000 * MS);
    assert.deepEqual(windows(rig), [
      [1000, 1020],
      [1020, 1040],
      [1040, 1060],
    ]);
    rig.send("09");
    await rig.clock.advance(1000 * MS);
    assert.equal(windows(rig).length, 3, "the line is low again");
    assert.equal(rig.clock.pending, 0);
  });
}

test("synchronization: each rising edge ends an exposure and begins the next; the set time does not matter", async () => {
  const rig = armed(3);
  rig.device.triggerLine(true);
  await rig.clock.advance(35 * MS);
  rig.device.triggerLine(false);
  await rig.clock.advance(35 * MS);
  rig.device.triggerLine(true);
  rig.send("09");
  rig.device.triggerLine(false);
  await rig.clock.advance(10 * MS);
  rig.device.triggerPulse();
  await rig.clock.advance(10 * MS);
  assert.deepEqual(windows(rig), [
    [0, 70],
    [70, 80],
  ]);
  assert.equal(rig.device.truth.newest?.settings.trigger, "synchronization");
});

test("hardware: a rising edge starts one exposure however long the pulse; edges during it are lost", async () => {
  const rig = armed(4);
  rig.send("09");
  await rig.clock.advance(100 * MS);
  rig.device.triggerLine(true);
  await rig.clock.advance(5 * MS);
  rig.device.triggerLine(false);
  rig.device.triggerPulse();
  await rig.clock.advance(200 * MS);
  assert.deepEqual(windows(rig), [[100, 120]]);
  rig.device.triggerLine(true);
  await rig.clock.advance(200 * MS);
  assert.deepEqual(windows(rig), [
    [100, 120],
    [305, 325],
  ]);
});

test("01 during an exposure that an edge began: no frame comes of it, the next request is served", async () => {
  const rig = armed(4);
  rig.send("02 00 e1 f5 05"); // 100 s
  rig.device.triggerPulse();
  await rig.clock.advance(1000 * MS);
  rig.send("01");
  rig.send("02 20 4e 00 00");
  await rig.clock.advance(200_000 * MS);
  assert.deepEqual(windows(rig), []);
  rig.send("09");
  await rig.clock.advance(100 * MS);
  assert.equal(windows(rig).length, 1);
});

test("the trigger line does nothing in normal mode", async () => {
  const rig = armed(0);
  rig.device.triggerPulse();
  await rig.clock.advance(500 * MS);
  assert.deepEqual(windows(rig), [[0, 100]]);
});

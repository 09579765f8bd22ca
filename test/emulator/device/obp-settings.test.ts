// Settings of OBP devices that can be set and read: message types, widths, values at power-up and limits.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ModelName } from "../../../src/drivers/oceanoptics/models.ts";
import { farEnd } from "./far-end.ts";
import { f32, get, set, u16, u32 } from "./obp-talk.ts";

interface Setting {
  readonly model: ModelName;
  readonly what: string;
  readonly get: number;
  readonly set: number;
  readonly first: string;
  readonly good: readonly string[];
  /** Refused with 6. */
  readonly bad: readonly string[];
  /** A model that knows neither message. */
  readonly unlike: ModelName;
}

const SETTINGS: readonly Setting[] = [
  {
    model: "STS",
    what: "integration time",
    get: 0x110000,
    set: 0x110010,
    first: u32(100_000),
    good: [u32(10), u32(85_000_000)],
    bad: [u32(9), u32(85_000_001)],
    unlike: "ST",
  },
  {
    model: "STS",
    what: "trigger mode",
    get: 0x110100,
    set: 0x110110,
    first: "00",
    good: ["01", "02", "00"],
    bad: ["03", "ff"],
    unlike: "ST",
  },
  {
    model: "Ocean FX",
    what: "trigger mode",
    get: 0x110100,
    set: 0x110110,
    first: "00",
    good: ["ff", "00"],
    bad: ["04"],
    unlike: "ST",
  },
  {
    model: "STS",
    what: "lamp",
    get: 0x110400,
    set: 0x110410,
    first: "00",
    good: ["01", "00"],
    bad: ["02"],
    unlike: "Spark",
  },
  {
    model: "STS",
    what: "acquisition delay",
    get: 0x110500,
    set: 0x110510,
    first: u32(0),
    good: [u32(335_500), u32(7)],
    bad: [u32(335_501)],
    unlike: "QE Pro",
  },
  {
    model: "STS",
    what: "binning",
    get: 0x110280,
    set: 0x110290,
    first: "00",
    good: ["01", "03"],
    bad: ["04"],
    unlike: "Spark",
  },
  {
    model: "STS",
    what: "default binning",
    get: 0x110285,
    set: 0x110295,
    first: "00",
    good: ["02"],
    bad: ["04"],
    unlike: "Spark",
  },
  {
    model: "STS",
    what: "scans to average",
    get: 0x120000,
    set: 0x120010,
    first: u16(1),
    good: [u16(7), u16(5000)],
    bad: [u16(0), u16(5001)],
    unlike: "QE Pro",
  },
  {
    model: "Spark",
    what: "boxcar",
    get: 0x121000,
    set: 0x121010,
    first: "00",
    good: ["05", "0f"],
    bad: ["10"],
    unlike: "QE Pro",
  },
  {
    model: "STS",
    what: "single strobe delay",
    get: 0x300000,
    set: 0x300010,
    first: u32(0),
    good: [u32(50)],
    bad: [u32(5_000_001)],
    unlike: "HDX",
  },
  {
    model: "STS",
    what: "single strobe width",
    get: 0x300001,
    set: 0x300011,
    first: u32(1000),
    good: [u32(50)],
    bad: [u32(5_000_001)],
    unlike: "HDX",
  },
  {
    model: "STS",
    what: "single strobe",
    get: 0x300002,
    set: 0x300012,
    first: "00",
    good: ["01"],
    bad: ["02"],
    unlike: "HDX",
  },
  {
    model: "Spark",
    what: "strobe period",
    get: 0x310000,
    set: 0x310010,
    first: u32(100_000),
    good: [u32(50), u32(5_000_000)],
    bad: [u32(49), u32(5_000_001)],
    unlike: "HDX",
  },
  {
    model: "Spark",
    what: "strobe",
    get: 0x310004,
    set: 0x310011,
    first: "00",
    good: ["01"],
    bad: ["02"],
    unlike: "HDX",
  },
  {
    model: "QE Pro",
    what: "cooler",
    get: 0x420000,
    set: 0x420010,
    first: "01",
    good: ["00", "01"],
    bad: ["02"],
    unlike: "STS",
  },
  {
    model: "QE Pro",
    what: "set point",
    get: 0x420001,
    set: 0x420011,
    first: f32(-10),
    good: [f32(-15.5)],
    bad: [f32(Number.NaN), f32(Number.POSITIVE_INFINITY)],
    unlike: "STS",
  },
  {
    model: "QE Pro",
    what: "fan",
    get: 0x420002,
    set: 0x420012,
    first: "01",
    good: ["00"],
    bad: ["02"],
    unlike: "STS",
  },
  {
    model: "QE Pro",
    what: "buffering",
    get: 0x100800,
    set: 0x100810,
    first: "01",
    good: ["00", "01"],
    bad: ["02"],
    unlike: "STS",
  },
  {
    model: "QE Pro",
    what: "buffer size",
    get: 0x100822,
    set: 0x100832,
    first: u32(1024),
    good: [u32(1), u32(1024)],
    bad: [u32(0), u32(1025)],
    unlike: "STS",
  },
  {
    model: "Ocean FX",
    what: "back-to-back count",
    get: 0x110102,
    set: 0x110112,
    first: u32(1),
    good: [u32(50_000)],
    bad: [u32(0), u32(50_001)],
    unlike: "STS",
  },
];

for (const { model, what, get: ask, set: tell, first, good, bad, unlike } of SETTINGS) {
  test(`${model}: ${what} is set and read back; 5 for a wrong length, 6 for a bad value`, () => {
    const rig = farEnd(model);
    assert.equal(get(rig, ask), first);
    for (const value of good) {
      assert.equal(set(rig, tell, value), 0, value);
      assert.equal(get(rig, ask), value);
    }
    for (const value of bad) assert.equal(set(rig, tell, value), 6, value);
    assert.equal(set(rig, tell, `${first}00`), 5);
    assert.equal(get(rig, ask), good.at(-1), "refused commands change nothing");
    const other = farEnd(unlike);
    assert.equal(get(other, ask), "error 2", unlike);
    assert.equal(set(other, tell, first), 2, unlike);
  });
}

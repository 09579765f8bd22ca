// python-seabreeze as outside oracle: its pyseabreeze back end and our driver read the same emulated spectrometers, one of
// each layout of spectrum, over the guest's libusb. The detectors have no noise and the lamp is steady, so that equal
// exposures give equal counts.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { MS } from "../../src/base/clock.ts";
import type { ModelName } from "../../src/drivers/oceanoptics/models.ts";
import { compare, type Difference, DIFFERENCES } from "./rig/comparison.ts";
import { hasSeabreeze, type OurReading, readByThem, readByUs, type TheirReading } from "./rig/readings.ts";
import { Rig } from "./rig/rig.ts";

const INTEGRATION_TIME_US = 20 * MS;

interface Compared {
  readonly model: ModelName;
  readonly serial: string;
  readonly differences?: readonly Difference[];
  /** Corrections that python-seabreeze offers for the model and makes rightly. Default: dark. */
  readonly corrections?: readonly string[];
}

const COMPARED: readonly Compared[] = [
  { model: "USB2000", serial: "USB2G0001" },
  {
    model: "Flame-S",
    serial: "FLMS01859",
    corrections: ["dark", "nonlinearity", "dark and nonlinearity"],
  },
  { model: "HR2000+", serial: "HR2P0001" },
  { model: "USB4000", serial: "USB4C0001", differences: ["filler"] },
  { model: "HR4000", serial: "HR4C0001", differences: ["filler", "other-dark-pixels"] },
  { model: "QE65000", serial: "QEB0001", differences: ["filler"] },
  { model: "NIRQuest512", serial: "NQ5200001", differences: ["dark-of-nothing"], corrections: [] },
  { model: "Maya2000 Pro", serial: "MAY10001", differences: ["filler"] },
  { model: "Jaz", serial: "JAZA0001" },
  { model: "STS", serial: "S00001", corrections: [] },
  { model: "QE Pro", serial: "QEP00709" },
  { model: "HR6", serial: "HR600001", corrections: [] },
  { model: "ST", serial: "ST00001", differences: ["half-pixels"], corrections: [] },
];

const HDX = { model: "HDX", serial: "HDX00001" } as const;

// Where its wheel cannot be installed there is no oracle; scripts/setup-rig.mjs has said why.
const skip = hasSeabreeze() ? false : "python-seabreeze is not installed";

let rig: Rig | undefined;
let theirs: Awaited<ReturnType<typeof readByThem>>;
let ours: readonly OurReading[];
before(async () => {
  if (skip !== false) return;
  const scene = { source: "hg-ar", channels: { fibre: "sky" } } as const;
  rig = await Rig.boot("seabreeze", {
    spectrometers: [...COMPARED, HDX].map(({ model, serial }) => ({ model, serial, scene, isSteady: true })),
  });
  theirs = await readByThem(rig.machine, INTEGRATION_TIME_US);
  ours = await readByUs(rig.machine, INTEGRATION_TIME_US);
});
after(() => rig?.end());

for (const { model, serial, differences = [], corrections = ["dark"] } of COMPARED) {
  test(`${model}: python-seabreeze and our driver agree`, { skip }, (context) => {
    const comparison = compare(theirReadingOf(serial), ourReadingOf(serial));
    context.diagnostic(comparison.summary);
    context.diagnostic(`corrections that agree: ${comparison.corrections.join(", ") || "none"}`);
    for (const name of comparison.differences) context.diagnostic(`${name}: ${DIFFERENCES[name]}`);
    assert.deepEqual(comparison.differences, differences);
    assert.deepEqual(comparison.corrections, corrections);
  });
}

test("HDX: python-seabreeze reads 64 bytes of its packets of 512 and fails, our driver reads it", {
  skip,
}, () => {
  const found = theirs.find(({ serial }) => serial === HDX.serial);
  assert.ok(found !== undefined && "failed" in found);
  assert.match(found.failed, /overflow/i);
  assert.equal(ourReadingOf(HDX.serial).counts.length, ourReadingOf(HDX.serial).pixels);
});

function theirReadingOf(serial: string): TheirReading {
  const found = theirs.find((one) => one.serial === serial);
  assert.ok(found !== undefined, `python-seabreeze does not find ${serial}`);
  assert.ok(!("failed" in found), `python-seabreeze cannot use ${serial}`);
  return found;
}

function ourReadingOf(serial: string): OurReading {
  return ours.find((one) => one.serial === serial) ?? assert.fail(`our driver does not find ${serial}`);
}

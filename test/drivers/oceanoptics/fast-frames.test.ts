// Frames of the fast buffer from bytes written after the reference's table (3.5), and everything that can be wrong with them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FastFrames } from "../../../src/drivers/oceanoptics/fast-frames.ts";
import { modelNamed } from "../../../src/drivers/oceanoptics/models.ts";

const model = modelNamed("Ocean FX");
const PIXELS = 2136;
const T_US = 1000;

interface Facts {
  readonly count: number;
  readonly counterUs: number;
  readonly integrationTimeUs?: number;
  readonly pixelBytes?: number;
  readonly metadataBytes?: number;
}

function frame({
  count,
  counterUs,
  integrationTimeUs = T_US,
  pixelBytes = 4272,
  metadataBytes = 64,
}: Facts): Buffer {
  const bytes = Buffer.alloc(64 + 2 * PIXELS + 4);
  bytes.writeUInt16LE(1, 0);
  bytes.writeUInt16LE(metadataBytes, 2);
  bytes.writeUInt32LE(pixelBytes, 4);
  bytes.writeBigUInt64LE(BigInt(counterUs), 8);
  bytes.writeUInt32LE(integrationTimeUs, 16);
  bytes.writeUInt32LE(1, 20);
  bytes.writeUInt32LE(count, 24);
  for (let pixel = 0; pixel < PIXELS; pixel++) bytes.writeUInt16LE((count % 1000) + pixel, 64 + 2 * pixel);
  return bytes;
}

function asked(): FastFrames {
  const frames = new FastFrames({ model, subject: "FX00123", integrationTimeUs: T_US });
  frames.begin(5_000_000);
  frames.begin(6_000_000);
  return frames;
}

const FIRST = { count: 7, counterUs: 900_000 };
const SECOND = { count: 8, counterUs: 901_250 };
const LATE_US = 5_100_000;

test("counts, and windows by the device's microseconds from the first request on", () => {
  const frames = asked();
  const taken = [
    ...frames.of(Buffer.concat([frame(FIRST), frame(SECOND)]), 15, LATE_US),
    ...frames.of(frame({ count: 9, counterUs: 902_500 }), 15, LATE_US),
  ];
  assert.equal(frames.taken, 3);
  assert.deepEqual(
    taken.map((one) => [one.exposureStartUs, one.exposureEndUs, one.freshness, one.counts.length]),
    [
      [5_000_000, 5_001_000, "metadata", PIXELS],
      [5_001_250, 5_002_250, "metadata", PIXELS],
      [5_002_500, 5_003_500, "metadata", PIXELS],
    ],
  );
  assert.deepEqual([...(taken[1]?.counts.subarray(0, 3) ?? [])], [8, 9, 10]);
  assert.equal(taken[2]?.counts[2135], 9 + 2135);
});

test("the number of a scan goes round at 2^32", () => {
  const frames = asked();
  const last = frame({ count: 2 ** 32 - 1, counterUs: 0 });
  const first = frame({ count: 0, counterUs: 2000 });
  assert.equal([...frames.of(Buffer.concat([last, first]), 2, LATE_US)].length, 2);
});

test("no window ends after the frame has come", () => {
  const late = frame({ count: 8, counterUs: 9_900_000 });
  const [, second] = [...asked().of(Buffer.concat([frame(FIRST), late]), 2, 5_003_000)];
  assert.equal(second?.exposureEndUs, 5_003_000);
});

const WRONG: readonly (readonly [string, readonly Buffer[], number, RegExp])[] = [
  [
    "a gap",
    [frame(FIRST), frame({ ...SECOND, count: 9 })],
    LATE_US,
    /^FX00123: buffered spectrum 9 follows 7$/,
  ],
  ["a repetition", [frame(FIRST), frame(FIRST)], LATE_US, /buffered spectrum 7 follows 7$/],
  [
    "another time",
    [frame({ ...FIRST, integrationTimeUs: 999 })],
    LATE_US,
    /exposed for 999 us instead of 1000$/,
  ],
  [
    "half a frame",
    [frame(FIRST).subarray(0, 2170)],
    LATE_US,
    /2170 bytes for 2 buffered spectra of 4340 bytes$/,
  ],
  ["more than wanted", [frame(FIRST), frame(SECOND), frame(SECOND)], LATE_US, /13020 bytes for 2 /],
  ["other pixels", [frame({ ...FIRST, pixelBytes: 4096 })], LATE_US, /of 64 \+ 4096 bytes, not 64 \+ 4272$/],
  ["other metadata", [frame({ ...FIRST, metadataBytes: 32 })], LATE_US, /of 32 \+ 4272 bytes/],
  [
    "from before",
    [frame(FIRST), frame(SECOND)],
    5_001_800,
    /2 buffered spectra came before 2000 us, the time of their exposures$/,
  ],
];

for (const [name, answer, arrivalUs, message] of WRONG) {
  test(`refused: ${name}`, () => {
    const take = (): unknown => [...asked().of(Buffer.concat(answer), 2, arrivalUs)];
    assert.throws(take, { code: "DEVICE_PROTOCOL", message });
  });
}

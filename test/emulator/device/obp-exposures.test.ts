// What the settings of an OBP device do to its exposures: averaging, smoothing, binning, lamp, strobes, shutter, delay,
// triggers and the buffers.

import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { MS, SECOND } from "../../../src/base/clock.ts";
import type { ModelName } from "../../../src/drivers/oceanoptics/models.ts";
import { type FarEndRig, farEnd } from "./far-end.ts";
import { ask, dataOf, get, hexOf, message, set } from "./obp-talk.ts";

const RAW_NOW = 0x0010_1100;
const CORRECTED_NOW = 0x0010_1000;

function inTheDark(model: ModelName): FarEndRig {
  const rig = farEnd(model);
  rig.scene.aperture("downwelling").move(false, 0, 0);
  return rig;
}

function setTime(rig: FarEndRig, us: number): void {
  assert.equal(set(rig, 0x110010, hexOf(us)), 0);
}

async function answerTo(rig: FarEndRig, type: number, data = ""): Promise<Buffer> {
  rig.send(message({ type: hexOf(type), data }));
  await rig.clock.advance(3 * SECOND);
  return dataOf(Buffer.concat(rig.packets(0x81)));
}

async function spectrum(rig: FarEndRig): Promise<number[]> {
  const data = await answerTo(rig, RAW_NOW);
  return Array.from({ length: data.length / 2 }, (_, pixel) => data.readUInt16LE(2 * pixel));
}

function mean(values: ArrayLike<number>, from = 200, to = 900): number {
  let sum = 0;
  for (let index = from; index < to; index++) sum += values[index] ?? 0;
  return sum / (to - from);
}

/** Root mean square of the differences between neighbours of the difference of two frames: noise alone. */
function noise(first: readonly number[], second: readonly number[]): number {
  const difference = first.map((value, pixel) => value - (second[pixel] ?? 0));
  return Math.sqrt(mean(difference.map((value) => value * value)));
}

test("averaging: n cycles of exposure and read-out, their mean, less noise; one line of truth", async () => {
  const rig = farEnd("STS");
  setTime(rig, 20 * MS);
  const single = noise(await spectrum(rig), await spectrum(rig));
  const level = mean(await spectrum(rig));
  set(rig, 0x120010, "1000"); // 16
  const startUs = rig.clock.nowUs();
  const averaged = await spectrum(rig);
  const truth = rig.device.truth.newest;
  const { readoutUs } = rig.device.model;
  assert.equal(truth?.startUs, startUs);
  assert.equal(truth?.endUs, startUs + 15 * (20 * MS + readoutUs) + 20 * MS);
  assert.equal(truth?.deliveredUs, startUs + 16 * (20 * MS + readoutUs));
  assert.deepEqual([truth?.integrationTimeUs, truth?.settings.scansToAverage], [20 * MS, 16]);
  assert.ok(Math.abs(mean(averaged) / level - 1) < 0.01);
  const less = noise(averaged, await spectrum(rig));
  assert.ok(less < single / 3 && less > single / 5.5, `${single} became ${less}`);
});

test("boxcar: the mean over 2n + 1 pixels", async () => {
  const rig = inTheDark("STS");
  setTime(rig, 10);
  const rough = noise(await spectrum(rig), await spectrum(rig));
  set(rig, 0x121010, "04");
  const smooth = noise(await spectrum(rig), await spectrum(rig));
  assert.ok(smooth < rough / 2 && smooth > rough / 5, `${rough} became ${smooth}`);
  assert.equal(rig.device.truth.newest?.settings.boxcarHalfWidth, 4);
});

test("binning: 1024 >> n pixels, means of neighbours; a frame under way keeps its number of pixels", async () => {
  const rig = farEnd("STS");
  setTime(rig, 10 * MS);
  const full = await spectrum(rig);
  for (const factor of [1, 2, 3]) {
    set(rig, 0x110290, `0${factor}`);
    const binned = await spectrum(rig);
    assert.equal(binned.length, 1024 >> factor);
    assert.ok(Math.abs(mean(binned, 0, binned.length) / mean(full, 0, 1024) - 1) < 0.01);
  }
  rig.send(message({ type: hexOf(RAW_NOW) }));
  set(rig, 0x110290, "00");
  await rig.clock.advance(SECOND);
  assert.equal(Buffer.concat(rig.packets(0x81)).length, 64 + 256);
  assert.equal(rig.device.truth.newest?.settings.binning, 3);
  assert.equal(rig.device.truth.newest?.isSteady, false);
});

test("lamp and strobes show in the light; the internal shutter darkens everything", async () => {
  const rig = inTheDark("STS");
  setTime(rig, 40 * MS);
  const dark = mean(await spectrum(rig));
  const perSecond = mean(rig.device.detector.lampCountsPerSecond);
  const seconds = async (): Promise<number> => (mean(await spectrum(rig)) - dark) / perSecond;
  const assertMs = (actual: number, ms: number): void =>
    assert.ok(Math.abs(actual * 1000 - ms) < 0.05 * ms, `${actual * 1000} ms, not ${ms}`);
  set(rig, 0x110410, "01");
  assertMs(await seconds(), 40);
  set(rig, 0x110410, "00");
  set(rig, 0x310010, hexOf(4000));
  set(rig, 0x310011, "01");
  assertMs(await seconds(), 10); // 10 flashes of 1 ms
  set(rig, 0x310011, "00");
  set(rig, 0x300010, hexOf(30 * MS));
  set(rig, 0x300011, hexOf(15 * MS));
  set(rig, 0x300012, "01");
  assertMs(await seconds(), 10); // the exposure ends before the pulse does
  set(rig, 0x300012, "00");
  rig.scene.aperture("downwelling").move(true, rig.clock.nowUs(), 0);
  assert.ok(mean(await spectrum(rig)) > dark + 2000);
  set(rig, 0x110410, "01");
  set(rig, 0x110610, "00");
  assert.ok(Math.abs(mean(await spectrum(rig)) - dark) < 5, "shut");
  assert.equal(rig.device.truth.newest?.settings.isShutterOpen, false);
  set(rig, 0x110610, "01");
  assert.ok(mean(await spectrum(rig)) > dark + 2000);
});

test("a shutter that closes in mid-exposure halves the light and the truth says so", async () => {
  const rig = farEnd("Spark");
  setTime(rig, 10 * MS);
  const light = mean(await spectrum(rig));
  rig.send(message({ type: hexOf(RAW_NOW) }));
  await rig.clock.advance(5 * MS);
  set(rig, 0x110610, "00");
  await rig.clock.advance(SECOND);
  const data = dataOf(Buffer.concat(rig.packets(0x81)));
  const half = mean(Array.from({ length: 1024 }, (_, pixel) => data.readUInt16LE(2 * pixel)));
  assert.equal(rig.device.truth.newest?.isSteady, false);
  const dark = mean(await spectrum(rig));
  assert.ok(Math.abs((half - dark) / (light - dark) - 0.5) < 0.02);
  assert.equal(rig.device.truth.newest?.isSteady, true);
});

test("acquisition delay: the exposure begins that long after the request", async () => {
  const rig = farEnd("STS");
  set(rig, 0x110510, hexOf(12_345));
  const askedUs = rig.clock.nowUs();
  await spectrum(rig);
  assert.equal(rig.device.truth.newest?.startUs, askedUs + 12_345);
});

function windows(rig: FarEndRig): number[][] {
  return rig.device.truth.exposures.map(({ startUs, endUs }) => [startUs / MS, endUs / MS]);
}

test("edge: one exposure per edge, those during an exposure are lost; simulate trigger is an edge", async () => {
  const rig = farEnd("STS");
  setTime(rig, 20 * MS);
  set(rig, 0x110110, "01");
  rig.send(message({ type: hexOf(RAW_NOW) }));
  rig.send(message({ type: hexOf(RAW_NOW) }));
  await rig.clock.advance(100 * MS);
  rig.device.triggerLine(true);
  await rig.clock.advance(10 * MS);
  rig.device.triggerLine(false);
  rig.device.triggerLine(true);
  await rig.clock.advance(60 * MS);
  rig.device.triggerLine(true);
  rig.device.triggerLine(false);
  await rig.clock.advance(30 * MS);
  assert.equal(set(rig, 0x110120), 0);
  await rig.clock.advance(100 * MS);
  assert.deepEqual(windows(rig), [
    [100, 120],
    [200, 220],
  ]);
});

test("level: while the line is high, requests are exposed one after the other", async () => {
  const rig = farEnd("Ocean FX");
  setTime(rig, 20 * MS);
  set(rig, 0x110110, "03");
  for (let n = 0; n < 3; n++) rig.send(message({ type: hexOf(CORRECTED_NOW) }));
  await rig.clock.advance(100 * MS);
  rig.device.triggerLine(true);
  await rig.clock.advance(30 * MS);
  rig.device.triggerLine(false);
  await rig.clock.advance(500 * MS);
  assert.deepEqual(windows(rig), [
    [100, 120],
    [123, 143],
  ]);
  set(rig, 0x110110, "ff");
  rig.device.triggerPulse();
  await rig.clock.advance(500 * MS);
  assert.equal(windows(rig).length, 2, "disabled");
  set(rig, 0x110110, "00");
  await rig.clock.advance(500 * MS);
  assert.equal(windows(rig).length, 3);
});

test("synchronization: from edge to edge; abort forgets the exposure", async () => {
  const rig = farEnd("STS");
  set(rig, 0x110110, "02");
  rig.send(message({ type: hexOf(RAW_NOW) }));
  await rig.clock.advance(10 * MS);
  rig.device.triggerPulse();
  await rig.clock.advance(70 * MS);
  rig.device.triggerPulse();
  await rig.clock.advance(10 * MS);
  assert.deepEqual(windows(rig), [[10, 80]]);
  rig.send(message({ type: hexOf(RAW_NOW) }));
  rig.device.triggerPulse();
  set(rig, 0x100000);
  rig.device.triggerPulse();
  rig.device.triggerPulse();
  await rig.clock.advance(1000 * MS);
  assert.equal(windows(rig).length, 1);
});

test("buffer: back-to-back exposures, remove the oldest, smaller size, buffering off", async () => {
  const rig = farEnd("QE Pro");
  setTime(rig, 10 * MS);
  set(rig, 0x110112, hexOf(5));
  assert.equal(set(rig, 0x100902), 0);
  assert.equal(get(rig, 0x100908), "00");
  await rig.clock.advance(SECOND);
  assert.deepEqual([get(rig, 0x100900), get(rig, 0x100908)], [hexOf(5), "01"]);
  assert.equal(set(rig, 0x100831, hexOf(2)), 0);
  const counter = (): number => dataOf(ask(rig, { type: hexOf(0x100928) })).readUInt32LE(0);
  assert.equal(counter(), 3);
  assert.equal(set(rig, 0x100832, hexOf(1)), 0);
  assert.equal(get(rig, 0x100900), hexOf(1));
  assert.equal(counter(), 5, "the newest is kept");
  assert.equal(set(rig, 0x100902), 0);
  await rig.clock.advance(SECOND);
  assert.equal(get(rig, 0x100900), hexOf(1), "no more than fit");
  assert.equal(set(rig, 0x100810, "00"), 0);
  assert.equal(get(rig, 0x100900), hexOf(0));
  assert.equal(set(rig, 0x100902), 7);
  set(rig, 0x100810, "01");
  assert.equal(set(rig, 0x100831, "02"), 5);
});

test("QE Pro: the metadata tell the trigger mode that the frame was begun in", async () => {
  const rig = farEnd("QE Pro");
  set(rig, 0x110110, "03");
  rig.send(message({ type: hexOf(0x100902) }));
  rig.device.triggerPulse();
  set(rig, 0x110110, "00");
  await rig.clock.advance(SECOND);
  assert.equal(dataOf(ask(rig, { type: hexOf(0x100928) }))[18], 3);
});

test("QE Pro: a host that clears the buffer while it waits gets a frame all the same", async () => {
  const rig = farEnd("QE Pro");
  rig.send(message({ type: hexOf(0x100928) }));
  set(rig, 0x100830);
  await rig.clock.advance(SECOND);
  assert.equal(Buffer.concat(rig.packets(0x81)).length, 4272);
});

test("FX fast buffer: N times 64 bytes of metadata, pixels and a checksum", async () => {
  const rig = farEnd("Ocean FX");
  setTime(rig, 10 * MS);
  set(rig, 0x110112, hexOf(3));
  set(rig, 0x100902);
  await rig.clock.advance(SECOND);
  assert.equal(get(rig, 0x100900), hexOf(3));
  const startUs = rig.clock.nowUs();
  const data = await answerTo(rig, 0x100980, hexOf(5));
  const size = 64 + 2 * 2136 + 4;
  assert.equal(data.length, 5 * size);
  for (let n = 0; n < 5; n++) {
    const frame = data.subarray(n * size, (n + 1) * size);
    const truth = rig.device.truth.exposures[n];
    assert.deepEqual([frame.readUInt16LE(0), frame.readUInt16LE(2), frame.readUInt32LE(4)], [1, 64, 4272]);
    assert.equal(Number(frame.readBigUInt64LE(8)), truth?.endUs);
    assert.equal(frame.readUInt32LE(16), 10_000);
    assert.equal(frame.readUInt32LE(20), 1);
    assert.deepEqual([frame.readUInt32LE(24), frame.readUInt32LE(28)], [n + 1, n + 1]);
    assert.equal(frame.readUInt16LE(40), 1);
    assert.equal(frame.readUInt32LE(size - 4), crc32(frame.subarray(0, size - 4)));
    assert.equal((truth?.startUs ?? 0) >= startUs, n >= 3, "three were in the buffer");
  }
  assert.equal(get(rig, 0x100980, hexOf(0)), "error 6");
  assert.equal(get(rig, 0x100980, hexOf(16)), "error 6");
  assert.equal(get(rig, 0x100980), "error 5");
  assert.equal(get(rig, 0x100928), "error 2", "that is the QE Pro's");
  assert.equal(get(farEnd("STS"), 0x100980, hexOf(1)), "error 2");
});

test("FX fast buffer: 4500 scans of 10 us in a second, each of its own exposure", async () => {
  const rig = farEnd("Ocean FX");
  setTime(rig, 10);
  set(rig, 0x110112, hexOf(900));
  set(rig, 0x100902);
  await rig.clock.advance(199_800);
  assert.deepEqual([get(rig, 0x100900), get(rig, 0x100908)], [hexOf(900), "01"]);
  const starts = rig.device.truth.exposures.map(({ startUs }) => startUs);
  assert.ok(starts.every((startUs, n) => n === 0 || startUs - (starts[n - 1] ?? 0) === 222));
});

test("FX fast buffer of other firmware: what there is, a refusal, no back-to-back exposures", async () => {
  const partial = farEnd("Ocean FX", { firmware: { fastBuffer: "partial" } });
  setTime(partial, 10 * MS);
  set(partial, 0x110112, hexOf(3));
  set(partial, 0x100902);
  assert.equal(get(partial, 0x100980, hexOf(15)), "");
  await partial.clock.advance(25 * MS);
  assert.equal((await answerTo(partial, 0x100980, hexOf(15))).length, 2 * (64 + 2 * 2136 + 4));
  const unreadable = farEnd("Ocean FX", { firmware: { fastBuffer: "unreadable" } });
  assert.deepEqual(
    [get(unreadable, 0x100980, hexOf(1)), set(unreadable, 0x110112, hexOf(3))],
    ["error 2", 0],
  );
  const absent = farEnd("Ocean FX", { firmware: { fastBuffer: "absent" } });
  assert.deepEqual([get(absent, 0x100980, hexOf(1)), set(absent, 0x110112, hexOf(3))], ["error 2", 2]);
});

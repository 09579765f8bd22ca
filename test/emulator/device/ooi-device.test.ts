// OOI devices byte for byte: frames of every layout, answers, EEPROM, registers. Decoded by hand here, from the
// published layouts, not with the driver.

import assert from "node:assert/strict";
import { test } from "node:test";
import { MS } from "../../../src/base/clock.ts";
import type { ModelName } from "../../../src/drivers/oceanoptics/models.ts";
import { type FarEndRig, farEnd } from "./far-end.ts";

async function frameOf(rig: FarEndRig, endpoint = 0x82): Promise<Uint8Array[]> {
  rig.send("09");
  await rig.clock.advance(200 * MS);
  return rig.packets(endpoint);
}

function u16s(bytes: Uint8Array): number[] {
  return Array.from(
    { length: Math.floor(bytes.length / 2) },
    (_, i) => (bytes[2 * i] ?? 0) + 256 * (bytes[2 * i + 1] ?? 0),
  );
}

const LINEAR = [
  { model: "USB2000+", bytes: 4097, pixels: 2048, xor: 0 },
  { model: "Flame-S", bytes: 4097, pixels: 2048, xor: 0 },
  { model: "HR2000+", bytes: 4097, pixels: 2048, xor: 0x2000 },
  { model: "QE65000", bytes: 2561, pixels: 1044, xor: 0x8000 },
  { model: "NIRQuest512", bytes: 1025, pixels: 512, xor: 0x8000 },
  { model: "NIRQuest256", bytes: 513, pixels: 256, xor: 0x8000 },
  { model: "Maya2000 Pro", bytes: 4609, pixels: 2068, xor: 0 },
  { model: "Jaz", bytes: 4096, pixels: 2048, xor: 0 },
  { model: "Flame-NIR", bytes: 256, pixels: 128, xor: 0 },
] as const satisfies readonly { model: ModelName; bytes: number; pixels: number; xor: number }[];

for (const { model, bytes, pixels, xor } of LINEAR) {
  test(`${model}: ${bytes} bytes in packets of 512, XOR ${xor.toString(16)}, counts of noon light`, async () => {
    const rig = farEnd(model);
    rig.send(rig.device.model.integrationTimeUs.base === 1000 ? "02 0a 00 00 00" : "02 10 27 00 00"); // 10 ms
    await rig.clock.advance(150 * MS);
    const packets = await frameOf(rig);
    const frame = Buffer.concat(packets);
    assert.equal(frame.length, bytes);
    assert.ok(packets.slice(0, -1).every((packet) => packet.length === 512));
    if (bytes % 2 === 1) assert.equal(frame.at(-1), 0x69);
    const { saturationCounts } = rig.device.detector.calibration;
    const counts = u16s(frame)
      .slice(0, pixels)
      .map((value) => value ^ xor);
    const peak = Math.max(...counts);
    assert.ok(peak > 0.3 * saturationCounts && peak < 0.6 * saturationCounts, `peak ${peak}`);
    const filler = u16s(frame.subarray(0, bytes - (bytes % 2))).slice(pixels);
    assert.ok(new Set(filler).size <= 1, "filler is constant");
  });
}

test("USB4000 at high speed: 2048 bytes on 86 without a short packet, 5633 on 82", async () => {
  const rig = farEnd("USB4000");
  const second = await frameOf(rig);
  const first = rig.packets(0x86);
  assert.deepEqual(
    first.map(({ length }) => length),
    [512, 512, 512, 512],
  );
  assert.deepEqual(
    second.map(({ length }) => length),
    [...Array.from({ length: 11 }, () => 512), 1],
  );
  assert.equal(second.at(-1)?.[0], 0x69);
  const counts = u16s(Buffer.concat([...first, ...second]));
  assert.equal(counts.length, 3840);
  assert.equal(new Set(counts.slice(3648)).size, 1);
});

test("USB4000 at full speed: everything on 82 in packets of 64", async () => {
  const rig = farEnd("USB4000", { firmware: { speed: "full" } });
  const packets = await frameOf(rig);
  assert.equal(packets.length, 121);
  assert.equal(Buffer.concat(packets).length, 7681);
  assert.equal(rig.packets(0x86).length, 0);
});

test("USB2000: low and high bytes in alternate packets of 64, noise above 12 bits", async () => {
  const rig = farEnd("USB2000");
  rig.send("02 0a 00 00 00");
  await rig.clock.advance(150 * MS);
  const packets = await frameOf(rig);
  assert.equal(packets.length, 65);
  assert.deepEqual([...(packets[64] ?? [])], [0x69]);
  const raw = Array.from({ length: 2048 }, (_, pixel) => {
    const block = 2 * Math.floor(pixel / 64);
    return (packets[block]?.[pixel % 64] ?? 0) + 256 * (packets[block + 1]?.[pixel % 64] ?? 0);
  });
  assert.ok(
    raw.some((value) => value > 4095),
    "noise in the high nibble",
  );
  const counts = raw.map((value) => value & 0x0fff);
  const jumps = counts
    .slice(30)
    .filter((value, pixel) => Math.abs(value - (counts[pixel + 29] ?? value)) > 400);
  assert.equal(jumps.length, 0, "neighbours are alike when the bytes are put together rightly");
  assert.ok(Math.max(...counts) > 1200 && Math.max(...counts) < 2400);
});

test("the status sample of a real USB2000+ comes out byte for byte", async () => {
  const rig = farEnd("USB2000+");
  rig.send("02 70 17 00 00");
  rig.send("fe");
  assert.equal(rig.hex(0x81), "00087017000000000008000000008055");
});

test("status: waiting packets, trigger, lamp and speed", async () => {
  const rig = farEnd("USB2000+", { firmware: { speed: "full" } });
  rig.send("03 01 00");
  rig.send("0a 01 00");
  rig.send("fe");
  const status = rig.packets(0x81)[0] ?? new Uint8Array(0);
  assert.deepEqual([status[6], status[7], status[14]], [1, 1, 0x00]);
  rig.send("01");
  rig.send("09");
  await rig.clock.advance(200 * MS);
  rig.send("fe");
  const later = rig.packets(0x81)[0] ?? new Uint8Array(0);
  assert.deepEqual([later[7], later[11]], [0, 65]);
});

test("EEPROM: serial, polynomial that gives the wavelengths, nonlinearity order, saturation", () => {
  const rig = farEnd("Flame-S", { serial: "FLMS01859" });
  const slot = (number: number): Uint8Array => {
    rig.send(Uint8Array.of(0x05, number));
    const [answer = new Uint8Array(0), ...more] = rig.packets(0x81);
    assert.equal(more.length, 0);
    assert.equal(answer.length, 17);
    assert.deepEqual([answer[0], answer[1]], [0x05, number]);
    return answer.subarray(2);
  };
  const text = (number: number): string => {
    const bytes = slot(number);
    const end = bytes.indexOf(0);
    return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString("latin1");
  };
  assert.equal(text(0), "FLMS01859");
  assert.notEqual(slot(0)[10], 0, "garbage after the NUL");
  const coefficients = [1, 2, 3, 4].map((number) => Number(text(number)));
  const wavelength = (pixel: number): number =>
    coefficients.reduce((sum, c, order) => sum + c * pixel ** order, 0);
  assert.ok(Math.abs(wavelength(21) - 340) < 1 && Math.abs(wavelength(2047) - 1020) < 1);
  for (const pixel of [0, 1000, 2047]) {
    assert.ok(Math.abs(wavelength(pixel) - (rig.device.detector.wavelengthsNm[pixel] ?? 0)) < 1e-6);
  }
  assert.equal(Number(text(14)), 7);
  assert.ok(Math.abs(Number(text(6)) - 1) < 0.02);
  const saturation = (slot(17)[4] ?? 0) + 256 * (slot(17)[5] ?? 0);
  assert.equal(saturation, rig.device.detector.calibration.saturationCounts);
  assert.ok(
    slot(25).every((byte) => byte === 0xff),
    "never written",
  );
});

test("QE65000: wavelengths are those of pixel - 10; slot 17 has the cooler's defaults", () => {
  const rig = farEnd("QE65000");
  const numberIn = (slot: number): number => {
    rig.send(Uint8Array.of(0x05, slot));
    return Number.parseFloat(Buffer.from(rig.packets(0x81)[0] ?? []).toString("latin1", 2));
  };
  const coefficients = [1, 2, 3, 4].map(numberIn);
  const at = (x: number): number => coefficients.reduce((sum, c, order) => sum + c * x ** order, 0);
  assert.ok(Math.abs(at(100 - 10) - (rig.device.detector.wavelengthsNm[100] ?? 0)) < 1e-6);
  rig.send("05 11");
  const [answer = new Uint8Array(0)] = rig.packets(0x81);
  assert.deepEqual([...answer.subarray(2, 6)], [1, 1, 0x9c, 0xff]);
});

test("Maya and NIRQuest keep the saturation level where they do", () => {
  const maya = farEnd("Maya2000 Pro");
  maya.send("05 11");
  const mayaSlot = maya.packets(0x81)[0] ?? new Uint8Array(0);
  assert.equal(
    (mayaSlot[2] ?? 0) + 256 * (mayaSlot[3] ?? 0),
    maya.device.detector.calibration.saturationCounts,
  );
  const nir = farEnd("NIRQuest512");
  nir.send("05 11");
  const nirSlot = Buffer.from(nir.packets(0x81)[0] ?? []);
  assert.equal(nirSlot.readUInt32LE(6), nir.device.detector.calibration.saturationCounts);
});

test("EEPROM slots can be written, and prepared with what real units hold", async () => {
  const rig = farEnd("USB2000+", {
    firmware: { eeprom: { 1: "187,93", 14: "7.0", 6: new Uint8Array(15).fill(0xff) } },
  });
  rig.send("05 01");
  assert.ok(rig.hex(0x81).startsWith("05013138372c393300"));
  rig.send("05 06");
  assert.equal(rig.hex(0x81), `0506${"ff".repeat(15)}`);
  rig.send("06 13 68 65 6c 6c 6f");
  await rig.clock.advance(200 * MS);
  rig.send("05 13");
  assert.equal(rig.hex(0x81), `051368656c6c6f${"00".repeat(10)}`);
});

test("registers: version of the Flame-S with its odd echo, echo variants, values that can be written", () => {
  const flame = farEnd("Flame-S");
  flame.send("6b 04");
  assert.equal(flame.hex(0x81), "fe4630"); // 0x3046: 3.04.6
  const old = farEnd("USB2000+");
  old.send("6b 04");
  assert.equal(old.hex(0x81), "046111"); // 0x1161: 1.22.1
  const silent = farEnd("Flame-S", { firmware: { registerEcho: 0x00, fpgaVersion: [4, 5, 6] } });
  silent.send("6b 04");
  assert.equal(silent.hex(0x81), "005640");
  flame.send("6a 28 34 12");
  flame.send("6a 04 00 00");
  flame.send("6b 28");
  flame.send("6b 04");
  assert.equal(flame.hex(0x81), "fe3412fe4630");
});

test("bad integration times and triggers are ignored in silence", () => {
  const rig = farEnd("USB2000+");
  rig.send("02 10 27 00 00");
  rig.send("02 0a 00 00 00"); // 10 us is below the limit
  rig.send("02 ff ff ff ff");
  rig.send("0a 09 00");
  rig.send("fe");
  const status = Buffer.from(rig.packets(0x81)[0] ?? []);
  assert.equal(status.readUInt32LE(2), 10_000);
  assert.equal(status[7], 0);
  rig.send("99");
  rig.send("");
  assert.equal(rig.packets(0x81).length + rig.packets(0x82).length, 0);
});

test("the cooler answers in tenths of a degree and follows its set point", async () => {
  const rig = farEnd("NIRQuest512");
  const read = (): number => {
    rig.send("72");
    return Buffer.from(rig.packets(0x81)[0] ?? []).readInt16LE(0) / 10;
  };
  assert.equal(read(), -10);
  rig.send("73 38 ff"); // -20.0
  await rig.clock.advance(200_000 * MS);
  assert.equal(read(), -20);
  rig.send("71 00 00");
  await rig.clock.advance(200_000 * MS);
  assert.ok(read() > 20);
});

test("board temperature and irradiance memory", async () => {
  const rig = farEnd("Flame-S");
  rig.send("6c");
  const [answer = new Uint8Array(0)] = rig.packets(0x81);
  assert.equal(answer[0], 0x08);
  const celsius = Buffer.from(answer).readInt16LE(1) * 0.003906;
  assert.ok(celsius > 25 && celsius < 35, `${celsius}`);
  rig.send(`6e 3c 00 ${"ab".repeat(60)}`);
  await rig.clock.advance(200 * MS);
  rig.send("6d 3c 00");
  assert.equal(rig.hex(0x81), "ab".repeat(60));
  rig.send("6d 00 00");
  assert.equal(rig.hex(0x81), "ff".repeat(60));
});

test("a shutter that closes between two frames is seen in the second only; the log tells their windows", async () => {
  const rig = farEnd("Flame-S");
  rig.send("02 20 4e 00 00"); // 20 ms
  await rig.clock.advance(100 * MS);
  const light = Math.max(...u16s(Buffer.concat(await frameOf(rig))));
  rig.scene.aperture("downwelling").move(false, rig.clock.nowUs(), 0);
  await rig.clock.advance(20 * MS);
  const dark = Math.max(...u16s(Buffer.concat(await frameOf(rig))));
  assert.ok(light > 40_000 && dark < 3_000, `${light} and ${dark}`);
  const [first, second] = rig.device.truth.exposures;
  assert.equal(first?.integrationTimeUs, 20 * MS);
  assert.ok((second?.startUs ?? 0) - (first?.endUs ?? 0) > 0);
});

test("reset forgets the session", async () => {
  const rig = farEnd("USB2000+");
  rig.send("02 10 27 00 00");
  rig.send("09");
  rig.device.reset();
  await rig.clock.advance(500 * MS);
  assert.equal(rig.packets(0x82).length, 0);
  rig.send("fe");
  assert.equal(Buffer.from(rig.packets(0x81)[0] ?? []).readUInt32LE(2), 100_000);
});

test("01 leaves a frame in the endpoint, unless the firmware flushes", async () => {
  for (const initializeFlushes of [false, true]) {
    const rig = farEnd("USB2000+", { firmware: { initializeFlushes } });
    rig.send("09");
    await rig.clock.advance(200 * MS);
    rig.send("01");
    assert.equal(rig.packets(0x82).length, initializeFlushes ? 0 : 9);
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeFrame } from "../../../src/drivers/oceanoptics/decode.ts";
import { type ModelName, modelNamed } from "../../../src/drivers/oceanoptics/models.ts";

// A ramp that uses all bits a pixel has, built by hand per layout: the bytes come from here, not from the emulator.
const ramp = (pixel: number, mask: number): number => ((pixel * 2654435761) >>> 7) & mask;

function linear(pixels: number, value: (pixel: number) => number, tail: readonly number[] = []): Uint8Array {
  const bytes: number[] = [];
  for (let pixel = 0; pixel < pixels; pixel++) bytes.push(value(pixel) & 0xff, (value(pixel) >> 8) & 0xff);
  return Uint8Array.from([...bytes, ...tail]);
}

function decode(name: ModelName, bytes: Uint8Array): Uint32Array {
  return decodeFrame(modelNamed(name).frame, bytes, "TEST1");
}

function expectRamp(counts: Uint32Array, pixels: number, mask: number): void {
  assert.equal(counts.length, pixels);
  assert.deepEqual(
    [...counts],
    Array.from({ length: pixels }, (_, pixel) => ramp(pixel, mask)),
  );
}

function split(value: (pixel: number) => number): Uint8Array {
  const bytes = new Uint8Array(4097);
  for (let pixel = 0; pixel < 2048; pixel++) {
    const packet = 2 * Math.floor(pixel / 64);
    bytes[64 * packet + (pixel % 64)] = value(pixel) & 0xff;
    bytes[64 * (packet + 1) + (pixel % 64)] = value(pixel) >> 8;
  }
  bytes[4096] = 0x69;
  return bytes;
}

test("2K split: low and high bytes in turn, the high nibble is noise", () => {
  const noisy = split((pixel) => ramp(pixel, 0xfff) | 0xa000);
  for (const name of ["USB2000", "HR2000", "USB650"] as const) expectRamp(decode(name, noisy), 2048, 0xfff);
  expectRamp(
    decode(
      "ADC1000-USB",
      split((pixel) => ramp(pixel, 0xffff)),
    ),
    2048,
    0xffff,
  );
});

test("FPGA 2K: 16 bits little-endian, then the sync byte", () => {
  const plain = linear(2048, (pixel) => ramp(pixel, 0xffff), [0x69]);
  for (const name of ["USB2000+", "Flame-S", "Torus"] as const) expectRamp(decode(name, plain), 2048, 0xffff);
  const flipped = linear(2048, (pixel) => ramp(pixel, 0x3fff) ^ 0x2000, [0x69]);
  expectRamp(decode("HR2000+", flipped), 2048, 0x3fff);
});

test("FPGA 4K: 3648 pixels, the rest is filler", () => {
  const plain = linear(3840, (pixel) => (pixel < 3648 ? ramp(pixel, 0xffff) : 0xdead), [0x69]);
  expectRamp(decode("USB4000", plain), 3648, 0xffff);
  const flipped = linear(3840, (pixel) => (pixel < 3648 ? ramp(pixel, 0x3fff) ^ 0x2000 : 0xdead), [0x69]);
  expectRamp(decode("HR4000", flipped), 3648, 0x3fff);
});

test("QE and NIR: the top bit is inverted", () => {
  const qe = linear(1280, (pixel) => (pixel < 1044 ? ramp(pixel, 0xffff) ^ 0x8000 : 0xdead), [0x69]);
  expectRamp(decode("QE65000", qe), 1044, 0xffff);
  expectRamp(
    decode(
      "NIRQuest512",
      linear(512, (pixel) => ramp(pixel, 0xffff) ^ 0x8000, [0x69]),
    ),
    512,
    0xffff,
  );
  expectRamp(
    decode(
      "NIRQuest256",
      linear(256, (pixel) => ramp(pixel, 0xffff) ^ 0x8000, [0x69]),
    ),
    256,
    0xffff,
  );
});

test("Maya: 2304 values on the wire, fewer are pixels", () => {
  const frame = (pixels: number) =>
    linear(2304, (pixel) => (pixel < pixels ? ramp(pixel, 0xffff) : 0xdead), [0x69]);
  for (const name of ["Maya2000 Pro", "MayaLSL", "Apex"] as const)
    expectRamp(decode(name, frame(2068)), 2068, 0xffff);
  expectRamp(decode("Maya2000", frame(2080)), 2080, 0xffff);
});

test("Jaz, Flame-NIR and OBP have no sync byte", () => {
  for (const [name, pixels] of [
    ["Jaz", 2048],
    ["Flame-NIR", 128],
    ["STS", 1024],
    ["Spark", 1024],
    ["Ventana", 1024],
    ["HDX", 2068],
    ["Ocean FX", 2136],
  ] as const) {
    expectRamp(
      decode(
        name,
        linear(pixels, (pixel) => ramp(pixel, 0xffff)),
      ),
      pixels,
      0xffff,
    );
  }
});

test("metadata before the pixels is skipped; 18 and 32 bits", () => {
  const wide = (pixels: number, value: (pixel: number) => number): Uint8Array => {
    const bytes = new Uint8Array(32 + 4 * pixels).fill(0xee, 0, 32);
    for (let pixel = 0; pixel < pixels; pixel++)
      new DataView(bytes.buffer).setUint32(32 + 4 * pixel, value(pixel), true);
    return bytes;
  };
  expectRamp(
    decode(
      "QE Pro",
      wide(1044, (pixel) => (ramp(pixel, 0x3ffff) | 0xfff00000) >>> 0),
    ),
    1044,
    0x3ffff,
  );
  expectRamp(
    decode(
      "ST",
      wide(1516, (pixel) => ramp(pixel, 0x3fff)),
    ),
    1516,
    0x3fff,
  );
  const sr4 = Buffer.concat([new Uint8Array(32).fill(0xee), linear(3648, (pixel) => ramp(pixel, 0xffff))]);
  expectRamp(decode("SR4", sr4), 3648, 0xffff);
});

test("bytes at an odd offset of a larger buffer decode as well", () => {
  const frame = linear(2048, (pixel) => ramp(pixel, 0xffff), [0x69]);
  const larger = Buffer.concat([Uint8Array.of(1, 2, 3), frame, Uint8Array.of(4)]);
  expectRamp(decode("USB2000+", larger.subarray(3, 3 + frame.length)), 2048, 0xffff);
});

test("a wrong length or sync byte is refused", () => {
  const frame = linear(2048, () => 7, [0x69]);
  const refusal = (bytes: Uint8Array, message: string) =>
    assert.throws(() => decode("USB2000+", bytes), { code: "DEVICE_PROTOCOL", message });
  refusal(frame.subarray(0, 4096), "TEST1: spectrum of 4096 bytes instead of 4097");
  refusal(frame.subarray(0, 0), "TEST1: spectrum of 0 bytes instead of 4097");
  refusal(
    linear(2048, () => 7, [0x69, 0x69]),
    "TEST1: spectrum of 4098 bytes instead of 4097",
  );
  refusal(
    linear(2048, () => 7, [0x68]),
    "TEST1: spectrum ends in byte 104 instead of 105",
  );
});

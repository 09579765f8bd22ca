// The bytes of include/uapi/linux/gpio.h, written down by hand from the C structures.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  decodeChipInfo,
  decodeEdges,
  decodeLineInfo,
  decodeRequestedLine,
  decodeValues,
  encodeInputRequest,
  encodeLineInfo,
  encodeOutputRequest,
  encodeValues,
  REQUEST,
  SIZE,
} from "../../../src/drivers/gpio/uapi.ts";

test("request numbers hold direction, size and number", () => {
  const READ_WRITE = 3;
  const number = (direction: number, size: number, nr: number): number =>
    ((direction << 30) | (size << 16) | (0xb4 << 8) | nr) >>> 0;
  assert.equal(REQUEST.chipInfo, number(2, SIZE.chipInfo, 0x01));
  assert.equal(REQUEST.lineInfo, number(READ_WRITE, SIZE.lineInfo, 0x05));
  assert.equal(REQUEST.line, number(READ_WRITE, SIZE.lineRequest, 0x07));
  assert.equal(REQUEST.getValues, number(READ_WRITE, SIZE.lineValues, 0x0e));
  assert.equal(REQUEST.setValues, number(READ_WRITE, SIZE.lineValues, 0x0f));
});

test("a line request has each field in its place and zeros elsewhere", () => {
  const bytes = encodeOutputRequest(17, 1, "vscope");
  const expected = Buffer.alloc(592);
  expected[0] = 17; // offsets[0]
  expected.set(Buffer.from("vscope"), 256); // consumer
  expected[288] = 8; // config.flags: output
  expected[296] = 1; // config.num_attrs
  expected[320] = 2; // config.attrs[0].attr.id: output values
  expected[328] = 1; // config.attrs[0].attr.values
  expected[336] = 1; // config.attrs[0].mask
  expected[560] = 1; // num_lines
  assert.deepEqual(bytes, expected);
  expected[328] = 0;
  assert.deepEqual(encodeOutputRequest(17, 0, "vscope"), expected);
});

test("a consumer's name that is too long is cut before its NUL", () => {
  const bytes = encodeOutputRequest(0, 0, "x".repeat(40));
  assert.equal(bytes[286], 0x78);
  assert.equal(bytes[287], 0);
  assert.equal(bytes[288], 8);
});

test("the descriptor of the line is read at 588", () => {
  const bytes = Buffer.alloc(592);
  bytes.writeInt32LE(23, 588);
  assert.equal(decodeRequestedLine(bytes), 23);
});

test("line info: offset at 64; name, consumer and flags read", () => {
  const bytes = encodeLineInfo(0x0102);
  assert.equal(bytes.length, 256);
  assert.deepEqual([...bytes.subarray(64, 68)], [2, 1, 0, 0]);
  bytes.write("GPIO17", 0);
  bytes.write("spi0 CS0", 32);
  bytes[72] = 0b1001; // used, output
  assert.deepEqual(decodeLineInfo(bytes), { name: "GPIO17", consumer: "spi0 CS0", isUsed: true });
  bytes[72] = 0b1000;
  assert.equal(decodeLineInfo(bytes).isUsed, false);
});

test("chip info: name, label and number of lines", () => {
  const bytes = Buffer.alloc(68);
  bytes.write("gpiochip0", 0);
  bytes.write("pinctrl-bcm2711", 32);
  bytes.writeUInt32LE(58, 64);
  assert.deepEqual(decodeChipInfo(bytes), { name: "gpiochip0", label: "pinctrl-bcm2711", lines: 58 });
  bytes.write("x".repeat(32), 0); // a name that fills its field has no NUL
  assert.equal(decodeChipInfo(bytes).name.length, 32);
});

test("values: bits at 0, mask at 8", () => {
  assert.deepEqual([...encodeValues(1)], [1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
  assert.deepEqual([...encodeValues(0)], [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
  assert.equal(decodeValues(encodeValues(1)), 1);
  assert.equal(decodeValues(encodeValues(0)), 0);
});

test("an input: GPIO_V2_LINE_FLAG_INPUT, both edges and the resistor, no attribute", () => {
  const flags = { none: 0x034n, up: 0x134n, down: 0x234n };
  for (const pull of ["none", "up", "down"] as const) {
    const bytes = encodeInputRequest(23, pull, "vscope-server");
    assert.equal(bytes.length, SIZE.lineRequest);
    assert.deepEqual([bytes.readUInt32LE(0), bytes.readUInt32LE(296), bytes.readUInt32LE(560)], [23, 0, 1]);
    assert.equal(bytes.readBigUInt64LE(288), flags[pull]);
    assert.equal(bytes.toString("latin1", 256, 269), "vscope-server");
  }
});

test("events of a line: 48 bytes each, 1 is a rising edge and 2 a falling one", () => {
  const bytes = Buffer.alloc(3 * 48 + 10);
  for (const [index, id] of [1, 2, 1].entries()) bytes.writeUInt32LE(id, index * 48 + 8);
  assert.deepEqual(decodeEdges(bytes), [1, 0, 1]);
  assert.deepEqual(decodeEdges(Buffer.alloc(0)), []);
});

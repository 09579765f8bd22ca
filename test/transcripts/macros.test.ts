// The shorthands of hand-written transcripts against the literal bytes of the protocol reference.

import assert from "node:assert/strict";
import { test } from "node:test";
import { linear, OBP, OBP2, OOI, split } from "./macros.ts";
import { bytesText, type Macros, parseTranscript, type PatternByte } from "./transcript-text.ts";

function bytes(text: string, macros: Macros = {}): readonly PatternByte[] {
  return parseTranscript(`> 01 ${text}`, { macros })[0]?.bytes ?? [];
}

const END = "00*16 C5C4C3C2";

for (const [shorthand, literal, macros] of [
  [
    "{set 00110010 A0860100}",
    `C1C0 0011 0400 0000 10001100 ........ 000000000000 00 04 A0860100 00*12 14000000 ${END}`,
    OBP,
  ],
  ["{ack 00110010}", `C1C0 0011 0300 0000 10001100 ........ 000000000000 00 00 00*16 14000000 ${END}`, OBP],
  ["{nack 00110010 6}", `C1C0 0011 0900 0600 10001100 ........ 00*6 00 00 00*16 14000000 ${END}`, OBP],
  ["{get 00180101 02}", `C1C0 0011 0000 0000 01011800 ........ 00*6 00 01 02 00*15 14000000 ${END}`, OBP],
  [
    "{set 00420011 {f32 -10}}",
    `C1C0 0011 0400 0000 11004200 ........ 00*7 04 000020C1 00*12 14000000 ${END}`,
    OBP,
  ],
  ["{get 00001C00}", `C1C0 0020 0000 0000 001C0000 ........ 00*6 00 00 00*16 14000000 ${END}`, OBP2],
  [
    "{data 00000100 '0123456789abcdefg'}",
    `C1C0 0011 0100 0000 00010000 ........ 00*6 00 00 00*16 25000000 '0123456789abcdefg' ${END}`,
    OBP,
  ],
  ["{slot 00 'FLMS01859'}", "05 00 'FLMS01859' 00 B7*5", OOI],
  ["{slot 01 '123456789012345'}", "05 01 '123456789012345'", OOI],
  ["{slot 11 00000000CEDB}", "05 11 00000000CEDB B7*9", OOI],
] as const) {
  test(`${shorthand} stands for the bytes of the reference`, () => {
    assert.equal(bytesText(bytes(shorthand, macros)), bytesText(bytes(literal)));
    assert.equal(bytes(shorthand, macros).length, bytes(literal).length);
  });
}

test("pixels one after the other, or split into packets of 64", () => {
  const value = (pixel: number): number => 256 * 3 + pixel;
  assert.equal(linear({ count: 2, bytes: 2, value }), "00030103");
  assert.equal(linear({ count: 2, bytes: 4, value }), "0003000001030000");
  const bytesOf64 = Array.from({ length: 64 }, (_, index) => index.toString(16).padStart(2, "0")).join("");
  const next64 = Array.from({ length: 64 }, (_, index) => (index + 64).toString(16)).join("");
  const high = "03".repeat(64);
  assert.equal(split({ count: 128, bytes: 2, value }), `${bytesOf64}${high}${next64}${high}`);
});

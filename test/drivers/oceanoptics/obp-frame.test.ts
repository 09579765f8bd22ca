import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  decodeObp,
  encodeObp,
  FLAG_ACK_REQUESTED,
  OBP2_VERSION,
  OBP_VERSION,
  obpLength,
} from "../../../src/drivers/oceanoptics/obp-frame.ts";
import { f32, u32, u8 } from "../../../src/drivers/oceanoptics/obp-messages.ts";
import { fromHex, hex } from "../../transcripts/transcript-text.ts";

const ZERO_16 = "00".repeat(16);
const END = `${ZERO_16} C5C4C3C2`;

function message(type: number, data: Uint8Array = new Uint8Array(0), flags = 0, version = OBP_VERSION) {
  return { version, flags, error: 0, type, regarding: 0, data };
}

function expectBytes(bytes: Uint8Array, golden: string): void {
  assert.equal(hex(bytes), golden.replaceAll(/\s/g, ""));
}

test("golden frames of the protocol reference", () => {
  expectBytes(
    encodeObp(message(0x00110010, u32(100_000), FLAG_ACK_REQUESTED)),
    `C1C0 0011 0400 0000 10001100 00000000 000000000000 00 04 A0860100 000000000000000000000000 14000000 ${END}`,
  );
  expectBytes(
    encodeObp(message(0x00000101)),
    `C1C0 0011 0000 0000 01010000 00000000 000000000000 00 00 ${ZERO_16} 14000000 ${END}`,
  );
  expectBytes(
    encodeObp(message(0x00180101, u8(2))),
    `C1C0 0011 0000 0000 01011800 00000000 000000000000 00 01 02 ${"00".repeat(15)} 14000000 ${END}`,
  );
  expectBytes(
    encodeObp(message(0x00420011, f32(-10), FLAG_ACK_REQUESTED)),
    `C1C0 0011 0400 0000 11004200 00000000 000000000000 00 04 000020C1 ${"00".repeat(12)} 14000000 ${END}`,
  );
  expectBytes(
    encodeObp(message(0x00001c00, undefined, 0, OBP2_VERSION)),
    `C1C0 0020 0000 0000 001C0000 00000000 000000000000 00 00 ${ZERO_16} 14000000 ${END}`,
  );
  expectBytes(
    encodeObp(message(0x00000101), "md5"),
    `C1C0 0011 0000 0000 01010000 00000000 000000000000 01 00 ${ZERO_16} 14000000
     4251A4DC2CE2907D247C305C4AB066B7 C5C4C3C2`,
  );
});

test("answers decode: acknowledgement, refusal, immediate data, payload", () => {
  const ack = `C1C0 0011 0300 0000 10001100 00000000 000000000000 00 00 ${ZERO_16} 14000000 ${END}`;
  assert.deepEqual(decodeObp(fromHex(ack)), message(0x00110010, new Uint8Array(0), 3));
  const nack = decodeObp(fromHex(ack.replace("0300 0000", "0900 0600")));
  assert.ok(typeof nack !== "string");
  assert.deepEqual([nack.flags, nack.error], [9, 6]);
  const length = `C1C0 0011 0100 0000 01010000 00000000 000000000000 00 01 10 ${"00".repeat(15)} 14000000 ${END}`;
  assert.deepEqual(decodeObp(fromHex(length)), message(0x00000101, u8(16), 1));
});

test("whole lengths of the spectra that do and do not end in a short packet", () => {
  const total = (remaining: string) => obpLength(fromHex(`${"00".repeat(40)} ${remaining}`));
  assert.equal(total("14080000"), 2112);
  assert.equal(total("84100000"), 4272);
  assert.equal(total("13000000"), undefined);
  assert.equal(total("FFFFFFFF"), undefined);
});

test("what is encoded decodes to the same", () => {
  const messages = fc.record({
    version: fc.constantFrom(OBP_VERSION, OBP2_VERSION),
    flags: fc.nat(0xffff),
    error: fc.nat(0xffff),
    type: fc.nat(0xffff_ffff),
    regarding: fc.nat(0xffff_ffff),
    data: fc.uint8Array({ maxLength: 200 }),
  });
  fc.assert(
    fc.property(messages, fc.constantFrom("none" as const, "md5" as const), (sent, checksum) => {
      assert.deepEqual(decodeObp(encodeObp(sent, checksum)), { ...sent });
    }),
  );
});

test("a damaged message is refused with the reason", () => {
  const good = encodeObp(message(0x00101100, new Uint8Array(100).fill(7)), "md5");
  const damaged = (offset: number, value: number): unknown => {
    const bytes = good.slice();
    bytes[offset] = value;
    return decodeObp(bytes);
  };
  assert.equal(damaged(0, 0), "message does not begin with C1 C0");
  assert.equal(damaged(50, 8), "wrong checksum");
  assert.equal(damaged(good.length - 1, 0), "message does not end in C5 C4 C3 C2");
  assert.equal(damaged(40, 0), "message of 164 bytes contradicts its header");
  assert.equal(damaged(23, 17), "17 bytes of immediate data, 16 are the most");
  assert.equal(damaged(22, 2), "unknown checksum type 2");
  assert.equal(decodeObp(good.subarray(0, 60)), "message of 60 bytes, 64 are the least");
});

test("no bytes make the decoder throw", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      decodeObp(bytes);
      decodeObp(Buffer.concat([fromHex("C1C0"), bytes]));
    }),
  );
});

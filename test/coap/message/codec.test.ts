import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { blockValue, partOf, readBlock, UDP_SIZES } from "../../../src/coap/message/block.ts";
import {
  type CoapMessage,
  decodeMessage,
  encodeMessage,
  isCoap,
  sortOptions,
} from "../../../src/coap/message/codec.ts";
import { ACK, classOf, codeNumber, codeText, CON, NON, RST } from "../../../src/coap/message/codes.ts";
import { isUnderstood, OPTION, readUint, uintValue } from "../../../src/coap/message/options.ts";

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));

const options = fc
  .array(
    fc.record(
      { number: fc.oneof(fc.nat(20), fc.nat(300), fc.nat(0xffff)), value: fc.oneof(bytes(14), bytes(300)) },
      { noNullPrototype: true },
    ),
    {
      maxLength: 12,
    },
  )
  .map(sortOptions);

const message: fc.Arbitrary<CoapMessage> = fc.record(
  {
    type: fc.constantFrom(CON, NON, ACK, RST),
    code: fc.integer({ min: 1, max: 255 }),
    messageId: fc.nat(0xffff),
    token: bytes(8),
    options,
    payload: bytes(1200),
  },
  { noNullPrototype: true },
);

test("decoding undoes encoding", () => {
  fc.assert(
    fc.property(message, (original) => {
      const decoded = decodeMessage(encodeMessage(original));
      assert.deepEqual(decoded && { ...decoded, payload: Buffer.from(decoded.payload) }, original);
    }),
    { numRuns: 500 },
  );
});

test("any bytes either give nothing or a message that encodes to something that decodes to the same", () => {
  fc.assert(
    fc.property(bytes(80), (datagram) => {
      datagram[0] = ((datagram[0] ?? 0) & 0x3f) | 0x40;
      const decoded = isCoap(datagram) ? decodeMessage(datagram) : undefined;
      if (decoded !== undefined) assert.deepEqual(decodeMessage(encodeMessage(decoded)), decoded);
    }),
    { numRuns: 5000 },
  );
});

test("a message from RFC 7252 appendix A has the bytes printed there", () => {
  // Figure 16: CON GET /temperature, MID 0x7d34; figure 17 has the token 0x20.
  const request: CoapMessage = {
    type: CON,
    code: 1,
    messageId: 0x7d34,
    token: Buffer.alloc(0),
    options: [{ number: 11, value: Buffer.from("temperature") }],
    payload: Buffer.alloc(0),
  };
  const plain = encodeMessage(request);
  assert.equal(plain.toString("hex"), `40017d34bb${Buffer.from("temperature").toString("hex")}`);
  const tokened = encodeMessage({ ...request, messageId: 0x7d35, token: Buffer.from([0x20]) });
  assert.equal(tokened.toString("hex"), `41017d3520bb${Buffer.from("temperature").toString("hex")}`);
  const answer = Buffer.from("60457d34ff32322e332043", "hex");
  const decoded = decodeMessage(answer);
  assert.equal(decoded?.type, ACK);
  assert.equal(decoded && codeText(decoded.code), "2.05");
  assert.equal(decoded && Buffer.from(decoded.payload).toString(), "22.3 C");
});

test("codes are text and number", () => {
  for (const text of ["2.01", "2.05", "2.31", "4.04", "4.22", "5.03"])
    assert.equal(codeText(codeNumber(text)), text);
  assert.equal(codeNumber("2.05"), 0x45);
  assert.equal(classOf(codeNumber("4.13")), 4);
  for (const text of ["2.5", "205", "1.00", "2.32", "", "9.01"]) {
    assert.throws(() => codeNumber(text), { code: "INTERNAL" }, text);
  }
});

test("integers take as few bytes as they can", () => {
  fc.assert(
    fc.property(fc.nat(0xffff_ffff), (value) => {
      const encoded = uintValue(value);
      assert.equal(readUint(encoded), value);
      assert.equal(encoded.length, value === 0 ? 0 : Math.ceil(value.toString(16).length / 2));
    }),
  );
});

test("block options hold number, more and size; slices make up the body", () => {
  const block = { number: 1_048_575, more: true, sizeExponent: 6 };
  assert.deepEqual(readBlock(uintValue(blockValue(block))), block);
  fc.assert(
    fc.property(bytes(700), fc.nat(6), (body, sizeExponent) => {
      const parts: Uint8Array[] = [];
      for (let number = 0, more = true; more; number++) {
        const part = partOf(body.length, { number, more: false, sizeExponent }, UDP_SIZES);
        assert.ok(part !== undefined);
        parts.push(body.subarray(part.offset, part.end));
        more = part.block?.more === true;
      }
      assert.deepEqual(Buffer.concat(parts), body);
      const past = { number: parts.length, more: false, sizeExponent };
      assert.equal(partOf(body.length, past, UDP_SIZES), undefined);
    }),
  );
});

test("an option of illegal length, or repeated against the rules, is not understood", () => {
  const option = (number: number, length: number) => ({ number, value: Buffer.alloc(length) });
  assert.ok(isUnderstood(option(OPTION.URI_PATH, 255), OPTION.URI_PATH));
  assert.ok(!isUnderstood(option(OPTION.URI_PATH, 256), -1));
  assert.ok(!isUnderstood(option(OPTION.ACCEPT, 2), OPTION.ACCEPT));
  assert.ok(!isUnderstood(option(OPTION.ETAG, 0), -1));
  assert.ok(!isUnderstood(option(9999, 0), -1));
});

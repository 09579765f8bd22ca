import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode } from "cborg";
import fc from "fast-check";
import { isVscopeError } from "../../../src/base/errors.ts";
import { decodeText, decodeValue, encodeValue, FORMAT } from "../../../src/interfaces/coap/formats.ts";

test("JSON is the default, CBOR is given on request, other formats are refused by number", () => {
  assert.deepEqual(encodeValue({ a: 1 }, undefined), { bytes: Buffer.from('{"a":1}'), format: FORMAT.json });
  const { bytes, format } = encodeValue({ a: [1.5, "x"] }, FORMAT.cbor);
  assert.equal(format, FORMAT.cbor);
  assert.deepEqual(decode(bytes), { a: [1.5, "x"] });
  assert.throws(
    () => encodeValue(1, 41),
    (error) =>
      isVscopeError(error, "FORMAT_NOT_ACCEPTABLE") &&
      /Accept 41: the formats here are 50/.test(error.message),
  );
});

test("values survive both formats", () => {
  fc.assert(
    fc.property(fc.json(), fc.constantFrom(FORMAT.json, FORMAT.cbor), (text, format) => {
      // Through JSON first: -0 and the like have no JSON form.
      const value: unknown = JSON.parse(JSON.stringify(JSON.parse(text)));
      const there = encodeValue(value, format);
      assert.deepEqual(decodeValue(there.bytes, there.format), value);
    }),
  );
});

test("an empty payload is no value; a payload without a format is JSON", () => {
  assert.equal(decodeValue(new Uint8Array(), undefined), undefined);
  assert.equal(decodeValue(Buffer.from("25000"), undefined), 25_000);
  assert.deepEqual(decodeValue(encode([1, 2]), FORMAT.cbor), [1, 2]);
});

test("broken payloads are VALUE_INVALID, unknown formats FORMAT_UNSUPPORTED", () => {
  for (const [payload, format] of [
    ["{", undefined],
    ["open", FORMAT.json],
    ["\u0000\u0001", undefined],
  ] as const) {
    assert.throws(
      () => decodeValue(Buffer.from(payload), format),
      (error) => isVscopeError(error, "VALUE_INVALID"),
    );
  }
  assert.throws(
    () => decodeValue(Buffer.from([0xff]), FORMAT.cbor),
    (error) => isVscopeError(error, "VALUE_INVALID"),
  );
  assert.throws(
    () => decodeText(Buffer.from([0xc3, 0x28])),
    (error) => isVscopeError(error, "VALUE_INVALID"),
  );
  assert.throws(
    () => decodeValue(Buffer.from("1"), 41),
    (error) => isVscopeError(error, "FORMAT_UNSUPPORTED"),
  );
});

// Values to bytes and back, by Content-Format.

import assert from "node:assert/strict";
import { test } from "node:test";
import { encode as encodeCbor } from "cborg";
import fc from "fast-check";
import { decodePayload, FORMAT, filePayload, jsonPayload } from "../../src/client/payload.ts";

test("any JSON value survives the way to the server and back", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const { bytes, contentFormat } = jsonPayload(value);
      assert.deepEqual(decodePayload(bytes, contentFormat), JSON.parse(JSON.stringify(value)));
    }),
  );
});

test("CBOR, text and bytes are decoded by their format", () => {
  assert.deepEqual(decodePayload(encodeCbor({ a: [1, "µ"] }), FORMAT.cbor), { a: [1, "µ"] });
  assert.equal(decodePayload(Buffer.from("5"), FORMAT.text), "5");
  assert.equal(decodePayload(Buffer.from("5"), undefined), "5");
  assert.deepEqual(decodePayload(Buffer.from([1, 2]), FORMAT.octets), Buffer.from([1, 2]));
});

test("an empty answer is undefined, an empty text a text", () => {
  assert.equal(decodePayload(Buffer.alloc(0), FORMAT.json), undefined);
  assert.equal(decodePayload(Buffer.alloc(0), FORMAT.text), "");
});

for (const [format, name] of [
  [FORMAT.json, "JSON"],
  [FORMAT.cbor, "CBOR"],
] as const) {
  test(`broken ${name} is the server's fault`, () => {
    assert.throws(() => decodePayload(Buffer.from("{"), format), {
      code: "DEVICE_PROTOCOL",
      message: new RegExp(`^the answer is not valid ${name}: `),
    });
  });
}

test("a file is uploaded in the format it shows", () => {
  assert.equal(filePayload(Buffer.from('{"a": 1}\n')).contentFormat, FORMAT.json);
  assert.equal(filePayload(Buffer.from("[channels]\n")).contentFormat, FORMAT.text);
  assert.equal(filePayload(Buffer.from([0xff, 0xfe, 0x00])).contentFormat, FORMAT.octets);
});

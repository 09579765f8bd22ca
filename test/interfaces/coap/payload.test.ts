import assert from "node:assert/strict";
import { test } from "node:test";
import { encode } from "cborg";
import fc from "fast-check";
import { isVscopeError } from "../../../src/base/errors.ts";
import { resource } from "../../../src/resources/define.ts";
import { CBOR_FORMAT } from "../../../src/interfaces/coap/formats/cbor.ts";
import { JSON_FORMAT } from "../../../src/interfaces/coap/formats/json.ts";
import { decodePatch, decodeText, decodeValue } from "../../../src/interfaces/coap/payload.ts";

const SUBJECT = { resource: resource<unknown>()("/any", { summary: "any" }), path: ["any"] };

test("values survive both formats", () => {
  fc.assert(
    fc.property(fc.json(), fc.constantFrom(JSON_FORMAT, CBOR_FORMAT), (text, format) => {
      // Through JSON first: -0 and the like have no JSON form.
      const value: unknown = JSON.parse(JSON.stringify(JSON.parse(text)));
      assert.deepEqual(decodeValue(format.encode(value, SUBJECT), format.number), value);
    }),
  );
});

test("an empty payload is no value; a payload without a format is JSON, and so is text", () => {
  assert.equal(decodeValue(new Uint8Array(), undefined), undefined);
  assert.equal(decodeValue(Buffer.from("25000"), undefined), 25_000);
  assert.equal(decodeValue(Buffer.from("25000"), 0), 25_000);
  assert.deepEqual(decodeValue(encode([1, 2]), 60), [1, 2]);
});

test("where a text is wanted, bytes without a format are that text, with or without quotes", () => {
  const read = (text: string, format?: number) => decodeValue(Buffer.from(text), format, { isText: true });
  for (const [given, text] of [
    ["open", "open"],
    ['"open"', "open"],
    ["2026-06-21T12:00:00Z\n", "2026-06-21T12:00:00Z"],
    ["plot 10", "plot 10"],
  ] as const)
    assert.deepEqual([read(given), read(given, 0)], [text, text]);
  assert.equal(read("12"), 12);
  assert.throws(() => read('"half'), { code: "VALUE_INVALID" });
  // Who says that it is JSON is taken at his word.
  assert.equal(read("12", 50), 12);
  assert.throws(() => read("open", 50), { code: "VALUE_INVALID" });
});

test("what cannot be read is told with an example", () => {
  const wanted = { example: { enabled: true } };
  assert.throws(() => decodeValue(Buffer.from("1"), 41, wanted), {
    message: 'Content-Format 41: understood are 50 (JSON), 60 (CBOR), such as {"enabled":true}',
  });
  assert.throws(() => decodeValue(Buffer.from("on"), undefined, { example: 250 }), {
    message: /^payload: not JSON, such as 250, /,
  });
});

test("broken payloads are VALUE_INVALID, unknown formats FORMAT_UNSUPPORTED with those that are known", () => {
  for (const [payload, format] of [
    ["{", undefined],
    ["open", 50],
    ["\u0000\u0001", undefined],
  ] as const) {
    assert.throws(
      () => decodeValue(Buffer.from(payload), format),
      (error) => isVscopeError(error, "VALUE_INVALID"),
    );
  }
  assert.throws(
    () => decodeValue(Buffer.from([0xff]), 60),
    (error) => isVscopeError(error, "VALUE_INVALID"),
  );
  assert.throws(
    () => decodeText(Buffer.from([0xc3, 0x28]), undefined),
    (error) => isVscopeError(error, "VALUE_INVALID"),
  );
  assert.equal(decodeText(Buffer.from("a"), 0), "a");
  assert.throws(() => decodeText(Buffer.from("a"), 60), {
    code: "FORMAT_UNSUPPORTED",
    message: "Content-Format 60: understood is 0 (text)",
  });
  for (const format of [41, 52]) {
    assert.throws(
      () => decodeValue(Buffer.from("1"), format),
      (error) =>
        isVscopeError(error, "FORMAT_UNSUPPORTED") &&
        error.message === `Content-Format ${format}: understood are 50 (JSON), 60 (CBOR)`,
    );
  }
});

test("a patch can also be called a merge patch", () => {
  assert.deepEqual(decodePatch(Buffer.from('{"a":null}'), 52), { a: null });
  assert.deepEqual(decodePatch(encode({ a: 1 }), 60), { a: 1 });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodeObp } from "../../../src/drivers/oceanoptics/obp-frame.ts";
import { OBP_ON_NETWORK } from "../../../src/drivers/oceanoptics/obp-network.ts";

const { lengthOf, productIdOf } = OBP_ON_NETWORK;

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(/[\s|]/g, ""), "hex"));

// The message layout of the reference, written out by hand.
const NO_DATA = "00000000 000000000000 00 00 00000000000000000000000000000000 14000000";
const FOOTER = "00000000000000000000000000000000 C5C4C3C2";

test("the questions have the bytes of the reference", () => {
  const searchQuestion = hex(`C1C0 0011 0400 0000 010E0000 ${NO_DATA} ${FOOTER}`);
  const question = hex(`C1C0 0011 0000 0000 010E0000 ${NO_DATA} ${FOOTER}`);
  assert.deepEqual(OBP_ON_NETWORK.searchQuestion, searchQuestion);
  assert.deepEqual(OBP_ON_NETWORK.question, question);
});

test("a product id is read from an answer and from nothing else", () => {
  const answer = (type: string, error = "0000", length = "02"): Uint8Array =>
    hex(
      `C1C0 0011 0100 ${error} ${type} 00000000 000000000000 00 ${length} 0320 0000000000000000000000000000 14000000 ${FOOTER}`,
    );
  assert.equal(productIdOf(answer("010E0000")), 0x2003);
  assert.equal(productIdOf(answer("000E0000")), undefined, "another type");
  assert.equal(productIdOf(answer("010E0000", "0200")), undefined, "a refusal");
  assert.equal(productIdOf(answer("010E0000", "0000", "01")), undefined, "one byte");
  assert.equal(productIdOf(answer("010E0000").subarray(0, 60)), undefined, "not whole");
  assert.equal(productIdOf(new Uint8Array(0)), undefined);
});

/** Cuts a stream that comes in pieces as the transport does. */
function cut(pieces: readonly Uint8Array[]): Uint8Array[] {
  const messages: Uint8Array[] = [];
  let bytes = new Uint8Array(0);
  for (const piece of pieces) {
    bytes = new Uint8Array(Buffer.concat([bytes, piece]));
    for (let length = lengthOf(bytes); length !== undefined; length = lengthOf(bytes)) {
      assert.ok(length > 0);
      if (length > bytes.length) break;
      messages.push(bytes.slice(0, length));
      bytes = bytes.slice(length);
    }
  }
  assert.equal(bytes.length, 0, "nothing is left over");
  return messages;
}

const MESSAGE = fc
  .uint8Array({ maxLength: 200 })
  .map((data) => encodeObp({ version: 0x1100, flags: 1, error: 0, type: 7, regarding: 9, data }));

test("messages come out whole however the stream is divided", () => {
  fc.assert(
    fc.property(
      fc.array(MESSAGE, { minLength: 1, maxLength: 5 }),
      fc.array(fc.nat(70), { maxLength: 30 }),
      (messages, sizes) => {
        const stream = new Uint8Array(Buffer.concat(messages));
        const pieces: Uint8Array[] = [];
        let at = 0;
        for (const size of sizes) {
          pieces.push(stream.subarray(at, at + size));
          at = Math.min(at + size, stream.length);
        }
        pieces.push(stream.subarray(at));
        assert.deepEqual(cut(pieces), messages);
      },
    ),
  );
});

test("rubbish before a message is cut off it", () => {
  // Without the start of a message in it, also not together with what follows.
  const rubbish = fc
    .uint8Array({ minLength: 1, maxLength: 100 })
    .map((bytes) => bytes.map((byte) => byte & 0x7f));
  fc.assert(
    fc.property(rubbish, MESSAGE, (before, message) => {
      const whole = new Uint8Array(Buffer.concat([before, message]));
      assert.deepEqual(cut([whole]), [before, message]);
    }),
  );
  const message = encodeObp({ version: 0x1100, flags: 1, error: 0, type: 7, regarding: 9, data: hex("01") });
  const lone = hex("C1 C1");
  assert.deepEqual(cut([new Uint8Array(Buffer.concat([lone, message]))]), [lone, message]);
});

test("a header with an impossible length is handed over alone", () => {
  const header = hex(`C1C0 0011 0000 0000 010E0000 ${NO_DATA}`);
  header.fill(0xff, 40, 44);
  assert.equal(lengthOf(header), 44);
  assert.equal(lengthOf(header.subarray(0, 43)), undefined);
});

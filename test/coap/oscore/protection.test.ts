// Protection as a pair of functions: any message goes in and out unharmed, and nothing that was changed is taken.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { isVscopeError } from "../../../src/base/errors.ts";
import {
  type Content,
  decodeMessage,
  encodeMessage,
  NO_BYTES,
  sortOptions,
} from "../../../src/coap/message/codec.ts";
import { codeNumber, CON, methodCode } from "../../../src/coap/message/codes.ts";
import { findOption, findUint, OPTION, textOption, uintOption } from "../../../src/coap/message/options.ts";
import { type AlgorithmName, ALGORITHMS } from "../../../src/coap/oscore/cose.ts";
import { OscoreContext } from "../../../src/coap/oscore/oscore-context.ts";
import {
  decodeOscoreOption,
  encodeOscoreOption,
  partialIvOf,
  sequenceOf,
} from "../../../src/coap/oscore/oscore-option.ts";
import {
  openRequest,
  openResponse,
  protectRequest,
  protectResponse,
  type RequestBinding,
} from "../../../src/coap/oscore/protection.ts";
import { hex, KEY, MemoryStore, mirrored, openPair } from "./oscore-pair.ts";

const bytes = (max: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ maxLength: max }).map((value) => Buffer.from(value));
const number = fc.integer({ min: 0, max: 2 ** 40 - 1 });

// OSCORE inside OSCORE is not defined, and Observe has a meaning of its own here.
const option = fc.record({
  number: fc
    .integer({ min: 1, max: 3000 })
    .filter((value) => value !== OPTION.OSCORE && value !== OPTION.OBSERVE),
  value: bytes(300),
});
const options = fc.array(option, { maxLength: 8 }).map(sortOptions);
const content = (codes: fc.Arbitrary<number>): fc.Arbitrary<Content> =>
  fc.record({ code: codes, options, payload: bytes(1200) });
const requests = content(fc.integer({ min: 1, max: 31 }));
const responses = content(fc.constantFrom("2.05", "2.04", "4.04", "5.00").map(codeNumber));

const names = Object.keys(ALGORITHMS).filter((name): name is AlgorithmName => name in ALGORITHMS);

for (const algorithm of names) {
  test(`${algorithm}: any request and its response arrive as they were sent`, async () => {
    const { client, server } = await openPair({ ...KEY, algorithm });
    fc.assert(
      fc.property(requests, responses, number, number, (request, response, ours, theirs) => {
        const { outer, binding } = protectRequest(client, request, ours);
        const far: RequestBinding = { ...binding, context: server };
        assert.deepEqual(plainly(openRequest(far, onTheWire(outer))), plainly(request));
        for (const own of [undefined, theirs]) {
          const answer = onTheWire(protectResponse(far, response, own));
          const opened = openResponse(binding, answer);
          assert.equal(opened?.sequence, own);
          assert.deepEqual(plainly(opened?.content ?? "forged"), plainly(response));
        }
      }),
      { numRuns: 60 },
    );
  });
}

test("what proxies need stays outside, everything else is hidden", async () => {
  const { client } = await openPair();
  const request: Content = {
    code: methodCode("PUT"),
    options: sortOptions([
      textOption(OPTION.URI_HOST, "box"),
      uintOption(OPTION.URI_PORT, 5683),
      textOption(OPTION.URI_PATH, "shutters"),
      textOption(OPTION.URI_QUERY, "secret=1"),
      uintOption(OPTION.BLOCK1, 6),
      uintOption(OPTION.NO_RESPONSE, 2),
      textOption(OPTION.PROXY_SCHEME, "coap"),
    ]),
    payload: Buffer.from("open"),
  };
  const { outer } = protectRequest(client, request, 1);
  assert.deepEqual(
    outer.options.map((each) => each.number),
    [OPTION.URI_HOST, OPTION.URI_PORT, OPTION.OSCORE, OPTION.PROXY_SCHEME],
  );
  assert.equal(outer.code, methodCode("POST"));
  const wire = bytesOf(outer).toString("latin1");
  for (const word of ["shutters", "secret", "open"]) assert.ok(!wire.includes(word), word);
});

test("Observe is inside and outside; a notification is in the order of its Partial IV", async () => {
  const { client, server } = await openPair();
  const observe = { code: methodCode("GET"), options: [uintOption(OPTION.OBSERVE, 0)], payload: NO_BYTES };
  const { outer, binding } = protectRequest(client, observe, 5);
  assert.equal(outer.code, methodCode("FETCH"));
  assert.equal(findUint(outer.options, OPTION.OBSERVE), 0);
  // Taken away on the way: the request inside is still a registration (section 4.1.3.5.1).
  const stripped = { ...outer, options: outer.options.filter((each) => each.number !== OPTION.OBSERVE) };
  const opened = openRequest({ ...binding, context: server }, stripped);
  assert.ok(typeof opened === "object");
  assert.equal(findUint(opened.options, OPTION.OBSERVE), 0);
  const notification = {
    code: codeNumber("2.05"),
    options: [uintOption(OPTION.OBSERVE, 77)],
    payload: NO_BYTES,
  };
  const sent = protectResponse({ ...binding, context: server }, notification, 0x0a_0b_0c_0d);
  assert.equal(sent.code, codeNumber("2.05"));
  assert.equal(findUint(sent.options, OPTION.OBSERVE), 77);
  const seen = openResponse(binding, sent);
  assert.equal(seen?.sequence, 0x0a_0b_0c_0d);
  assert.equal(findUint(seen?.content.options ?? [], OPTION.OBSERVE), 0x0b_0c_0d);
});

test("any flipped bit of what is protected is noticed", async () => {
  const { client, server } = await openPair();
  const request = { code: 3, options: [textOption(OPTION.URI_PATH, "put")], payload: Buffer.from("12345") };
  const { outer, binding } = protectRequest(client, request, 300);
  const far: RequestBinding = { ...binding, context: server };
  const answer = protectResponse(far, { code: codeNumber("2.04"), options: [], payload: NO_BYTES }, 9);
  for (let bit = 0; bit < outer.payload.length * 8; bit++)
    assert.equal(openRequest(far, { ...outer, payload: flipped(outer.payload, bit) }), "forged");
  for (let bit = 0; bit < answer.payload.length * 8; bit++)
    assert.equal(openResponse(binding, { ...answer, payload: flipped(answer.payload, bit) }), undefined);
  // The parameters beside the ciphertext: kid and Partial IV of the request, Partial IV of the answer.
  for (let bit = 0; bit < binding.partialIv.length * 8; bit++)
    assert.equal(openRequest({ ...far, partialIv: flipped(binding.partialIv, bit) }, outer), "forged");
  for (let bit = 0; bit < binding.kid.length * 8; bit++)
    assert.equal(openRequest({ ...far, kid: flipped(binding.kid, bit) }, outer), "forged");
  const value = findOption(answer.options, OPTION.OSCORE) ?? NO_BYTES;
  for (let bit = 0; bit < value.length * 8; bit++) {
    const changed = [{ number: OPTION.OSCORE, value: flipped(value, bit) }];
    // The bits of kid and kid context mean nothing in an answer, unless they claim bytes that are not there.
    const opened = openResponse(binding, { ...answer, options: changed });
    if (opened !== undefined)
      assert.deepEqual(decodeOscoreOption(changed[0]?.value ?? NO_BYTES)?.partialIv, hex("09"));
  }
});

test("an answer belongs to its request, and to its direction", async () => {
  const { client, server } = await openPair();
  const request = { code: 1, options: [], payload: NO_BYTES };
  const first = protectRequest(client, request, 1);
  const second = protectRequest(client, request, 2);
  const answer = { code: codeNumber("2.05"), options: [], payload: Buffer.from("dark") };
  for (const own of [undefined, 7]) {
    const sent = protectResponse({ ...first.binding, context: server }, answer, own);
    assert.ok(openResponse(first.binding, sent));
    assert.equal(openResponse(second.binding, sent), undefined);
  }
  // A request sent back as its own answer.
  assert.equal(openResponse(first.binding, first.outer), undefined);
});

test("another secret, salt, ID or ID context is another key", async () => {
  const request = { code: 1, options: [], payload: NO_BYTES };
  const { client } = await openPair();
  const { outer, binding } = protectRequest(client, request, 1);
  const others = [
    { masterSecret: hex("0102030405060708090a0b0c0d0e0f11") },
    { masterSalt: hex("9e7ca92223786341") },
    { idContext: hex("00") },
    { senderId: Buffer.from("k8") },
  ];
  for (const other of others) {
    const context = await OscoreContext.open(mirrored({ ...KEY, ...other }), new MemoryStore());
    assert.equal(openRequest({ ...binding, context }, outer), "forged");
  }
});

test("a key with a wrong part is refused with its name", async () => {
  const wrong = [
    { masterSecret: Buffer.alloc(15) },
    { senderId: Buffer.alloc(8) },
    { recipientId: Buffer.alloc(8) },
    { senderId: KEY.recipientId },
    { idContext: Buffer.alloc(256) },
  ];
  for (const part of wrong) {
    await assert.rejects(
      OscoreContext.open({ ...KEY, ...part }, new MemoryStore()),
      (error) => isVscopeError(error, "CONFIG_INVALID") && error.message.startsWith("key field laptop: "),
    );
  }
});

test("the option: any parameters come back, and malformed values do not", () => {
  const parameters = fc.record(
    { partialIv: fc.uint8Array({ minLength: 1, maxLength: 5 }), kid: bytes(7), kidContext: bytes(255) },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(parameters, ({ partialIv, ...rest }) => {
      const given = { ...rest, ...(partialIv === undefined ? {} : { partialIv: Buffer.from(partialIv) }) };
      assert.deepEqual(decodeOscoreOption(encodeOscoreOption(given)), given);
    }),
  );
  // All flags 0 but not empty; lengths 6 and 7; reserved bits; cut off; bytes that belong to nothing.
  for (const value of [
    "00",
    "06010203040506",
    "0701020304050607",
    "2801",
    "4801",
    "8801",
    "0a01",
    "18",
    "1805aa",
    "0114ff",
  ])
    assert.equal(decodeOscoreOption(hex(value)), undefined, value);
  fc.assert(fc.property(bytes(40), (value) => void decodeOscoreOption(value)));
});

test("Partial IVs have no leading zeros", () => {
  assert.equal(partialIvOf(0).toString("hex"), "00");
  assert.equal(partialIvOf(256).toString("hex"), "0100");
  assert.equal(partialIvOf(2 ** 40 - 1).toString("hex"), "ffffffffff");
  fc.assert(
    fc.property(number, (sequence) => {
      const value = partialIvOf(sequence);
      assert.equal(sequenceOf(value), sequence);
      assert.ok(sequence === 0 || value[0] !== 0);
    }),
  );
});

function flipped(value: Uint8Array, bit: number): Buffer {
  const copy = Buffer.from(value);
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
}

function bytesOf(message: Content): Buffer {
  return encodeMessage({ ...message, type: CON, messageId: 1, token: NO_BYTES });
}

/** As it comes out of a datagram at the other end. */
function onTheWire(message: Content): Content {
  const decoded = decodeMessage(bytesOf(message));
  assert.ok(decoded);
  return decoded;
}

/** The order of options with equal numbers counts, how their bytes are held does not. */
function plainly(message: Content | string): unknown {
  if (typeof message === "string") return message;
  const { code, payload } = message;
  const all = message.options.map((each) => `${each.number} ${each.value.toString("hex")}`);
  return { code, options: all, payload: Buffer.from(payload).toString("hex") };
}

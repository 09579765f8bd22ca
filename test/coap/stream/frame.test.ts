// Messages on a stream of bytes: every length of the header, every way to cut the stream, and what is refused.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Budget } from "../../../src/base/budget.ts";
import type { Message } from "../../../src/coap/message/codec.ts";
import { OPTION, textOption, uintOption } from "../../../src/coap/message/options.ts";
import {
  decodeWebSocketMessage,
  encodeFrame,
  encodeFrameHead,
  encodeWebSocketMessage,
  FrameReader,
  messageBytes,
} from "../../../src/coap/stream/frame.ts";
import { pattern } from "../support/sample-server.ts";

const LIMIT = 100_000;

function message(payloadBytes: number, token = "tok"): Message {
  const options = [textOption(OPTION.URI_PATH, "path"), uintOption(OPTION.ACCEPT, 60)];
  return { code: 0x45, token: Buffer.from(token), options, payload: pattern(payloadBytes) };
}

/** What a reader makes of the chunks. */
function read(chunks: readonly Buffer[], limit = LIMIT) {
  const budget = new Budget(2 * limit);
  const reader = new FrameReader(limit, budget);
  const messages: Message[] = [];
  let fact: string | undefined;
  for (const chunk of chunks) {
    fact ??= reader.push(Buffer.from(chunk), (whole) => {
      messages.push(whole);
      return true;
    });
  }
  const heldBytes = reader.heldBytes;
  reader.close();
  assert.equal(budget.usedBytes, 0, "a reader that is closed holds nothing");
  return { messages, fact, heldBytes };
}

function plain({ code, token, options, payload }: Message): unknown {
  return {
    code,
    token: token.toString("hex"),
    options: options.map(({ number, value }) => `${number} ${value.toString("hex")}`),
    payload: Buffer.from(payload).toString("hex"),
  };
}

// Lengths around those at which the header grows: 13, 269 and 65,805, less the 8 bytes of options and the marker.
const LENGTHS = [0, 1, 2, 3, 4, 5, 6, 200, 259, 260, 261, 262, 1024, 65_795, 65_796, 65_797, 65_798, 90_000];

test("messages of every header length come out as they went in", () => {
  for (const length of LENGTHS) {
    const sent = message(length);
    const frame = encodeFrame(sent);
    assert.ok(frame.length <= messageBytes(sent));
    const { messages, fact, heldBytes } = read([frame]);
    assert.deepEqual(
      [messages.map(plain), fact, heldBytes],
      [[plain(sent)], undefined, 0],
      `${length} bytes`,
    );
    if (length > 0) assert.deepEqual(Buffer.concat([encodeFrameHead(sent), sent.payload]), frame);
    assert.deepEqual(plain(decodeWebSocketMessage(encodeWebSocketMessage(sent)) ?? message(0)), plain(sent));
  }
});

test("a stream cut at any byte, or at every byte, gives the same messages", () => {
  const sent = [
    message(0, ""),
    message(5),
    message(300, "12345678"),
    message(1),
    message(70_000),
    message(0),
  ];
  const stream = Buffer.concat(sent.map(encodeFrame));
  const expected = sent.map(plain);
  const near = [...Array(700).keys(), ...[-3, -2, -1, 0, 1].map((by) => stream.length - 1 + by)];
  for (const at of near) {
    const { messages } = read([stream.subarray(0, at), stream.subarray(at)]);
    assert.deepEqual(messages.map(plain), expected, `cut at ${at}`);
  }
  const bytes = Array.from(stream, (byte) => Buffer.from([byte]));
  assert.deepEqual(read(bytes).messages.map(plain), expected);
});

test("messages cut into random chunks come out whole", () => {
  const lengths = fc.array(fc.integer({ min: 0, max: 3000 }), { maxLength: 8 });
  const cuts = fc.array(fc.nat(20_000), { maxLength: 12 });
  fc.assert(
    fc.property(lengths, cuts, (payloads, positions) => {
      const sent = payloads.map((length) => message(length));
      const stream = Buffer.concat(sent.map(encodeFrame));
      const at = [0, ...positions.map((position) => position % (stream.length + 1)), stream.length];
      at.sort((left, right) => left - right);
      const chunks = at.slice(1).map((end, index) => stream.subarray(at[index], end));
      assert.deepEqual(read(chunks).messages.map(plain), sent.map(plain));
    }),
    { seed: 8323, numRuns: 300 },
  );
});

test("a reader stops after a message when it is told to, and goes on from there", () => {
  const reader = new FrameReader(LIMIT, new Budget(LIMIT));
  const seen: number[] = [];
  const take = (whole: Message): boolean => {
    seen.push(whole.payload.length);
    return seen.length % 2 === 0;
  };
  reader.push(Buffer.concat([1, 2, 3, 4].map((length) => encodeFrame(message(length)))), take);
  assert.deepEqual(seen, [1]);
  reader.push(Buffer.alloc(0), take);
  assert.deepEqual(seen, [1, 2, 3]);
  reader.push(encodeFrame(message(5)), take);
  assert.deepEqual(seen, [1, 2, 3, 4, 5]);
});

test("a length above the limit is refused from its header alone, before memory is taken", () => {
  const budget = new Budget(1000);
  const reader = new FrameReader(1000, budget);
  const header = Buffer.from([0xf0, 0x7f, 0xff, 0xff, 0xff, 0x45]);
  assert.match(reader.push(header, () => true) ?? "", /^message of \d+ bytes, 1000 are allowed$/);
  assert.equal(budget.usedBytes, 0);
  assert.equal(read([encodeFrame(message(960))], 1000).fact, undefined);
});

test("tokens over 8 bytes and malformed options are refused", () => {
  assert.match(read([Buffer.from([0x09, 0x45])]).fact ?? "", /token of 9 bytes/);
  assert.match(read([Buffer.from([0x10, 0x01, 0xf0])]).fact ?? "", /malformed/);
  assert.match(read([Buffer.from([0x10, 0x01, 0xff])]).fact ?? "", /malformed/);
  assert.match(read([Buffer.from([0x10, 0x01, 0xb2])]).fact ?? "", /malformed/);
  assert.equal(decodeWebSocketMessage(Buffer.from([0x10, 0x01])), undefined);
  assert.equal(decodeWebSocketMessage(Buffer.from([0x02, 0x01, 0x00])), undefined);
  assert.equal(decodeWebSocketMessage(Buffer.alloc(0)), undefined);
});

test("all readers together hold no more than their budget", () => {
  const budget = new Budget(10_000);
  const readers = [1, 2, 3].map(() => new FrameReader(LIMIT, budget));
  const begun = encodeFrame(message(5000)).subarray(0, 4000);
  const facts = readers.map((reader) => reader.push(Buffer.from(begun), () => true));
  assert.deepEqual(facts, [undefined, undefined, "no room for more unfinished messages"]);
  assert.ok(budget.usedBytes <= 10_000);
});

test("a small message that is kept does not keep the chunk it came in", () => {
  const frames = Array.from({ length: 100 }, () => encodeFrame(message(600)));
  const chunk = Buffer.allocUnsafeSlow(frames.length * 640).subarray(
    0,
    frames.reduce((sum, { length }) => sum + length, 0),
  );
  Buffer.concat(frames).copy(chunk);
  const { messages } = read([chunk]);
  assert.equal(messages.length, 100);
  for (const { payload } of messages) assert.notEqual(payload.buffer, chunk.buffer);
});

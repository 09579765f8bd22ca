// What the server does with Q-Block1 (RFC 9177 section 4.3), datagram by datagram: what it says to which block, what it asks
// for, and what it refuses.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SECOND } from "../../src/base/clock.ts";
import { blockValue } from "../../src/coap/message/block.ts";
import { encodeMessage } from "../../src/coap/message/codec.ts";
import { CON, NON } from "../../src/coap/message/codes.ts";
import { findUint, OPTION } from "../../src/coap/message/options.ts";
import { decodeMissing, encodeMissing } from "../../src/coap/message/q-block.ts";
import { blockIn, far, type FarBench, type FarOptions } from "./support/far-bench.ts";
import { brief, CODE, type RawRequest, textOf } from "./support/raw-peer.ts";
import { pattern } from "./support/sample-server.ts";

/** 25 blocks, the last of 424 bytes. */
const BODY = pattern(25_000, 2);
const LAST = 24;

let messageId = 0;

function block(number: number, { tag = "tag", sized = true } = {}): RawRequest {
  const value = blockValue({ number, more: number < LAST, sizeExponent: 6 });
  const size = sized ? [[OPTION.SIZE1, BODY.length] as const] : [];
  messageId += 1;
  return {
    type: NON,
    code: CODE.PUT,
    path: "put",
    messageId,
    token: `t${messageId}`,
    payload: BODY.subarray(number * 1024, number * 1024 + 1024),
    options: [[OPTION.Q_BLOCK1, value], [OPTION.REQUEST_TAG, tag], ...size],
  };
}

/** What comes within a time, in short: 2.31 with its block, 4.08 with what is missing. */
async function within({ clock, peer }: FarBench, us: number): Promise<readonly string[]> {
  const before = peer.received.length;
  await clock.advance(us);
  return peer.received.slice(before).map((message) => {
    const done = blockIn(encodeMessage(message), OPTION.Q_BLOCK1)?.number;
    const isMissing = findUint(message.options, OPTION.CONTENT_FORMAT) === 272;
    const more = isMissing ? decodeMissing(message.payload)?.join(" ") : (done ?? textOf(message));
    return `${brief(message)} ${more}`.trimEnd();
  });
}

/** Sends blocks; what is answered within half a second of their arrival. */
function answering(bench: FarBench, ...requests: readonly RawRequest[]): Promise<readonly string[]> {
  for (const request of requests) bench.peer.send(request);
  return within(bench, SECOND);
}

function blocks(from: number, to: number, but: readonly number[] = []): readonly RawRequest[] {
  const numbers = Array.from({ length: to - from }, (_, index) => from + index);
  return numbers.filter((number) => !but.includes(number)).map((number) => block(number));
}

function rule(name: string, options: FarOptions, run: (bench: FarBench) => Promise<void>): void {
  test(name, () => far(options, run));
}

rule("2.31 for each whole set, the answer for the body", {}, async (bench) => {
  assert.deepEqual(await answering(bench, ...blocks(0, 9)), []);
  assert.deepEqual(await answering(bench, block(9)), ["NON 2.31 9"]);
  assert.deepEqual(await answering(bench, ...blocks(10, 20).toReversed()), ["NON 2.31 19"]);
  assert.deepEqual(await answering(bench, ...blocks(20, 25)), ["NON 2.04"]);
  assert.deepEqual(bench.sample.uploaded, BODY);
});

rule("a confirmable block is acknowledged", {}, async (bench) => {
  assert.deepEqual(await answering(bench, { ...block(0), type: CON }), ["ACK 0.00"]);
});

rule("4.08 with what is missing, soon after the end of a set", {}, async (bench) => {
  assert.deepEqual(await answering(bench, ...blocks(0, 10, [3, 7])), ["NON 4.08 3 7"]);
  assert.deepEqual(await answering(bench, block(3)), []);
  assert.deepEqual(await answering(bench, block(7)), ["NON 2.31 9"]);
});

rule("4.08 for a set before, when the next one has begun", {}, async (bench) => {
  assert.deepEqual(await answering(bench, ...blocks(0, 9), block(10)), ["NON 4.08 9"]);
});

rule("4.08 after 4 s of silence, and again, four times", {}, async (bench) => {
  assert.deepEqual(await answering(bench, ...blocks(0, 25, [21, 23, 24])), ["NON 2.31 9", "NON 2.31 19"]);
  assert.deepEqual(await within(bench, 4 * SECOND), ["NON 4.08 21 23 24"]);
  assert.deepEqual(await within(bench, 4 * SECOND), ["NON 4.08 21 23 24"]);
  assert.deepEqual(await within(bench, 100 * SECOND), ["NON 4.08 21 23 24", "NON 4.08 21 23 24"]);
  assert.deepEqual(await answering(bench, block(21), block(23), block(24)), ["NON 2.04"]);
  assert.equal(bench.sample.runs, 1);
});

rule("without Size1 it asks for the one block that must follow", {}, async (bench) => {
  await answering(bench, ...[0, 1, 2].map((number) => block(number, { sized: false })));
  assert.deepEqual(await within(bench, 4 * SECOND), ["NON 4.08 3"]);
});

rule(
  "the last block again gets the answer again; another one silence; nothing runs twice",
  {},
  async (bench) => {
    assert.deepEqual(await answering(bench, ...blocks(0, 25)), ["NON 2.31 9", "NON 2.31 19", "NON 2.04"]);
    assert.deepEqual(await answering(bench, block(LAST)), ["NON 2.04"]);
    assert.deepEqual(await answering(bench, block(5)), []);
    assert.equal(bench.sample.runs, 1);
    assert.deepEqual(await answering(bench, block(LAST, { tag: "other" })), ["NON 4.08 0 1 2 3 4 5 6 7 8 9"]);
  },
);

rule("what is refused", {}, async (bench) => {
  const plain = block(0);
  const [quick, tag] = plain.options ?? [];
  const with_ = (...options: NonNullable<RawRequest["options"]>): RawRequest => ({ ...block(0), options });
  assert.ok(quick !== undefined && tag !== undefined);
  const reserved = [OPTION.Q_BLOCK1, blockValue({ number: 0, more: true, sizeExponent: 7 })] as const;
  const mixed = ["NON 4.02 Block and Q-Block in one request"];
  assert.deepEqual(await answering(bench, with_(quick)), ["NON 4.00 Q-Block1 needs a Request-Tag"]);
  assert.deepEqual(await answering(bench, with_(quick, tag, [OPTION.BLOCK1, 8])), mixed);
  assert.deepEqual(await answering(bench, with_(quick, tag, [OPTION.BLOCK2, 6])), mixed);
  assert.deepEqual(await answering(bench, with_(reserved, tag)), [
    "NON 4.00 block size exponent 7 is reserved",
  ]);
  const short = { ...block(0), payload: BODY.subarray(0, 1000) };
  assert.deepEqual(await answering(bench, short), ["NON 4.00 block of a wrong length or place"]);
  const announced = with_(quick, tag, [OPTION.SIZE1, 2 ** 31]);
  assert.deepEqual(await answering(bench, announced), ["NON 4.13 body is larger than 16777216 bytes"]);
});

rule(
  "memory is bounded: of one client, and the number of bodies",
  { limits: { uploadBytesPerPeer: 8000, uploadBytes: 8000 } },
  async (bench) => {
    const answers = await answering(bench, ...blocks(0, 10));
    assert.deepEqual(answers, ["NON 5.03", "NON 5.03", "NON 5.03", "NON 5.03"]);
    await bench.clock.advance(300 * SECOND);
    assert.deepEqual((await answering(bench, ...blocks(0, 5))).length, 0);
  },
);

rule(
  "so is the number of unfinished bodies",
  { limits: { requests: 3, requestsPerPeer: 3 } },
  async (bench) => {
    const begun = ["a", "b", "c", "d"].map((tag) => block(0, { tag }));
    assert.deepEqual(await answering(bench, ...begun), ["NON 5.03"]);
  },
);

rule("nobody fills memory from an address that is not his", { amplification: "all" }, async (bench) => {
  await answering(bench, ...blocks(0, 25));
  await bench.clock.advance(20 * SECOND);
  const { peer, sample } = bench;
  assert.equal(sample.runs, 0);
  assert.ok(peer.receivedBytes <= 3 * peer.sentBytes);
});

test("the numbers of missing blocks are a CBOR sequence", () => {
  const numbers = [0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 20 - 1];
  const bytes = encodeMissing(numbers);
  assert.equal(bytes.toString("hex"), "0017181818ff19010019ffff1a000100001a000fffff");
  assert.deepEqual(decodeMissing(bytes), numbers);
  assert.equal(decodeMissing(bytes.subarray(0, -1)), undefined);
  assert.equal(decodeMissing(Buffer.from([0x60])), undefined);
  assert.equal(decodeMissing(Buffer.alloc(30))?.length, 10);
});

// Conformance of block-wise transfer (RFC 7959), datagram by datagram.

import assert from "node:assert/strict";
import { SECOND } from "../../src/base/clock.ts";
import { blockValue, readBlock } from "../../src/coap/message/block.ts";
import type { CoapMessage } from "../../src/coap/message/codec.ts";
import { findOption, findUint, OPTION, uintValue } from "../../src/coap/message/options.ts";
import { type Bench, probe } from "./support/probe.ts";
import { brief, CODE, type RawPeer, type RawRequest, textOf } from "./support/raw-peer.ts";
import { pattern } from "./support/sample-server.ts";

const BODY = pattern(8000, 3);

function block(number: number, more: boolean, sizeExponent = 6): number {
  return blockValue({ number, more, sizeExponent });
}

/** Uploads blocks one after the other; returns the last answer. */
async function upload(
  peer: RawPeer,
  blocks: readonly number[],
  request: (index: number) => RawRequest = () => ({}),
): Promise<CoapMessage> {
  let answer: CoapMessage | undefined;
  for (const index of blocks) {
    const option = [OPTION.BLOCK1, block(index, index < 7)] as const;
    const payload = BODY.subarray(index * 1024, index * 1024 + 1024);
    const more = request(index);
    answer = await peer.ask({
      code: CODE.PUT,
      path: "put",
      payload,
      ...more,
      options: [...(more.options ?? []), option],
    });
    if (brief(answer) !== "ACK 2.31") return answer;
  }
  assert.ok(answer !== undefined);
  return answer;
}

/** Downloads all blocks, each with a token of its own, or with the same one. */
async function download(
  peer: RawPeer,
  request: RawRequest,
  sizeExponent = 6,
): Promise<readonly CoapMessage[]> {
  const answers: CoapMessage[] = [];
  for (let number = 0; ; number++) {
    const option = [OPTION.BLOCK2, block(number, false, sizeExponent)] as const;
    const options = [...(request.options ?? []), option];
    const answer = await peer.ask({ token: `t${number}`, ...request, options });
    answers.push(answer);
    if (!block2Of(answer).more) return answers;
  }
}

function block2Of({ options }: CoapMessage): ReturnType<typeof readBlock> {
  return readBlock(findOption(options, OPTION.BLOCK2) ?? uintValue(0));
}

function bodyOf(answers: readonly CoapMessage[]): Buffer {
  return Buffer.concat(answers.map(({ payload }) => payload));
}

const ALL = [0, 1, 2, 3, 4, 5, 6, 7] as const;

probe(
  "Block1 of 8000 bytes with one token: 2.31 for each, 2.04 with Block1 at last",
  async ({ peer, sample }) => {
    const answer = await upload(peer, ALL);
    assert.equal(brief(answer), "ACK 2.04");
    assert.equal(findUint(answer.options, OPTION.BLOCK1), block(7, false));
    assert.deepEqual(sample.uploaded, BODY);
    assert.equal(sample.runs, 1);
  },
);

probe("Block1 of 8000 bytes with a fresh token per block", async ({ peer, sample }) => {
  assert.equal(brief(await upload(peer, ALL, (index) => ({ token: `fresh${index}` }))), "ACK 2.04");
  assert.deepEqual(sample.uploaded, BODY);
});

probe("Block1 of one 16-byte block (an option of no bytes)", async ({ peer, sample }) => {
  const options = [[OPTION.BLOCK1, 0] as const];
  const payload = Buffer.from("sixteen bytes...");
  assert.equal(brief(await peer.ask({ code: CODE.PUT, path: "put", payload, options })), "ACK 2.04");
  assert.deepEqual(sample.uploaded, payload);
});

probe("Block1 with a gap: 4.08 at the gap", async ({ peer, sample }) => {
  const answer = await upload(peer, [0, 2]);
  assert.equal(brief(answer), "ACK 4.08");
  assert.equal(sample.runs, 0);
});

probe("Block1 that starts in the middle: 4.08", async ({ peer }) => {
  assert.equal(brief(await upload(peer, [2])), "ACK 4.08");
});

probe("Block1 with size exponent 7: 4.00", async ({ peer }) => {
  const options = [[OPTION.BLOCK1, block(0, true, 7)] as const];
  assert.equal(brief(await peer.ask({ code: CODE.PUT, path: "put", payload: BODY, options })), "ACK 4.00");
});

probe("Block1 whose payload is not of the size it claims: 4.00", async ({ peer }) => {
  const options = [[OPTION.BLOCK1, block(0, true)] as const];
  const payload = BODY.subarray(0, 1000);
  assert.equal(brief(await peer.ask({ code: CODE.PUT, path: "put", payload, options })), "ACK 4.00");
});

probe("Block1 announcing 2 GiB by Size1: 4.13 with the limit in Size1", async ({ peer }) => {
  const answer = await upload(peer, [0], () => ({ options: [[OPTION.SIZE1, 2 ** 31]] }));
  assert.equal(brief(answer), "ACK 4.13");
  assert.equal(findUint(answer.options, OPTION.SIZE1), 16 * 1024 * 1024);
});

probe("a block sent again with a new identifier is taken once", async ({ peer, sample }) => {
  assert.equal(brief(await upload(peer, [0, 1, 1, 2, 3, 4, 5, 6, 7])), "ACK 2.04");
  assert.deepEqual(sample.uploaded, BODY);
});

probe("an upload that begins again takes the place of the first", async ({ peer, sample }) => {
  assert.equal(brief(await upload(peer, [0, 1, 2, ...ALL])), "ACK 2.04");
  assert.deepEqual(sample.uploaded, BODY);
});

probe("two uploads of one peer to one path are told apart by Request-Tag", async ({ peer, sample }) => {
  const tag = (name: string) => ({ options: [[OPTION.REQUEST_TAG, name] as const], token: name });
  assert.equal(brief(await upload(peer, [0, 1], () => tag("a"))), "ACK 2.31");
  assert.equal(brief(await upload(peer, [0, 1], () => tag("b"))), "ACK 2.31");
  assert.equal(brief(await upload(peer, [2, 3, 4, 5, 6, 7], () => tag("a"))), "ACK 2.04");
  assert.deepEqual(sample.uploaded, BODY);
});

probe("uploads of two peers do not mix", async ({ peer, another, sample }) => {
  const other = await another();
  assert.equal(brief(await upload(peer, [0, 1, 2])), "ACK 2.31");
  assert.equal(brief(await upload(other, [3])), "ACK 4.08");
  assert.equal(brief(await upload(peer, [3, 4, 5, 6, 7])), "ACK 2.04");
  assert.deepEqual(sample.uploaded, BODY);
});

probe("an upload that stands still for a minute is forgotten", async ({ peer, clock }) => {
  await upload(peer, [0, 1]);
  await clock.advance(70 * SECOND);
  assert.equal(brief(await upload(peer, [2])), "ACK 4.08");
});

probe(
  "Block2 by size exponent 2: blocks of 64 bytes with ETag, the first with Size2",
  async ({ peer, sample }) => {
    const answers = await download(peer, { path: "b8k" }, 2);
    assert.equal(answers.length, 125);
    assert.deepEqual(bodyOf(answers), sample.bodies.get("b8k"));
    assert.equal(findUint(answers[0]?.options ?? [], OPTION.SIZE2), 8000);
    assert.equal(findOption(answers[0]?.options ?? [], OPTION.ETAG)?.length, 8);
  },
);

probe("a large answer comes in blocks of 1024 bytes without being asked to", async ({ peer }) => {
  const answer = await peer.ask({ path: "b8k" });
  assert.equal(answer.payload.length, 1024);
  assert.deepEqual(block2Of(answer), { number: 0, more: true, sizeExponent: 6 });
});

probe("an answer that fits has no Block2", async ({ peer, sample }) => {
  const answer = await peer.ask({ path: "b1k" });
  assert.deepEqual(Buffer.from(answer.payload), sample.bodies.get("b1k"));
  assert.equal(findOption(answer.options, OPTION.BLOCK2), undefined);
});

probe("Block2 with size exponent 7: 4.00", async ({ peer }) => {
  assert.equal(
    brief(await peer.ask({ path: "b8k", options: [[OPTION.BLOCK2, block(0, false, 7)]] })),
    "ACK 4.00",
  );
});

probe("Block2 past the end: 4.00, without the format of the body", async ({ peer }) => {
  const answer = await peer.ask({ path: "b8k", options: [[OPTION.BLOCK2, block(8, false)]] });
  assert.equal(`${brief(answer)} ${textOf(answer)}`, "ACK 4.00 block is past the end");
  assert.equal(findOption(answer.options, OPTION.CONTENT_FORMAT), undefined);
});

probe("Block2 in random access: block 5 first", async ({ peer, sample }) => {
  const answer = await peer.ask({ path: "b8k", options: [[OPTION.BLOCK2, block(5, false)]] });
  assert.deepEqual(Buffer.from(answer.payload), sample.bodies.get("b8k")?.subarray(5120, 6144));
});

probe("a known ETag: 2.03 without payload", async ({ peer }) => {
  const first = await peer.ask({ path: "b8k" });
  const etag = findOption(first.options, OPTION.ETAG) ?? Buffer.alloc(0);
  const answer = await peer.ask({ path: "b8k", options: [[OPTION.ETAG, etag]] });
  assert.equal(brief(answer), "ACK 2.03");
  assert.equal(answer.payload.length, 0);
  assert.deepEqual(findOption(answer.options, OPTION.ETAG), etag);
  const other = await peer.ask({ path: "b8k", options: [[OPTION.ETAG, Buffer.from("other")]] });
  assert.equal(brief(other), "ACK 2.05");
});

async function readsOneFrame({ peer, sample }: Bench, request: RawRequest): Promise<void> {
  const answers = await download(peer, { path: "fresh", ...request });
  assert.deepEqual(bodyOf(answers), pattern(4096, 1));
  assert.equal(sample.runs, 1);
  const etags = new Set(answers.map(({ options }) => findOption(options, OPTION.ETAG)?.toString("hex")));
  assert.equal(etags.size, 1);
}

probe("no torn reads: blocks with fresh tokens are of one frame, rendered once", (bench) =>
  readsOneFrame(bench, {}),
);

probe("no torn reads: blocks with one token are of one frame", (bench) =>
  readsOneFrame(bench, { token: "same" }),
);

probe("no torn reads: two peers at a time each get a frame of their own", async ({ peer, another }) => {
  const other = await another();
  const mine: CoapMessage[] = [];
  const theirs: CoapMessage[] = [];
  for (let number = 0; number < 4; number++) {
    const request = {
      path: "fresh",
      token: `t${number}`,
      options: [[OPTION.BLOCK2, block(number, false)] as const],
    };
    mine.push(await peer.ask(request));
    theirs.push(await other.ask(request));
  }
  assert.deepEqual(bodyOf(mine), pattern(4096, 1));
  assert.deepEqual(bodyOf(theirs), pattern(4096, 2));
});

probe("a pin that nobody reads for a minute is forgotten", async ({ peer, clock, server }) => {
  await peer.ask({ path: "b8k" });
  assert.ok(server.stats.pinnedBytes >= 8000);
  await clock.advance(70 * SECOND);
  assert.equal(server.stats.pinnedBytes, 0);
});

probe(
  "on a thin link, an upload and a pin that stand still are kept longer",
  async ({ peer, clock, server }) => {
    await upload(peer, [0, 1]);
    await peer.ask({ path: "b8k", messageId: 900, token: "down" });
    await clock.advance(110 * SECOND);
    assert.equal(brief(await upload(peer, [2])), "ACK 2.31");
    assert.ok(server.stats.pinnedBytes >= 8000);
    await clock.advance(130 * SECOND);
    assert.equal(server.stats.pinnedBytes, 0);
  },
  { transferIdleS: 120 },
);

probe(
  "a large answer to a PUT: later blocks by PUT, empty, with new tokens, run nothing again",
  async ({ peer, sample }) => {
    const first = await peer.ask({
      code: CODE.PUT,
      path: "query",
      payload: Buffer.from("[[1],{}]"),
      token: "a",
    });
    assert.equal(brief(first), "ACK 2.04");
    const rest: CoapMessage[] = [];
    for (const number of [1, 2]) {
      rest.push(
        await peer.ask({
          code: CODE.PUT,
          path: "query",
          token: `b${number}`,
          options: [[OPTION.BLOCK2, block(number, false)]],
        }),
      );
    }
    assert.deepEqual(bodyOf([first, ...rest]), Buffer.concat([pattern(3000, 1), Buffer.from("[[1],{}]")]));
    assert.equal(sample.runs, 1);
  },
);

probe("a later block of a PUT that nobody made: 4.08, and nothing runs", async ({ peer, sample }) => {
  const answer = await peer.ask({
    code: CODE.PUT,
    path: "query",
    options: [[OPTION.BLOCK2, block(1, false)]],
  });
  assert.equal(brief(answer), "ACK 4.08");
  assert.equal(sample.runs, 0);
});

probe("a large body up and a large answer down in one request", async ({ peer, sample }) => {
  const first = await upload(peer, ALL, () => ({ path: "query" }));
  assert.equal(brief(first), "ACK 2.04");
  assert.equal(findUint(first.options, OPTION.BLOCK1), block(7, false));
  const answers = [first];
  for (let number = 1; block2Of(answers.at(-1) ?? first).more; number++) {
    const options = [[OPTION.BLOCK2, block(number, false)] as const];
    answers.push(await peer.ask({ code: CODE.PUT, path: "query", options, token: `d${number}` }));
  }
  assert.deepEqual(bodyOf(answers), Buffer.concat([pattern(3000, 1), BODY]));
  assert.equal(sample.runs, 1);
});

probe("answers under different Accept or query are pinned apart", async ({ peer }) => {
  const get = (number: number, accept: number): RawRequest => ({
    path: "fresh",
    options: [
      [OPTION.BLOCK2, block(number, false)],
      [OPTION.ACCEPT, accept],
    ],
  });
  const [a0, b0] = [await peer.ask(get(0, 50)), await peer.ask(get(0, 60))];
  const [a1, b1] = [await peer.ask(get(1, 50)), await peer.ask(get(1, 60))];
  assert.deepEqual(bodyOf([a0, a1]), pattern(4096, 1).subarray(0, 2048));
  assert.deepEqual(bodyOf([b0, b1]), pattern(4096, 2).subarray(0, 2048));
});

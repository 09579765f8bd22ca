// What the server does with Q-Block2 (RFC 9177 section 4.4), datagram by datagram: which blocks it sends, what it refuses, and
// to whom it sends nothing.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SECOND } from "../../src/base/clock.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { blockValue } from "../../src/coap/message/block.ts";
import { encodeMessage, NO_BYTES } from "../../src/coap/message/codec.ts";
import { codeText, NON, RST } from "../../src/coap/message/codes.ts";
import { OPTION } from "../../src/coap/message/options.ts";
import { blockIn, far, type FarBench, type FarOptions } from "./support/far-bench.ts";
import { CODE, type RawRequest, textOf } from "./support/raw-peer.ts";
import { pattern, Sample } from "./support/sample-server.ts";
import { VirtualNetwork } from "./support/virtual-network.ts";
import { VirtualPeer } from "./support/virtual-peer.ts";

let messageId = 0;

/** Blocks as they are asked for: "3" is that one, "3+" that one and the rest of its set. */
function asking(...blocks: readonly string[]): RawRequest {
  const options = blocks.map((text) => {
    const more = text.endsWith("+");
    return [
      OPTION.Q_BLOCK2,
      blockValue({ number: Number.parseInt(text, 10), more, sizeExponent: 6 }),
    ] as const;
  });
  messageId += 1;
  return { type: NON, messageId, token: `t${messageId}`, path: "b32k", options };
}

/** The numbers of the blocks that came within a time. */
async function blocksWithin({ clock, peer }: FarBench, us: number): Promise<readonly number[]> {
  const before = peer.received.length;
  await clock.advance(us);
  return peer.received.slice(before).flatMap((message) => {
    const block = blockIn(encodeMessage(message), OPTION.Q_BLOCK2);
    return block === undefined ? [] : [block.number];
  });
}

/** The blocks that answer a request at once. */
function answering(bench: FarBench, request: RawRequest): Promise<readonly number[]> {
  bench.peer.send(request);
  return blocksWithin(bench, SECOND);
}

function range(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

function rule(name: string, options: FarOptions, run: (bench: FarBench) => Promise<void>): void {
  test(name, () => far(options, run));
}

rule("which blocks a request gets", {}, async (bench) => {
  assert.deepEqual(await answering(bench, asking("0+")), range(0, 10));
  assert.deepEqual(await answering(bench, asking("10+")), range(10, 20));
  assert.deepEqual(await answering(bench, asking("14+")), range(14, 20));
  assert.deepEqual(await answering(bench, asking("3")), [3]);
  assert.deepEqual(await answering(bench, asking("2", "5", "17+")), [2, 5, 17, 18, 19]);
  assert.deepEqual(await answering(bench, asking("11+", "12", "13+")), range(11, 20));
  assert.deepEqual(await answering(bench, asking("30+")), [30, 31]);
  assert.deepEqual(await answering(bench, asking("31")), [31]);
  assert.equal(bench.sample.requests.length, 1);
});

rule("every block has ETag, Size2 and the token of the request", {}, async (bench) => {
  const request = asking("0+");
  await answering(bench, request);
  const { received } = bench.peer;
  assert.equal(received.length, 10);
  for (const { token, options, payload } of received) {
    assert.equal(token.toString(), request.token);
    assert.deepEqual(
      options.map(({ number }) => number),
      [OPTION.ETAG, OPTION.CONTENT_FORMAT, OPTION.SIZE2, OPTION.Q_BLOCK2],
    );
    assert.equal(payload.length, 1024);
  }
  assert.equal(new Set(received.map(({ messageId: own }) => own)).size, 10);
});

rule(
  "block 0 again while a burst is under way is of the same body; before it is a question",
  {},
  async (bench) => {
    const fresh = (...blocks: readonly string[]): RawRequest => ({ ...asking(...blocks), path: "fresh" });
    assert.deepEqual(await answering(bench, fresh("0")), [0]);
    assert.deepEqual(await answering(bench, fresh("0+")), range(0, 4));
    assert.equal(bench.sample.runs, 2);
    assert.deepEqual(await answering(bench, fresh("0", "2")), [0, 2]);
    assert.deepEqual(await answering(bench, fresh("0+")), range(0, 4));
    assert.equal(bench.sample.runs, 3);
    const [, ...later] = bench.peer.received;
    assert.deepEqual(Buffer.from(later[4]?.payload ?? []), pattern(4096, 2).subarray(0, 1024));
  },
);

rule("the next set follows after 2 to 3 s of silence, twice", {}, async (bench) => {
  bench.sample.bodies.set("b32k", pattern(100 * 1024));
  assert.deepEqual(await answering(bench, asking("0+")), range(0, 10));
  assert.deepEqual(await blocksWithin(bench, SECOND), []);
  assert.deepEqual(await blocksWithin(bench, 1.6 * SECOND), range(10, 20));
  assert.deepEqual(await blocksWithin(bench, 60 * SECOND), range(20, 30));
  assert.deepEqual(await answering(bench, asking("30+")), range(30, 40));
});

rule("a reset ends what comes unasked", {}, async (bench) => {
  await answering(bench, asking("0+"));
  bench.peer.empty(RST, bench.peer.received[5]?.messageId ?? 0);
  assert.deepEqual(await blocksWithin(bench, 20 * SECOND), []);
  assert.deepEqual(await answering(bench, asking("10+")), range(10, 20));
});

rule("a copy of a request gets nothing again", {}, async (bench) => {
  const request = asking("0+");
  assert.deepEqual(await answering(bench, request), range(0, 10));
  assert.deepEqual(await answering(bench, request), []);
});

rule("what is refused", {}, async ({ clock, peer }) => {
  const refused = async (options: RawRequest["options"]): Promise<string> => {
    peer.send({ ...asking(), options: options ?? [] });
    await clock.advance(SECOND);
    const last = peer.received.at(-1);
    return last === undefined ? "" : `${codeText(last.code)} ${textOf(last)}`;
  };
  const block = (number: number, sizeExponent = 6): number =>
    blockValue({ number, more: false, sizeExponent });
  const Q2 = OPTION.Q_BLOCK2;
  const mixed = "4.02 Block and Q-Block in one request";
  const disordered = "4.00 Q-Block2: blocks of one size in ascending order";
  assert.equal(
    await refused([
      [Q2, block(0)],
      [OPTION.BLOCK2, block(0)],
    ]),
    mixed,
  );
  assert.equal(
    await refused([
      [Q2, block(0)],
      [OPTION.BLOCK1, block(0)],
    ]),
    mixed,
  );
  assert.equal(
    await refused([
      [Q2, block(3)],
      [Q2, block(2)],
    ]),
    disordered,
  );
  assert.equal(
    await refused([
      [Q2, block(3)],
      [Q2, block(3)],
    ]),
    disordered,
  );
  assert.equal(
    await refused([
      [Q2, block(3)],
      [Q2, block(4, 5)],
    ]),
    disordered,
  );
  assert.equal(await refused([[Q2, block(0, 7)]]), "4.00 block size exponent 7 is reserved");
  assert.equal(await refused([[Q2, block(32)]]), "4.00 block is past the end");
});

rule("an address that has not proven itself gets no burst", { amplification: "all" }, async (bench) => {
  const { peer } = bench;
  assert.deepEqual(await answering(bench, asking("0+")), []);
  assert.deepEqual(await blocksWithin(bench, 20 * SECOND), []);
  assert.ok(peer.receivedBytes <= 3 * peer.sentBytes, `${peer.receivedBytes} for ${peer.sentBytes}`);
  assert.equal(bench.sample.requests.length, 0);
  peer.answersPings = true;
  peer.send(asking("0+"));
  assert.deepEqual(await blocksWithin(bench, 2 * SECOND), range(0, 10));
});

rule("each block counts for the rate", { limits: { requestsPerSecond: 5 } }, async (bench) => {
  assert.deepEqual(await answering(bench, asking("0+")), range(0, 5));
});

rule(
  "bursts that nobody asks to go on are bounded",
  { limits: { requests: 2, requestsPerPeer: 2 } },
  async (bench) => {
    for (const query of ["a", "b", "c"]) {
      const request = asking("0+");
      bench.peer.send({ ...request, options: [...(request.options ?? []), [OPTION.URI_QUERY, query]] });
    }
    assert.equal((await blocksWithin(bench, SECOND)).length, 30);
    assert.deepEqual(await blocksWithin(bench, 3 * SECOND), [...range(10, 20), ...range(10, 20)]);
  },
);

rule(
  "nothing goes on when the answer is not kept any more",
  { limits: { pinnedBytes: 40_000 } },
  async (bench) => {
    assert.deepEqual(await answering(bench, asking("0+")), range(0, 10));
    bench.sample.bodies.set("other", pattern(30_000));
    bench.peer.send({ path: "other", messageId: 999 });
    await bench.clock.advance(SECOND);
    assert.deepEqual(await blocksWithin(bench, 20 * SECOND), []);
  },
);

test("who may not read any more gets no further set", async () => {
  let isAllowed = true;
  const admit = () => (isAllowed ? undefined : { code: "4.03" });
  await far({ admit }, async (bench) => {
    assert.deepEqual(await answering(bench, asking("0+")), range(0, 10));
    isAllowed = false;
    assert.deepEqual(await blocksWithin(bench, 20 * SECOND), []);
  });
});

rule("other methods: an action runs once, its answer comes in bursts", {}, async (bench) => {
  const request = { ...asking("0+"), code: CODE.PUT, path: "query", payload: NO_BYTES };
  assert.deepEqual(await answering(bench, request), [0, 1, 2]);
  assert.deepEqual(await answering(bench, { ...asking("1"), code: CODE.PUT, path: "query" }), [1]);
  assert.equal(bench.sample.runs, 1);
});

test("to a group nobody answers", async () => {
  const clock = new VirtualClock();
  const network = new VirtualNetwork(clock);
  const host = network.host("10.0.0.7");
  const listening = { clock, network: host, address: "0.0.0.0", port: 5683, multicast: true };
  const { server } = await Sample.start(listening);
  const group = { address: "224.0.1.187", port: 5683 };
  const peer = new VirtualPeer({ clock, network, address: "10.0.0.9", server: group });
  const core = { type: NON, path: ".well-known/core" } as const;
  assert.deepEqual(await peer.ask({ ...core, messageId: 1 }, 6 * SECOND), ["NON 2.05"]);
  const options = [[OPTION.Q_BLOCK2, 0]] as const;
  assert.deepEqual(await peer.ask({ ...core, messageId: 2, options }, 6 * SECOND), []);
  await clock.run(server.close());
});

// Conformance of observation (RFC 7641), datagram by datagram.

import assert from "node:assert/strict";
import { SECOND } from "../../src/base/clock.ts";
import { blockValue, readBlock } from "../../src/coap/message/block.ts";
import type { CoapMessage } from "../../src/coap/message/codec.ts";
import { ACK, CON, NON, RST } from "../../src/coap/message/codes.ts";
import { findOption, findUint, OPTION, uintValue } from "../../src/coap/message/options.ts";
import { type Bench, probe } from "./support/probe.ts";
import { brief, briefs, CODE, type RawPeer, type RawRequest, textOf } from "./support/raw-peer.ts";
import { pattern } from "./support/sample-server.ts";

const REGISTER = [[OPTION.OBSERVE, 0]] as const;
const DEREGISTER = [[OPTION.OBSERVE, 1]] as const;

function observeOf({ options }: CoapMessage): number | undefined {
  return findUint(options, OPTION.OBSERVE);
}

async function register(peer: RawPeer, request: RawRequest = {}): Promise<CoapMessage> {
  return peer.ask({ path: "obs", options: REGISTER, ...request });
}

/** Changes the value and returns what the peer got, acknowledging what wants it. */
async function change({ sample, peer }: Bench, n: number): Promise<readonly CoapMessage[]> {
  sample.value.set(n);
  const messages = await peer.settled();
  for (const { type, messageId } of messages) if (type === CON) peer.empty(ACK, messageId);
  await peer.settled();
  return messages;
}

probe("CON registration: the answer has Observe, and each change is a CON notification", async (bench) => {
  const first = await register(bench.peer);
  assert.equal(brief(first), "ACK 2.05");
  let newest = observeOf(first) ?? -1;
  for (let n = 1; n <= 10; n++) {
    const [notification, ...more] = await change(bench, n);
    assert.ok(notification !== undefined);
    assert.equal(`${brief(notification)} ${textOf(notification)}`, `CON 2.05 {"n":${n}}`);
    assert.equal(notification.token.toString(), "token");
    assert.ok((observeOf(notification) ?? -1) > newest);
    newest = observeOf(notification) ?? -1;
    assert.equal(more.length, 0);
  }
});

probe("NON registration: NON notifications, the 20th confirmable", async (bench) => {
  assert.equal(brief(await register(bench.peer, { type: NON })), "NON 2.05");
  const types: string[] = [];
  for (let n = 1; n <= 40; n++) types.push(...briefs(await change(bench, n)));
  const expected = Array.from({ length: 40 }, (_, index) => (index % 20 === 19 ? "CON 2.05" : "NON 2.05"));
  assert.deepEqual(types, expected);
});

probe("NON registration: after 30 s without a confirmable one the next is", async (bench) => {
  await register(bench.peer, { type: NON });
  assert.deepEqual(briefs(await change(bench, 1)), ["NON 2.05"]);
  await bench.clock.advance(31 * SECOND);
  assert.deepEqual(briefs(await change(bench, 2)), ["CON 2.05"]);
  assert.deepEqual(briefs(await change(bench, 3)), ["NON 2.05"]);
});

probe("Observe 1 ends the observation, and the answer has no Observe", async (bench) => {
  await register(bench.peer);
  const answer = await bench.peer.ask({ path: "obs", options: DEREGISTER });
  assert.equal(brief(answer), "ACK 2.05");
  assert.equal(observeOf(answer), undefined);
  assert.deepEqual(await change(bench, 1), []);
  assert.equal(bench.server.stats.observers, 0);
});

probe("a plain GET with the same token ends the observation", async (bench) => {
  await register(bench.peer);
  await bench.peer.ask({ path: "obs" });
  assert.deepEqual(await change(bench, 1), []);
});

probe("a GET with another token does not", async (bench) => {
  await register(bench.peer);
  await bench.peer.ask({ path: "obs", token: "other" });
  assert.equal((await change(bench, 1)).length, 1);
});

probe("RST to a CON notification ends the observation", async ({ peer, sample, server, clock }) => {
  await register(peer);
  sample.value.set(1);
  const notification = await peer.next();
  peer.empty(RST, notification.messageId);
  await peer.settled();
  sample.value.set(2);
  await clock.advance(20 * SECOND);
  assert.deepEqual(await peer.settled(), []);
  assert.equal(server.stats.observers, 0);
});

probe("RST to any of the last 8 NON notifications ends the observation", async (bench) => {
  await register(bench.peer, { type: NON });
  const notifications: CoapMessage[] = [];
  for (let n = 1; n <= 8; n++) notifications.push(...(await change(bench, n)));
  bench.peer.empty(RST, notifications[0]?.messageId ?? -1);
  await bench.peer.settled();
  assert.deepEqual(await change(bench, 9), []);
});

probe("RST to the NON answer of a registration ends the observation", async (bench) => {
  const answer = await register(bench.peer, { type: NON });
  bench.peer.empty(RST, answer.messageId);
  await bench.peer.settled();
  assert.deepEqual(await change(bench, 1), []);
  assert.equal(bench.server.stats.observers, 0);
});

probe("registering again with the same token replaces: one notification per change", async (bench) => {
  await register(bench.peer);
  await register(bench.peer);
  assert.equal(bench.server.stats.observers, 1);
  assert.equal((await change(bench, 1)).length, 1);
});

probe("two tokens of one peer are two observations", async (bench) => {
  await register(bench.peer, { type: NON, token: "a" });
  await register(bench.peer, { type: NON, token: "b" });
  const tokens = (await change(bench, 1)).map(({ token }) => token.toString());
  assert.deepEqual(tokens, ["a", "b"]);
});

probe(
  "a silent CON observer: one outstanding however often the value changes, then dropped",
  async (bench) => {
    const { peer, sample, clock, server } = bench;
    await register(peer, { token: "a" });
    await register(peer, { token: "b" });
    for (let n = 1; n <= 50; n++) {
      sample.value.set(n);
      await clock.advance(SECOND / 10);
    }
    const messages = await peer.settled();
    assert.equal(new Set(messages.map(({ messageId }) => messageId)).size, 1);
    assert.ok(messages.length <= 3);
    await clock.advance(100 * SECOND);
    await peer.settled();
    assert.equal(server.stats.observers, 0);
  },
);

probe(
  "while a CON notification is unacknowledged nothing is sent; then comes the newest value",
  async ({ peer, sample }) => {
    await register(peer);
    sample.value.set(1);
    const notification = await peer.next();
    for (const n of [2, 3, 4]) {
      sample.value.set(n);
      assert.deepEqual(await peer.settled(), []);
    }
    peer.empty(ACK, notification.messageId);
    assert.deepEqual((await peer.settled()).map(textOf), ['{"n":4}']);
  },
);

probe("several changes at once are one notification", async ({ peer, sample }) => {
  await register(peer, { type: NON });
  for (const n of [1, 2, 3]) sample.value.set(n);
  assert.deepEqual((await peer.settled()).map(textOf), ['{"n":3}']);
});

probe("what many observe is rendered once per change", async ({ peer, another, sample }) => {
  const peers = [peer, await another(), await another()];
  for (const one of peers) await register(one, { type: NON });
  const before = sample.requests.length;
  sample.value.set(1);
  for (const one of peers) assert.deepEqual((await one.settled()).map(textOf), ['{"n":1}']);
  assert.equal(sample.requests.length - before, 1);
});

probe(
  "Observe on something not observable, or on an error: no Observe in the answer",
  async ({ peer, server }) => {
    assert.equal(observeOf(await peer.ask({ path: "s", options: REGISTER })), undefined);
    const missing = await peer.ask({ path: "nope", options: REGISTER });
    assert.equal(brief(missing), "ACK 4.04");
    assert.equal(observeOf(missing), undefined);
    assert.equal(server.stats.observers, 0);
  },
);

probe("Observe on a POST is ignored", async ({ peer }) => {
  const answer = await peer.ask({ code: CODE.POST, path: "inc", options: REGISTER });
  assert.equal(brief(answer), "ACK 2.04");
  assert.equal(observeOf(answer), undefined);
});

probe("a notification comes before Max-Age ends, though nothing changed", async ({ peer, clock }) => {
  await register(peer, { type: NON });
  await clock.advance(40 * SECOND);
  assert.deepEqual(await peer.settled(), []);
  await clock.advance(10 * SECOND);
  assert.deepEqual((await peer.settled()).map(textOf), ['{"n":0}']);
});

probe(
  "a vanished NON observer is dropped after the confirmable keep-alive fails",
  async ({ peer, clock, server }) => {
    await register(peer, { type: NON });
    await clock.advance(160 * SECOND);
    await peer.settled();
    assert.equal(server.stats.observers, 0);
  },
);

/** Fetches the blocks after the first, with tokens of their own and no Observe. */
async function rest(peer: RawPeer, first: CoapMessage): Promise<Buffer> {
  const parts = [first.payload];
  for (let number = 1; ; number++) {
    const options = [[OPTION.BLOCK2, blockValue({ number, more: false, sizeExponent: 6 })] as const];
    const answer = await peer.ask({ path: "frame", token: `f${number}`, options });
    parts.push(answer.payload);
    if (!readBlock(findOption(answer.options, OPTION.BLOCK2) ?? uintValue(0)).more)
      return Buffer.concat(parts);
  }
}

probe(
  "a large notification: Observe and Block2, and the rest is of the same frame",
  async ({ peer, sample }) => {
    assert.deepEqual(await rest(peer, await register(peer, { path: "frame" })), pattern(32_768));
    sample.frame.set(pattern(32_768, 1));
    const notification = await peer.next();
    assert.equal(brief(notification), "CON 2.05");
    assert.ok(observeOf(notification) !== undefined);
    peer.empty(ACK, notification.messageId);
    // Newer frames appear while the client fetches: they wait, so that the pinned frame stays.
    sample.frame.set(pattern(32_768, 2));
    sample.frame.set(pattern(32_768, 3));
    assert.deepEqual(await rest(peer, notification), pattern(32_768, 1));
    const next = await peer.next();
    peer.empty(ACK, next.messageId);
    assert.deepEqual(await rest(peer, next), pattern(32_768, 3));
  },
);

probe(
  "a client that does not fetch the rest gets the next frame 10 s later",
  async ({ peer, sample, clock }) => {
    await register(peer, { path: "frame", type: NON });
    sample.frame.set(pattern(32_768, 1));
    assert.deepEqual(await peer.settled(), []);
    await clock.advance(12 * SECOND);
    const [notification] = await peer.settled();
    assert.deepEqual(notification && Buffer.from(notification.payload), pattern(1024, 1));
  },
);

probe(
  "an error ends the observation with a notification without Observe",
  async ({ peer, sample, server }) => {
    await register(peer, { type: NON });
    sample.handle = () => ({ code: "4.04" });
    sample.value.set(1);
    const [last] = await peer.settled();
    assert.equal(last && brief(last), "NON 4.04");
    assert.equal(last && observeOf(last), undefined);
    assert.equal(server.stats.observers, 0);
  },
);

probe("closing the server tells the observers: 5.03", async ({ peer, server, clock }) => {
  await register(peer);
  await clock.run(server.close());
  const last = await peer.next();
  assert.equal(`${brief(last)} ${textOf(last)}`, "NON 5.03 the server is stopping");
  assert.equal(clock.pending, 0);
});

probe(
  "a subscription that throws: 5.00 without Observe; one that throws at its end does no harm",
  async (bench) => {
    const { peer, sample, server } = bench;
    const fail = (): never => {
      throw new Error("no subscription");
    };
    sample.handle = () => Promise.resolve({ code: "2.05", observe: fail });
    assert.equal(brief(await peer.ask({ path: "obs", options: REGISTER })), "ACK 5.00");
    sample.handle = () => ({ code: "2.05", observe: () => fail });
    assert.equal(brief(await peer.ask({ path: "obs", options: REGISTER })), "ACK 2.05");
    assert.equal(brief(await peer.ask({ path: "obs", options: DEREGISTER })), "ACK 2.05");
    assert.deepEqual([server.stats.observers, server.stats.failures], [0, 2]);
  },
);

probe(
  "a handler that comes to fail: the observer gets 5.00 and is dropped",
  async ({ peer, sample, server }) => {
    await register(peer);
    sample.handle = () => Promise.reject(new Error("secret detail"));
    sample.value.set(1);
    const last = await peer.next();
    assert.equal(brief(last), "CON 5.00");
    assert.equal(last.payload.length, 0);
    assert.equal(server.stats.observers, 0);
  },
);

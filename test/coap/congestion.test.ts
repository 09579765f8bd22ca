// Clients that acknowledge nothing: bounded queues, one message outstanding, and then they are given up.

import assert from "node:assert/strict";
import { test } from "node:test";
import { MS, SECOND } from "../../src/base/clock.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { ACK, NON } from "../../src/coap/message/codes.ts";
import type { CoapLimits } from "../../src/coap/engine/limits.ts";
import { OPTION } from "../../src/coap/message/options.ts";
import { brief, CODE, textOf } from "./support/raw-peer.ts";
import { Sample } from "./support/sample-server.ts";
import { VirtualNetwork } from "./support/virtual-network.ts";
import { VirtualPeer } from "./support/virtual-peer.ts";

const SERVER = { address: "10.0.0.7", port: 5683 } as const;

async function bench(limits: Partial<CoapLimits> = {}) {
  const clock = new VirtualClock();
  const network = new VirtualNetwork(clock);
  const host = network.host(SERVER.address);
  const { sample, server } = await Sample.start({
    clock,
    network: host,
    address: "::",
    port: SERVER.port,
    limits,
  });
  const peer = (address = "10.0.0.20", port = 4000) =>
    new VirtualPeer({ clock, network, address, port, server: SERVER });
  return { clock, network, sample, server, peer };
}

const REGISTER = [[OPTION.OBSERVE, 0]] as const;

function count(messages: readonly string[], what: string): number {
  return messages.filter((message) => message === what).length;
}

test("separate answers that wait are bounded: 4.29 before anything runs, and dropped when the client is given up", async () => {
  const { clock, peer, sample, server } = await bench({ responsesPerPeer: 4 });
  const client = peer();
  for (let messageId = 1; messageId <= 6; messageId++)
    client.send({ code: CODE.POST, path: "slow", messageId, token: `t${messageId}` });
  await clock.advance(1500 * MS);
  assert.equal(sample.runs, 6);
  // One is outstanding, five wait.
  assert.deepEqual(await client.ask({ code: CODE.POST, path: "inc", messageId: 7 }), ["ACK 4.29"]);
  assert.equal(sample.runs, 6);
  await clock.advance(100 * SECOND);
  assert.equal(count(client.received.map(brief), "CON 2.04"), 5);
  assert.equal(server.stats.abandoned, 1);
  assert.equal(server.stats.dropped, 5);
  assert.deepEqual(await client.ask({ code: CODE.POST, path: "inc", messageId: 8 }), ["ACK 2.04"]);
});

test("answers that wait are bounded over all clients, and who has none waiting is served however many there are", async () => {
  const { clock, peer } = await bench({ responses: 4 });
  const clients = Array.from({ length: 5 }, (_, index) => peer(`10.0.0.${20 + index}`));
  for (const client of clients) {
    for (const token of ["a", "b"])
      client.send({ code: CODE.POST, path: "slow", token, messageId: token === "a" ? 1 : 2 });
  }
  await clock.advance(1500 * MS);
  assert.deepEqual(await clients[0]?.ask({ path: "s", messageId: 3 }, 10 * MS), ["ACK 4.29"]);
  assert.deepEqual(await peer("10.0.0.99").ask({ path: "s" }, 10 * MS), ["ACK 2.05"]);
});

test("a computer is held to its share by answers that it does not acknowledge, from whatever port", async () => {
  const { clock, peer } = await bench({ responses: 16, responsesPerPeer: 2 });
  for (let port = 5000; port < 5005; port++) peer("10.0.0.20", port).send({ code: CODE.POST, path: "slow" });
  await clock.advance(1500 * MS);
  const other = peer("10.0.0.20", 5005);
  assert.deepEqual(await other.ask({ path: "s" }, 10 * MS), ["ACK 4.29"]);
  assert.deepEqual(await peer("10.0.0.21").ask({ path: "s" }, 10 * MS), ["ACK 2.05"]);
  await clock.advance(100 * SECOND);
  assert.deepEqual(await other.ask({ path: "s", messageId: 2 }, 10 * MS), ["ACK 2.05"]);
});

test("notifications that wait for an acknowledgement keep out no requests", async () => {
  const { peer, sample } = await bench({ responsesPerPeer: 4 });
  const client = peer();
  for (const [messageId, token] of ["a", "b", "c", "d", "e", "f", "g", "h"].entries())
    await client.ask({ path: "obs", token, messageId, options: REGISTER }, 10 * MS);
  sample.value.set(1);
  assert.deepEqual(await client.ask({ path: "s", token: "i", messageId: 10 }, 10 * MS), [
    "CON 2.05",
    "ACK 2.05",
  ]);
});

test("a client that asks forever and acknowledges nothing costs a constant number of messages and no memory", async () => {
  const { clock, peer, server } = await bench();
  const client = peer();
  for (let messageId = 1; messageId <= 2000; messageId++) {
    client.send({ code: CODE.POST, path: "slow", messageId, token: `t${messageId}` });
    if (messageId % 10 === 0) await clock.advance(SECOND);
  }
  await clock.advance(400 * SECOND);
  const seen = client.received.map(brief);
  // 200 s hold at most four clients' lives of 62 to 93 s, five messages each.
  assert.ok(count(seen, "CON 2.04") <= 20, `${count(seen, "CON 2.04")} separate answers`);
  assert.ok(count(seen, "ACK 4.29") > 1000);
  await clock.advance(600 * SECOND);
  assert.equal(server.stats.peers, 0);
  await clock.run(server.close());
  assert.equal(clock.pending, 0);
});

test("of many changes a slow observer gets the newest, one outstanding at a time", async () => {
  const { clock, peer, sample } = await bench();
  const client = peer();
  await client.ask({ path: "obs", options: REGISTER });
  for (let n = 1; n <= 1000; n++) {
    sample.value.set(n);
    if (n % 100 === 0) await clock.advance(10 * MS);
  }
  const [, first, ...more] = client.received;
  assert.equal(more.length, 0);
  client.empty(ACK, first?.messageId ?? -1);
  await clock.advance(SECOND);
  assert.equal(textOf(client.received.at(-1) ?? assert.fail()), '{"n":1000}');
});

test("a silent client loses its observations and all that waits at once, whatever kind its messages are", async () => {
  const { clock, peer, sample, server } = await bench();
  const client = peer();
  await client.ask({ path: "obs", token: "a", messageId: 1, options: REGISTER });
  await client.ask({ path: "obs", token: "b", messageId: 2, type: NON, options: REGISTER });
  client.send({ code: CODE.POST, path: "slow", messageId: 3, token: "c" });
  sample.value.set(1);
  await clock.advance(100 * SECOND);
  assert.equal(server.stats.observers, 0);
  assert.equal(server.stats.dropped, 1);
  assert.equal(server.stats.abandoned, 1);
  const before = client.received.length;
  for (let n = 2; n < 100; n++) {
    sample.value.set(n);
    await clock.advance(SECOND);
  }
  assert.equal(client.received.length, before);
});

test("a NON observer that has gone gets 19 notifications at most before the one that it does not acknowledge", async () => {
  const { clock, peer, sample, server } = await bench();
  const client = peer();
  await client.ask({ path: "obs", type: NON, options: REGISTER });
  for (let n = 1; n <= 1000; n++) {
    sample.value.set(n);
    await clock.advance(100 * MS);
  }
  const seen = client.received.map(brief);
  assert.equal(count(seen, "NON 2.05"), 20, "the answer and 19 notifications");
  assert.equal(count(seen, "CON 2.05"), 5);
  assert.equal(server.stats.observers, 0);
});

test("too many requests of one client at work: 4.29; of all: 5.03", async () => {
  const { peer } = await bench({ requestsPerPeer: 1, requests: 2 });
  const [one, two, three] = [peer("10.0.0.21"), peer("10.0.0.22"), peer("10.0.0.23")];
  one.send({ path: "slow", messageId: 1, token: "a" });
  assert.deepEqual(await one.ask({ path: "slow", messageId: 2, token: "b" }, 10 * MS), ["ACK 4.29"]);
  two.send({ path: "slow" });
  assert.deepEqual(await three.ask({ path: "slow" }, 10 * MS), ["ACK 5.03"]);
});

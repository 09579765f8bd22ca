// One computer with many ports, or many forged addresses, against all others: those are served meanwhile.

import assert from "node:assert/strict";
import { test } from "node:test";
import { MS, SECOND } from "../../src/base/clock.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { ACK, CON, NON } from "../../src/coap/message/codes.ts";
import { OPTION } from "../../src/coap/message/options.ts";
import { brief, CODE } from "./support/raw-peer.ts";
import { Sample, type SampleOptions } from "./support/sample-server.ts";
import { VirtualNetwork } from "./support/virtual-network.ts";
import { VirtualPeer } from "./support/virtual-peer.ts";

const SERVER = "203.0.113.7";

async function bench(options: Partial<SampleOptions> = {}) {
  const clock = new VirtualClock();
  const network = new VirtualNetwork(clock);
  const host = network.host(SERVER, "10.0.0.7", "127.0.0.1", "fe80::7%eth0");
  const shared = { clock, network: host, address: "::", port: 5683, amplification: "public" } as const;
  const { sample, server } = await Sample.start({ ...shared, ...options });
  const peer = (address: string, port = 4000, to = SERVER) =>
    new VirtualPeer({ clock, network, address, port, server: { address: to, port: 5683 } });
  /** Those who must be served: a client that has proven itself, one of the network, and a program on the computer. */
  const others = async (): Promise<readonly VirtualPeer[]> => {
    const proven = peer("192.0.2.44");
    proven.answersPings = true;
    assert.deepEqual(await proven.ask({ path: "b1k" }), ["CON 0.00", "ACK 2.05"]);
    return [proven, peer("10.0.0.99", 4000, "10.0.0.7"), peer("127.0.0.1", 4000, "127.0.0.1")];
  };
  return { clock, sample, server, peer, others };
}

async function assertServed(others: readonly VirtualPeer[], first = 100): Promise<void> {
  for (const [index, other] of others.entries()) {
    const request = { messageId: first + index, token: `t${first}` } as const;
    assert.deepEqual(await other.ask({ ...request, path: "s" }, 10 * MS), ["ACK 2.05"]);
    const slow = await other.ask({ ...request, messageId: first + 100 + index, path: "slow" }, 10 * MS);
    assert.deepEqual(slow, [], "it is at work");
  }
}

test("commands of a stranger with 64 ports that proves nothing: others are served, and his own oldest give way", async () => {
  const { clock, peer, others, sample } = await bench();
  const honest = await others();
  const flood = Array.from({ length: 64 }, (_, index) => peer("198.51.100.20", 5000 + index));
  for (let messageId = 1; messageId <= 16; messageId++)
    for (const client of flood) client.send({ code: CODE.PUT, path: "query", messageId });
  await clock.advance(100 * MS);
  assert.equal(sample.runs, 0);
  await assertServed(honest);
  const told = flood.flatMap(({ received }) => received.map(brief)).filter((seen) => seen === "ACK 4.01");
  assert.ok(told.length >= 64 * 16 - 256, "at most a quarter waits");
});

test("commands of 1100 forged addresses: the oldest that wait are told to come again, and others are served", async () => {
  const { clock, peer, others } = await bench();
  const honest = await others();
  const forged = Array.from({ length: 1100 }, (_, index) =>
    peer(`198.51.${100 + Math.floor(index / 200)}.${index % 200}`),
  );
  for (const client of forged) client.send({ code: CODE.PUT, path: "query" });
  await clock.advance(100 * MS);
  assert.deepEqual(forged[0]?.received.map(brief), ["CON 0.00", "ACK 4.01"]);
  assert.deepEqual(forged.at(-1)?.received.map(brief), ["CON 0.00"]);
  await assertServed(honest);
  const late = peer("192.0.2.45");
  late.answersPings = true;
  assert.deepEqual(await late.ask({ code: CODE.PUT, path: "query" }), ["CON 0.00", "ACK 2.04"]);
});

/** Addresses of the local network that nobody has, so that nothing is ever answered from there. */
function forgedAt(peer: (address: string, port: number, to: string) => VirtualPeer, count: number) {
  return Array.from({ length: count }, (_, index) =>
    peer(`10.0.${1 + Math.floor(index / 200)}.${index % 200}`, 4000, "10.0.0.7"),
  );
}

const OBSERVE = { path: "obs", options: [[OPTION.OBSERVE, 0]] } as const;

test("slow requests of 1100 forged addresses of the local network: half of all, and who answers a ping is served", async () => {
  const { clock, peer, sample } = await bench();
  const forged = forgedAt(peer, 1100);
  for (const client of forged) client.send({ path: "slow" });
  await clock.advance(10 * MS);
  assert.equal(sample.runs, 512);
  assert.deepEqual(forged.at(-1)?.received.map(brief), ["CON 0.00"]);
  const honest = peer("10.0.0.99", 4000, "10.0.0.7");
  honest.answersPings = true;
  assert.deepEqual(await honest.ask({ path: "slow" }, 10 * MS), ["CON 0.00"]);
  assert.equal(sample.runs, 513, "it is at work");
  assert.deepEqual(await honest.ask({ path: "s", messageId: 2, token: "2" }, 10 * MS), ["ACK 2.05"]);
});

test("observations of 1100 forged addresses of the local network: half of all, and who answers a ping observes", async () => {
  const { clock, peer, server, sample } = await bench();
  for (const client of forgedAt(peer, 1100)) client.send(OBSERVE);
  await clock.advance(10 * MS);
  assert.equal(server.stats.observers, 512);
  const honest = peer("10.0.0.99", 4000, "10.0.0.7");
  honest.answersPings = true;
  assert.deepEqual(await honest.ask(OBSERVE, 10 * MS), ["CON 0.00", "ACK 2.05"]);
  assert.equal(server.stats.observers, 513);
  sample.value.set(1);
  await clock.advance(100 * SECOND);
  assert.equal(server.stats.observers, 0, "nobody has acknowledged");
});

test("forged addresses of the network of IPv6, which count as one computer, do not keep out who answers a ping", async () => {
  const { clock, peer, server, sample } = await bench();
  const at = (index: number) => peer(`fe80::${index.toString(16)}%eth0`, 4000, "fe80::7%eth0");
  for (let index = 256; index < 1356; index++) at(index).send({ path: "slow" });
  await clock.advance(10 * MS);
  assert.equal(sample.runs, 128, "half of a quarter");
  const honest = at(9);
  honest.answersPings = true;
  assert.deepEqual(await honest.ask({ path: "slow" }, 10 * MS), ["CON 0.00"]);
  assert.equal(sample.runs, 129, "it is at work");
  assert.deepEqual(await honest.ask({ ...OBSERVE, messageId: 2 }, 10 * MS), ["ACK 2.05"]);
  assert.equal(server.stats.observers, 1);
});

test("who has acknowledged a notification does not count among the doubtful", async () => {
  const { clock, peer, server, sample } = await bench({ limits: { observers: 4, observersPerPeer: 1 } });
  const observers = ["10.0.0.31", "10.0.0.32", "10.0.0.33", "10.0.0.34"].map((from) =>
    peer(from, 4000, "10.0.0.7"),
  );
  for (const [index, observer] of observers.entries()) {
    assert.deepEqual(await observer.ask(OBSERVE, 10 * MS), ["ACK 2.05"]);
    sample.value.set(index + 1);
    await clock.advance(10 * MS);
    for (const each of observers) {
      const told = each.received.at(-1);
      if (told?.type === CON) each.empty(ACK, told.messageId);
    }
    await clock.advance(10 * MS);
  }
  assert.equal(server.stats.observers, 4);
  assert.equal(server.stats.challenges, 0);
});

test("who has guessed before is told, but his acknowledgement is no proof", async () => {
  const { clock, peer, server, sample } = await bench({ limits: { observers: 16, observersPerPeer: 1 } });
  const guesser = peer("10.0.0.31", 4000, "10.0.0.7");
  for (let messageId = 1; messageId <= 8; messageId++) guesser.empty(ACK, messageId);
  assert.deepEqual(await guesser.ask(OBSERVE, 10 * MS), ["ACK 2.05"]);
  for (const value of [1, 2]) {
    sample.value.set(value);
    await clock.advance(10 * MS);
    guesser.empty(ACK, guesser.received.at(-1)?.messageId ?? 0);
    await clock.advance(10 * MS);
  }
  assert.deepEqual(guesser.received.map(brief), ["ACK 2.05", "CON 2.05", "CON 2.05"]);
  assert.deepEqual(await peer("10.0.0.31", 4001, "10.0.0.7").ask(OBSERVE, 10 * MS), ["ACK 2.05"]);
  assert.deepEqual(await peer("10.0.0.31", 4002, "10.0.0.7").ask(OBSERVE, 10 * MS), ["CON 0.00"]);
  assert.equal(server.stats.challenges, 1);
});

test("uploads of forged addresses of the local network: half of all, and who answers a ping is served", async () => {
  const { clock, peer, sample } = await bench({
    limits: { uploadBytes: 16 * 1024, uploadBytesPerPeer: 4096 },
  });
  const block = (number: number, more: boolean) =>
    ({
      code: CODE.PUT,
      path: "put",
      payload: Buffer.alloc(1024),
      messageId: number,
      options: [[OPTION.BLOCK1, (number << 4) | (more ? 8 : 0) | 6]],
    }) as const;
  for (const client of forgedAt(peer, 40)) client.send(block(0, true));
  await clock.advance(10 * MS);
  const honest = peer("10.0.0.99", 4000, "10.0.0.7");
  honest.answersPings = true;
  assert.deepEqual(await honest.ask(block(0, true), 10 * MS), ["CON 0.00", "ACK 2.31"]);
  assert.deepEqual(await honest.ask(block(1, false), 10 * MS), ["ACK 2.04"]);
  assert.equal(sample.uploaded.length, 2048);
});

test("answers that forged addresses never acknowledge do not keep others out of a full table", async () => {
  const { clock, peer, server } = await bench({ limits: { peers: 32 } });
  for (const client of forgedAt(peer, 32)) client.send({ path: "slow" });
  await clock.advance(2 * SECOND);
  assert.equal(server.stats.peers, 32);
  assert.deepEqual(await peer("10.0.0.99", 4000, "10.0.0.7").ask({ path: "s" }, 10 * MS), ["ACK 2.05"]);
});

test("who may not do what he asks for is told at once and waits for no proof", async () => {
  const text = Buffer.from("a key of role operate is needed".repeat(4));
  const { peer, sample, server } = await bench({ admit: () => ({ code: "4.01", payload: text }) });
  const client = peer("198.51.100.20");
  assert.deepEqual(await client.ask({ code: CODE.PUT, path: "query" }, 10 * MS), ["ACK 4.01"]);
  assert.ok(client.receivedBytes <= 3 * client.sentBytes);
  assert.equal(server.stats.challenges, 0);
  assert.equal(sample.requests.length, 0);
});

test("a computer of the network that acknowledges nothing with 64 ports: others are served", async () => {
  const { clock, peer, others, sample } = await bench();
  const honest = await others();
  const flood = Array.from({ length: 64 }, (_, index) => peer("10.0.0.20", 5000 + index, "10.0.0.7"));
  for (let messageId = 1; messageId <= 16; messageId++)
    for (const client of flood) client.send({ path: "slow", messageId, token: `t${messageId}` });
  await clock.advance(100 * MS);
  assert.equal(sample.runs, 128, "half of a quarter of the requests at work");
  await assertServed(honest);
  await clock.advance(3 * SECOND);
  await assertServed(honest, 300);
});

test("observations of a computer with many ports: a quarter of all", async () => {
  const { clock, peer, server } = await bench({ limits: { observers: 16, observersPerPeer: 2 } });
  for (let index = 0; index < 10; index++) {
    const client = peer("10.0.0.20", 5000 + index, "10.0.0.7");
    client.answersPings = true;
    client.send(OBSERVE);
  }
  await clock.advance(10 * MS);
  assert.equal(server.stats.observers, 4);
  peer("10.0.0.21", 4000, "10.0.0.7").send({ path: "obs", options: [[OPTION.OBSERVE, 0]] });
  await clock.advance(10 * MS);
  assert.equal(server.stats.observers, 5);
});

test("unfinished uploads of a computer with many ports: a quarter of all", async () => {
  const limits = { uploadBytes: 16 * 1024, uploadBytesPerPeer: 2048 };
  const { peer } = await bench({ limits });
  // Block 0 of 1024 bytes, more to come.
  const put = {
    code: CODE.PUT,
    path: "put",
    payload: Buffer.alloc(1024),
    options: [[OPTION.BLOCK1, 0x0e]],
  } as const;
  const answers: string[] = [];
  for (let port = 5000; port < 5004; port++) {
    const client = peer("10.0.0.20", port, "10.0.0.7");
    client.answersPings = true;
    answers.push(...(await client.ask(put, 10 * MS)));
  }
  assert.deepEqual(
    answers.filter((answer) => answer !== "CON 0.00"),
    ["ACK 2.31", "ACK 2.31", "ACK 5.03", "ACK 5.03"],
  );
  assert.deepEqual(await peer("10.0.0.21", 4000, "10.0.0.7").ask(put, 10 * MS), ["ACK 2.31"]);
});

test("a full table forgets clients without proof first", async () => {
  const { clock, peer, others, server } = await bench({ limits: { peers: 8 } });
  const [proven] = await others();
  for (let index = 0; index < 50; index++) peer(`198.51.100.${index}`).send({ path: "b1k" });
  await clock.advance(10 * MS);
  assert.equal(server.stats.peers, 8);
  assert.deepEqual(await proven?.ask({ path: "b1k", type: NON, messageId: 9 }, 10 * MS), ["NON 2.05"]);
});

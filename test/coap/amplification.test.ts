// What an address gets that has not proven that it receives: at most three times what came from it; and how clients that know
// nothing of this prove themselves.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { SECOND } from "../../src/base/clock.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { CoapClient } from "../../src/coap/client/client.ts";
import { ACK, CON, EMPTY, NON, RST } from "../../src/coap/message/codes.ts";
import type { CoapLimits } from "../../src/coap/engine/limits.ts";
import { decodeMessage, encodeMessage, type Message, NO_BYTES } from "../../src/coap/message/codec.ts";
import type { MessageGuard, Opened } from "../../src/coap/engine/guard.ts";
import { bytesOption, findOption, OPTION, textOption } from "../../src/coap/message/options.ts";
import type { Amplification } from "../../src/coap/udp/proof.ts";
import { brief, CODE, requestBytes, textOf } from "./support/raw-peer.ts";
import { pattern, Sample } from "./support/sample-server.ts";
import { CLEAR, seededRandom, VirtualNetwork, type Weather } from "./support/virtual-network.ts";
import { VirtualPeer } from "./support/virtual-peer.ts";

const SERVER = { address: "203.0.113.7", port: 5683 } as const;
const STRANGER = "198.51.100.20";

interface Conditions {
  readonly amplification?: Amplification;
  readonly guard?: MessageGuard;
  readonly limits?: Partial<CoapLimits>;
  readonly weather?: Weather;
  readonly seed?: number;
}

async function bench({ weather = CLEAR, seed = 1, amplification = "public", ...rest }: Conditions = {}) {
  const clock = new VirtualClock();
  const network = new VirtualNetwork(clock, { weather, seed });
  const host = network.host(SERVER.address, "10.0.0.7", "127.0.0.1");
  const { sample, server } = await Sample.start({
    clock,
    network: host,
    address: "::",
    port: SERVER.port,
    amplification,
    ...rest,
  });
  const peer = (address: string = STRANGER, port = 4000, to: string = SERVER.address) =>
    new VirtualPeer({ clock, network, address, port, server: { address: to, port: SERVER.port } });
  return { clock, network, sample, server, peer };
}

const LARGE = { path: "b1k" } as const;
const PING = ["CON 0.00"];
// Pings at 0, 0.4 and 1.2 s, the acknowledgement after 1.5 s.
const UNANSWERED = ["CON 0.00", "CON 0.00", "CON 0.00", "ACK 0.00"];

test("a short answer comes at once, without a ping", async () => {
  const { peer } = await bench();
  assert.deepEqual(await peer().ask({ path: "s" }), ["ACK 2.05"]);
});

test("a long answer to a CON GET: a ping, and after the reset the answer in the acknowledgement; then at once", async () => {
  const { peer, server } = await bench();
  const client = peer();
  client.answersPings = true;
  assert.deepEqual(await client.ask(LARGE), [...PING, "ACK 2.05"]);
  assert.equal(client.received[1]?.payload.length, 1000);
  assert.deepEqual(await client.ask({ ...LARGE, messageId: 2 }), ["ACK 2.05"]);
  assert.deepEqual(await client.ask({ ...LARGE, type: NON, messageId: 3 }), ["NON 2.05"]);
  assert.equal(server.stats.challenges, 1);
});

test("a proof that takes longer than 1.5 s: an empty acknowledgement, later the answer apart", async () => {
  const { clock, peer } = await bench();
  const client = peer();
  assert.deepEqual(await client.ask(LARGE, 2 * SECOND), UNANSWERED);
  client.empty(RST, client.received[0]?.messageId ?? -1);
  await clock.advance(SECOND);
  const answer = client.received.at(-1);
  assert.ok(answer !== undefined);
  assert.equal(`${brief(answer)} ${answer.payload.length}`, "CON 2.05 1000");
  client.empty(ACK, answer.messageId);
  await clock.advance(60 * SECOND);
  assert.equal(client.received.at(-1), answer);
});

test("a long answer to a NON GET: ping; after the reset the answer", async () => {
  const { peer } = await bench();
  const client = peer();
  client.answersPings = true;
  assert.deepEqual(await client.ask({ ...LARGE, type: NON }), ["CON 0.00", "NON 2.05"]);
});

test("an action of a stranger runs after the proof, and once; copies wait with it", async () => {
  const { clock, peer, sample } = await bench();
  const client = peer();
  const put = { code: CODE.PUT, path: "query" } as const;
  assert.deepEqual(await client.ask(put, 10_000), PING);
  assert.deepEqual(await client.ask(put, 10_000), ["ACK 0.00"]);
  assert.equal(sample.runs, 0, "a forged datagram does nothing");
  client.empty(RST, client.received[0]?.messageId ?? -1);
  await clock.advance(SECOND);
  assert.equal(sample.runs, 1);
  assert.equal(brief(client.received.at(-1) ?? assert.fail("no answer")), "CON 2.04");
});

test("who never answers gets 4.01 with Echo after three pings, then nothing; what comes back with the Echo is answered", async () => {
  const { peer, server } = await bench();
  const client = peer();
  assert.deepEqual(await client.ask(LARGE, 600 * SECOND), [...UNANSWERED, "NON 4.01"]);
  assert.ok(client.receivedBytes <= 3 * client.sentBytes);
  const echo = findOption(client.received.at(-1)?.options ?? [], OPTION.ECHO);
  assert.ok(echo !== undefined);
  assert.equal(server.stats.peers, 0, "and is forgotten");
  // The value is two minutes old by then, so the server asks again.
  assert.deepEqual(
    await client.ask({ ...LARGE, messageId: 2, options: [[OPTION.ECHO, echo]] }, 10 * SECOND),
    [...UNANSWERED, "NON 4.01"],
  );
  const fresh = findOption(client.received.at(-1)?.options ?? [], OPTION.ECHO);
  assert.ok(fresh !== undefined);
  assert.deepEqual(await client.ask({ ...LARGE, messageId: 3, options: [[OPTION.ECHO, fresh]] }), [
    "ACK 2.05",
  ]);
});

test("a message that is protected with a key proves its sender, a replay does not", async () => {
  // In place of OSCORE: the payload "replay" is one.
  const open = ({ payload }: Message): Opened => ({
    code: CODE.GET,
    options: [textOption(OPTION.URI_PATH, "b1k")],
    payload: NO_BYTES,
    identity: { kind: "oscore", name: "laptop" },
    ...(Buffer.from(payload).toString() === "replay" && { reply: { code: "4.01" } }),
  });
  const { peer } = await bench({ guard: { open } });
  const request = { code: CODE.POST, options: [[OPTION.OSCORE, Buffer.from([1])]] } as const;
  assert.deepEqual(await peer().ask(request), ["ACK 2.05"]);
  const replaying = peer("198.51.100.21");
  await replaying.ask({ ...request, payload: Buffer.from("replay") });
  assert.deepEqual(await replaying.ask({ ...LARGE, messageId: 2 }, 100_000), PING);
});

test("who proves himself by Echo while a ping is on its way loses nothing when nobody answers that", async () => {
  const { peer, server } = await bench();
  const client = peer();
  await client.ask(LARGE, 10 * SECOND);
  const echo = findOption(client.received.at(-1)?.options ?? [], OPTION.ECHO);
  assert.ok(echo !== undefined);
  await client.ask({ ...LARGE, messageId: 2 }, 100_000);
  const observe = [
    [OPTION.OBSERVE, 0],
    [OPTION.ECHO, echo],
  ] as const;
  assert.deepEqual(await client.ask({ path: "obs", token: "o", messageId: 3, options: observe }, 100_000), [
    "ACK 2.05",
  ]);
  const late = await client.ask({ path: "s", token: "s", messageId: 4 }, 10 * SECOND);
  assert.ok(late.includes("CON 2.05"), "the long answer that waited for the ping");
  assert.equal(server.stats.observers, 1);
});

test("blocks of a stranger's body wait for the proof, whatever the method: they take memory", async () => {
  const { peer } = await bench();
  const block = { payload: Buffer.alloc(1024), options: [[OPTION.BLOCK1, 0x0e]] } as const;
  for (const [code, port] of [
    [CODE.GET, 4001],
    [CODE.FETCH, 4002],
    [CODE.PUT, 4003],
  ] as const)
    assert.deepEqual(await peer(STRANGER, port).ask({ ...block, code, path: "put" }, 100_000), PING);
});

test("an action of who never proves itself does not run: 4.01 with Echo, with which it does", async () => {
  const { peer, sample } = await bench();
  const client = peer();
  const put = { code: CODE.PUT, path: "query" } as const;
  assert.deepEqual(await client.ask(put, 600 * SECOND), [...UNANSWERED, "NON 4.01"]);
  assert.equal(sample.runs, 0);
  await client.ask({ ...put, messageId: 2 }, 60 * SECOND);
  const echo = findOption(client.received.at(-1)?.options ?? [], OPTION.ECHO);
  assert.ok(echo !== undefined);
  assert.deepEqual(await client.ask({ ...put, messageId: 3, options: [[OPTION.ECHO, echo]] }), ["ACK 2.04"]);
  assert.equal(sample.runs, 1);
});

test("an Echo of another address proves nothing", async () => {
  const { peer } = await bench();
  const one = peer();
  await one.ask(LARGE, 20 * SECOND);
  const echo = findOption(one.received.at(-1)?.options ?? [], OPTION.ECHO);
  assert.ok(echo !== undefined);
  const other = peer("198.51.100.21");
  assert.deepEqual(await other.ask({ ...LARGE, options: [[OPTION.ECHO, echo]] }, 100_000), PING);
});

test("identifiers cannot be guessed: after eight wrong ones a right one proves nothing", async () => {
  const { clock, peer } = await bench();
  const client = peer();
  await client.ask(LARGE, 100_000);
  const right = client.received[0]?.messageId ?? -1;
  for (let guess = 1; guess <= 8; guess++) client.empty(RST, (right + 100 * guess) & 0xffff);
  client.empty(RST, right);
  await clock.advance(60 * SECOND);
  assert.deepEqual(client.received.map(brief), [...UNANSWERED, "NON 4.01"]);
});

test("an observation of a stranger is registered after the proof only", async () => {
  const { clock, peer, sample, server } = await bench();
  const silent = peer();
  await silent.ask({ path: "obs", options: [[OPTION.OBSERVE, 0]] }, 60 * SECOND);
  sample.value.set(1);
  await clock.advance(600 * SECOND);
  assert.equal(sample.requests.length, 0);
  assert.ok(silent.receivedBytes <= 3 * silent.sentBytes);
  const honest = peer("198.51.100.21");
  honest.answersPings = true;
  const answers = await honest.ask({ type: NON, path: "obs", options: [[OPTION.OBSERVE, 0]] });
  assert.deepEqual(answers, ["CON 0.00", "NON 2.05"]);
  assert.equal(server.stats.observers, 1);
  sample.value.set(2);
  await clock.advance(SECOND);
  assert.equal(textOf(honest.received.at(-1) ?? assert.fail()), '{"n":2}');
});

const BELIEVED: readonly (readonly [policy: Amplification, from: string, to: string, isBelieved: boolean])[] =
  [
    ["public", "127.0.0.1", "127.0.0.1", true],
    ["public", "10.0.0.20", "10.0.0.7", true],
    ["public", "192.168.3.4", "10.0.0.7", true],
    ["public", "203.0.113.99", "203.0.113.7", true],
    ["public", "203.0.114.1", "203.0.113.7", false],
    ["all", "127.0.0.1", "127.0.0.1", true],
    ["all", "10.0.0.20", "10.0.0.7", false],
    ["none", STRANGER, "203.0.113.7", true],
  ];

for (const [policy, from, to, isBelieved] of BELIEVED) {
  test(`amplification = ${policy}: ${from} is ${isBelieved ? "believed" : "asked for a proof"}`, async () => {
    const { peer } = await bench({ amplification: policy });
    assert.deepEqual(await peer(from, 4000, to).ask(LARGE, 100_000), isBelieved ? ["ACK 2.05"] : PING);
  });
}

const STORM: Weather = { lost: 0.1, doubled: 0.1, slowestMs: 60 };

for (const [name, weather] of [["clear", CLEAR] as const, ["lossy", STORM] as const]) {
  test(`a client that knows nothing of proofs: downloads, uploads and observes over a ${name} link`, async () => {
    const { clock, network, sample } = await bench({ weather, seed: 7 });
    const connect = (port: number) =>
      CoapClient.open({ host: SERVER.address, clock, socket: network.socket(STRANGER, port) });
    for (let port = 5000; port < 5010; port++) {
      const client = await connect(port);
      const { payload } = await clock.run(client.request({ method: "GET", path: ["b8k"] }, NEVER));
      assert.deepEqual(Buffer.from(payload), pattern(8000));
      await client.close();
    }
    const client = await connect(5010);
    const body = pattern(5000);
    const put = await clock.run(client.request({ method: "PUT", path: ["put"], payload: body }, NEVER));
    assert.equal(put.code, "2.04");
    assert.deepEqual(sample.uploaded, body);
    const observer = await connect(5011);
    const seen = observer.observe({ method: "GET", path: ["obs"] }, NEVER);
    for (let n = 1; n <= 3; n++) {
      sample.value.set(n);
      const { value } = await clock.run(seen.next());
      assert.ok(value !== undefined);
    }
    await clock.run(seen.return());
    await observer.close();
    await client.close();
  });
}

test("this client sends an Echo back by itself", async () => {
  const clock = new VirtualClock();
  const network = new VirtualNetwork(clock);
  const server = network.socket(SERVER.address, SERVER.port);
  const echo = Buffer.from("abcdef");
  server.attach({
    message: (bytes, address, port) => {
      const request = decodeMessage(bytes) ?? assert.fail("malformed");
      const isBack = findOption(request.options, OPTION.ECHO)?.equals(echo) === true;
      const answer = isBack
        ? { code: 0x45, options: [], payload: Buffer.from("long") }
        : { code: 0x81, options: [bytesOption(OPTION.ECHO, echo)], payload: NO_BYTES };
      server.send(encodeMessage({ ...request, ...answer, type: ACK }), port, address);
    },
    failed: () => {},
  });
  const client = await CoapClient.open({
    host: SERVER.address,
    clock,
    socket: network.socket(STRANGER, 5000),
  });
  const { code, payload } = await clock.run(client.request({ method: "GET", path: ["s"] }, NEVER));
  assert.equal(`${code} ${Buffer.from(payload).toString()}`, "2.05 long");
  await client.close();
});

const TEMPLATES: readonly Buffer[] = [
  requestBytes(LARGE),
  requestBytes({ ...LARGE, type: NON }),
  requestBytes({ path: "b32k", token: "" }),
  requestBytes({ path: "frame", options: [[OPTION.OBSERVE, 0]] }),
  requestBytes({ type: NON, path: "obs", options: [[OPTION.OBSERVE, 0]] }),
  requestBytes({ code: CODE.PUT, path: "query" }),
  requestBytes({ code: CODE.POST, path: "slow" }),
  requestBytes({ path: ".well-known/core" }),
  Buffer.from("40000001", "hex"),
  Buffer.from("60001234", "hex"),
  Buffer.from("70001234", "hex"),
  Buffer.from("4001000ab173", "hex"),
];

for (let seed = 1; seed <= 4; seed++) {
  test(`whatever comes from an address that answers nothing, it gets three times that at most (seed ${seed})`, async () => {
    const { clock, peer, sample, server } = await bench();
    const random = seededRandom(seed);
    const victims = Array.from({ length: 5 }, (_, index) => peer(`198.51.100.${index + 1}`));
    for (let step = 0; step < 600; step++) {
      const victim = victims[Math.floor(random() * victims.length)] ?? assert.fail();
      const bytes = Buffer.from(TEMPLATES[Math.floor(random() * TEMPLATES.length)] ?? assert.fail());
      bytes.writeUInt16BE(Math.floor(random() * 50), 2);
      victim.sendBytes(bytes);
      sample.value.set(step);
      if (random() < 0.3) await clock.advance(random() * 10 * SECOND);
      for (const each of victims) assert.ok(each.receivedBytes <= 3 * each.sentBytes);
    }
    await clock.advance(600 * SECOND);
    for (const each of victims) assert.ok(each.receivedBytes <= 3 * each.sentBytes);
    assert.ok(
      victims.every(({ received }) => received.every(({ type, code }) => type !== CON || code === EMPTY)),
    );
    assert.equal(server.stats.peers, 0);
    assert.equal(server.stats.observers, 0);
    await clock.run(server.close());
    assert.equal(clock.pending, 0);
  });
}

test("forged senders do not keep others out of a full table", async () => {
  const { clock, peer, server } = await bench({ limits: { peers: 32 } });
  for (let index = 0; index < 200; index++) peer(`198.51.100.${index}`).send(LARGE);
  await clock.advance(SECOND / 10);
  assert.equal(server.stats.peers, 32);
  const honest = peer("192.0.2.44");
  honest.answersPings = true;
  const answers = await honest.ask(LARGE);
  assert.deepEqual(answers, [...PING, "ACK 2.05"]);
});

test("a computer above its rate: 4.29 with Max-Age once a second, then silence; others are served", async () => {
  const { clock, network, peer, server } = await bench({ limits: { requestsPerSecond: 10 } });
  const client = peer();
  for (let messageId = 1; messageId <= 20; messageId++) client.send({ path: "s", messageId });
  await clock.advance(SECOND / 100);
  const seen = client.received.map(brief);
  assert.deepEqual(seen, [...Array.from({ length: 10 }, () => "ACK 2.05"), "ACK 4.29"]);
  assert.deepEqual(findOption(client.received.at(-1)?.options ?? [], OPTION.MAX_AGE), Buffer.from([1]));
  assert.equal(server.stats.limited, 10);
  assert.deepEqual(
    await peer(STRANGER, 4001).ask({ path: "s", type: NON }, SECOND / 100),
    [],
    "another port is the same",
  );
  assert.deepEqual(await peer("198.51.100.21").ask({ path: "s" }), ["ACK 2.05"]);
  await clock.advance(2 * SECOND);
  assert.deepEqual(await client.ask({ path: "s", messageId: 50 }), ["ACK 2.05"]);
  assert.ok(network.sent.length < 60);
});

// Ten thousand random and mutated datagrams, by fixed seeds: the server lives, hardly ever answers, and keeps little.

import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { CON, NON } from "../../src/coap/codes.ts";
import { OPTION } from "../../src/coap/options.ts";
import { brief, CODE, RawPeer, requestBytes, textOf } from "./raw-peer.ts";
import { Sample } from "./sample-server.ts";
import { seededRandom } from "./virtual-network.ts";

const DATAGRAMS = 10_000;

// Requests of all kinds to mutate, among them CON and NON, blocks, observation and long options.
const TEMPLATES: readonly Buffer[] = [
  requestBytes({ path: "s" }),
  requestBytes({ path: "obs", options: [[OPTION.OBSERVE, 0]] }),
  requestBytes({
    type: NON,
    path: "frame",
    options: [
      [OPTION.OBSERVE, 0],
      [OPTION.BLOCK2, 6],
    ],
  }),
  requestBytes({ code: CODE.POST, path: "inc", payload: Buffer.from("{}") }),
  requestBytes({
    code: CODE.PUT,
    path: "put",
    payload: Buffer.alloc(1024, 7),
    options: [[OPTION.BLOCK1, 14]],
  }),
  requestBytes({
    type: NON,
    path: "b8k",
    options: [
      [OPTION.BLOCK2, 0x36],
      [OPTION.ETAG, "abcd"],
      [OPTION.ACCEPT, 50],
    ],
  }),
  requestBytes({
    path: "s",
    options: [
      [OPTION.URI_QUERY, "q".repeat(200)],
      [OPTION.SIZE1, 2 ** 31],
      [65001, "x"],
    ],
  }),
];

type Random = () => number;

function randomBytes(random: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)));
}

function mutated(random: Random): Buffer {
  const template = TEMPLATES[Math.floor(random() * TEMPLATES.length)] ?? Buffer.alloc(0);
  const bytes = Buffer.from(template);
  for (let count = 1 + Math.floor(random() * 4); count > 0; count--) {
    bytes[Math.floor(random() * Math.min(bytes.length, 40))] = Math.floor(random() * 256);
  }
  return random() < 0.3 ? bytes.subarray(0, Math.floor(random() * bytes.length)) : bytes;
}

interface Fuzzed {
  readonly answers: readonly string[];
  readonly malformed: number;
}

async function fuzz(seed: number, next: (random: Random) => Buffer): Promise<Fuzzed> {
  const clock = new VirtualClock();
  const { server } = await Sample.start({ clock });
  const peer = await RawPeer.open(server.port);
  const random = seededRandom(seed);
  const answers: string[] = [];
  for (let count = 0; count < DATAGRAMS; count += 50) {
    for (let index = 0; index < 50; index++) peer.sendBytes(next(random));
    answers.push(...(await peer.settled()).map(brief));
  }
  const other = await RawPeer.open(server.port);
  assert.equal(textOf(await other.ask({ path: "s", type: CON })), "hello world");
  const { malformed, failures, pinnedBytes, peers, observers } = server.stats;
  assert.equal(failures, 0);
  assert.ok(pinnedBytes < 2 ** 20);
  assert.ok(peers <= 2);
  assert.ok(observers <= 128);
  await clock.advance(800_000_000);
  assert.deepEqual([server.stats.peers, server.stats.observers, server.stats.pinnedBytes], [0, 0, 0]);
  peer.close();
  other.close();
  await clock.run(server.close());
  return { answers, malformed };
}

for (const seed of [1, 2, 3]) {
  test(`random bytes: alive, less than 5 % answered (seed ${seed})`, { timeout: 120_000 }, async () => {
    const { answers } = await fuzz(seed, (random) => randomBytes(random, Math.floor(random() * 60)));
    assert.ok(answers.length < DATAGRAMS * 0.05, `${answers.length} answers`);
  });

  test(`mutated requests: alive; what is answered is a request (seed ${seed})`, {
    timeout: 120_000,
  }, async () => {
    const { answers, malformed } = await fuzz(seed, mutated);
    assert.ok(malformed > 1000, `only ${malformed} were malformed`);
    assert.ok(answers.length <= DATAGRAMS - malformed, `${answers.length} answers, ${malformed} malformed`);
    assert.deepEqual(
      answers.filter((answer) => answer.endsWith("5.00")),
      [],
    );
  });
}

// Ten thousand random and mutated datagrams, by fixed seeds: the server lives, hardly ever answers, and keeps little.

import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { CON } from "../../src/coap/message/codes.ts";
import { mutatedMessage, type Random, randomDatagram } from "./support/mutations.ts";
import { assertNoWarnings } from "./support/no-warnings.ts";
import { brief, RawPeer, textOf } from "./support/raw-peer.ts";
import { Sample } from "./support/sample-server.ts";
import { seededRandom } from "./support/virtual-network.ts";

const DATAGRAMS = 10_000;

assertNoWarnings();

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
    const { answers } = await fuzz(seed, randomDatagram);
    assert.ok(answers.length < DATAGRAMS * 0.05, `${answers.length} answers`);
  });

  test(`mutated messages: alive; no more answers than messages (seed ${seed})`, {
    timeout: 120_000,
  }, async () => {
    const { answers, malformed } = await fuzz(seed, mutatedMessage);
    assert.ok(malformed > 1000, `only ${malformed} were malformed`);
    assert.ok(answers.length <= DATAGRAMS - malformed, `${answers.length} answers, ${malformed} malformed`);
    assert.deepEqual(
      answers.filter((answer) => answer.endsWith("5.00")),
      [],
    );
  });
}

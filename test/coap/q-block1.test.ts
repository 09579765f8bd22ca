// Bodies that go up in bursts (Q-Block1, RFC 9177) between our two ends, over a link that is far and loses datagrams.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { SECOND } from "../../src/base/clock.ts";
import { decodeMessage } from "../../src/coap/message/codec.ts";
import { codeText } from "../../src/coap/message/codes.ts";
import { OPTION } from "../../src/coap/message/options.ts";
import {
  blockIn,
  far,
  FAR,
  FAR_AND_LOSSY,
  type FarBench,
  losingOnce,
  SERVER,
  timed,
} from "./support/far-bench.ts";
import { STORM } from "./support/lossy-bench.ts";
import { Memory } from "./support/memory.ts";
import { pattern } from "./support/sample-server.ts";
import { CLEAR } from "./support/virtual-network.ts";

const QUARTER_MIB = pattern(2 ** 18, 6);

const PUT = { method: "PUT", path: ["put"], payload: QUARTER_MIB, qBlock: true } as const;

function sentTo({ network }: FarBench, address: string): number {
  return network.sent.filter(({ to }) => to.startsWith(address)).length;
}

test("PUT of 256 KiB at 500 ms and 5 % loss: in bursts four times as fast at least", async (t) => {
  const seconds: number[] = [];
  for (const qBlock of [true, false]) {
    await far({ weather: FAR_AND_LOSSY }, async (bench) => {
      const timing = await timed(bench, { ...PUT, qBlock });
      assert.equal(timing.reply.code, "2.04");
      assert.deepEqual(bench.sample.uploaded, QUARTER_MIB);
      assert.equal(bench.sample.runs, 1);
      seconds.push(timing.seconds);
      t.diagnostic(
        `${qBlock ? "Q-Block1" : "Block1"}: ${timing.seconds.toFixed(0)} s of virtual time, ` +
          `${sentTo(bench, SERVER.address)} datagrams up and ${sentTo(bench, "192.0.2.9")} down`,
      );
    });
  }
  const [inBursts = 0, oneByOne = 0] = seconds;
  assert.ok(inBursts * 4 < oneByOne);
});

test("without loss: a question, then a round trip for each set of ten blocks", async () => {
  await far({}, async (bench) => {
    const { seconds } = await timed(bench, PUT);
    assert.equal(seconds, 13.5);
    assert.equal(sentTo(bench, SERVER.address), 257);
    // One for the question, one for each of 26 sets.
    assert.equal(sentTo(bench, "192.0.2.9"), 27);
    // The next one needs no question.
    assert.equal((await timed(bench, PUT)).seconds, 13);
    assert.equal(bench.sample.runs, 2);
  });
});

test("every block and every answer lost once", async () => {
  await far({}, async (bench) => {
    const lost = losingOnce(bench.network, (bytes, to) => {
      const message = decodeMessage(bytes);
      const number = blockIn(bytes, OPTION.Q_BLOCK1)?.number;
      return message === undefined ? undefined : `${to} ${number ?? codeText(message.code)}`;
    });
    const { reply } = await timed(bench, PUT);
    assert.equal(reply.code, "2.04");
    assert.deepEqual(bench.sample.uploaded, QUARTER_MIB);
    assert.equal(bench.sample.runs, 1);
    assert.ok(lost() > 256);
  });
});

for (const seed of [1, 2, 3, 4]) {
  test(`loss, copies and another order: whole, and carried out once (seed ${seed})`, async () => {
    await far({ weather: STORM, seed }, async (bench) => {
      const { reply } = await timed(bench, PUT);
      assert.equal(reply.code, "2.04");
      assert.deepEqual(bench.sample.uploaded, QUARTER_MIB);
      assert.equal(bench.sample.runs, 1);
    });
  });
}

test("a large body and a large answer to it", async () => {
  await far({ weather: FAR_AND_LOSSY, seed: 4 }, async (bench) => {
    const { reply } = await timed(bench, { ...PUT, path: ["query"] });
    assert.equal(reply.code, "2.04");
    assert.deepEqual(Buffer.from(reply.payload), Buffer.concat([pattern(3000, 1), QUARTER_MIB]));
    assert.equal(bench.sample.runs, 1);
    assert.ok(!bench.network.sent.some(({ bytes }) => blockIn(bytes, OPTION.BLOCK2) !== undefined));
  });
});

test("an action that takes longer than the pauses between repetitions runs once", async () => {
  await far({}, async (bench) => {
    const { reply } = await timed(bench, { ...PUT, method: "POST", path: ["slow"] });
    assert.equal(`${reply.code} ${Buffer.from(reply.payload).toString()}`, "2.04 1");
    assert.equal(bench.sample.runs, 1);
  });
});

test("a body that is too large, and one that nothing takes: refused", async () => {
  await far({ limits: { bodyBytes: 100_000 } }, async (bench) => {
    assert.equal((await timed(bench, PUT)).reply.code, "4.13");
    const { reply } = await timed(bench, { ...PUT, path: ["nope"], payload: pattern(50_000) });
    assert.equal(reply.code, "4.04");
    assert.equal(bench.sample.runs, 0);
  });
});

test("several uploads at once do not mix", async () => {
  await far({ weather: FAR_AND_LOSSY, seed: 7 }, async ({ clock, client, sample }) => {
    const bodies = [1, 2, 3].map((shift) => pattern(50_000, shift));
    const puts = bodies.map((payload) => client.request({ ...PUT, payload }, NEVER));
    for (const reply of await clock.run(Promise.all(puts))) assert.equal(reply.code, "2.04");
    assert.equal(sample.runs, 3);
    assert.ok(bodies.some((body) => body.equals(sample.uploaded)));
  });
});

test("a server that falls silent: DEVICE_TIMEOUT within four minutes", async () => {
  await far({}, async ({ clock, client, network }) => {
    const putting = client.request(PUT, NEVER);
    await clock.advance(3 * SECOND);
    network.weather = { ...FAR, lost: 1 };
    const startUs = clock.nowUs();
    await assert.rejects(clock.run(putting), { code: "DEVICE_TIMEOUT" });
    assert.ok(clock.nowUs() - startUs < 240 * SECOND);
  });
});

test("a body that was carried out is not kept", async (t) => {
  await far({ weather: CLEAR }, async (bench) => {
    const memory = new Memory();
    const payload = pattern(2 ** 19);
    for (let count = 0; count < 36; count++) {
      assert.equal((await timed(bench, { ...PUT, payload })).reply.code, "2.04");
      bench.network.sent.length = 0;
      bench.sample.requests.length = 0;
      if (count % 6 === 5) memory.measure();
    }
    memory.assertFlat(t, 5);
  });
});

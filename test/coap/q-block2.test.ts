// Answers in bursts (Q-Block2, RFC 9177) between our two ends, over a link that is far and loses datagrams.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { SECOND } from "../../src/base/clock.ts";
import { VscopeError } from "../../src/base/errors.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { CoapClient } from "../../src/coap/client/client.ts";
import { OPTION } from "../../src/coap/message/options.ts";
import { CoapServer } from "../../src/coap/server.ts";
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
import { pattern, sha256 } from "./support/sample-server.ts";
import { VirtualNetwork } from "./support/virtual-network.ts";

const MIB = 2 ** 20;
const TWO_MIB = pattern(2 * MIB, 5);
const QUARTER_MIB = sha256(pattern(MIB / 4));

function sentTo({ network }: FarBench, address: string): number {
  return network.sent.filter(({ to }) => to.startsWith(address)).length;
}

test("GET of 2 MiB at 500 ms and 5 % loss: in bursts four times as fast at least", async (t) => {
  const seconds: number[] = [];
  for (const qBlock of [true, false]) {
    await far({ weather: FAR_AND_LOSSY }, async (bench) => {
      bench.sample.bodies.set("b2m", TWO_MIB);
      const timing = await timed(bench, { method: "GET", path: ["b2m"], qBlock });
      assert.equal(timing.reply.code, "2.05");
      assert.equal(sha256(timing.reply.payload), sha256(TWO_MIB));
      assert.equal(bench.sample.requests.length, 1);
      seconds.push(timing.seconds);
      t.diagnostic(
        `${qBlock ? "Q-Block2" : "Block2"}: ${timing.seconds.toFixed(0)} s of virtual time, ` +
          `${sentTo(bench, "192.0.2.9")} datagrams down and ${sentTo(bench, SERVER.address)} up`,
      );
    });
  }
  const [inBursts = 0, oneByOne = 0] = seconds;
  assert.ok(inBursts * 4 < oneByOne);
});

test("without loss a set of ten blocks takes one round trip", async () => {
  await far({}, async (bench) => {
    const { reply, seconds } = await timed(bench, { method: "GET", path: ["b256k"], qBlock: true });
    assert.equal(sha256(reply.payload), QUARTER_MIB);
    // 256 blocks are 26 sets.
    assert.equal(seconds, 13);
    assert.equal(sentTo(bench, "192.0.2.9"), 256);
    assert.equal(sentTo(bench, SERVER.address), 26);
  });
});

test("every block and every request lost once", async () => {
  await far({}, async (bench) => {
    const lost = losingOnce(bench.network, (bytes, to) => {
      const number = blockIn(bytes, OPTION.Q_BLOCK2)?.number;
      return number === undefined ? undefined : `${to} ${number}`;
    });
    const { reply } = await timed(bench, { method: "GET", path: ["b256k"], qBlock: true });
    assert.equal(sha256(reply.payload), QUARTER_MIB);
    assert.ok(lost() > 256);
  });
});

for (const seed of [1, 2, 3, 4]) {
  test(`loss, copies and another order: right, and rendered once (seed ${seed})`, async () => {
    await far({ weather: STORM, seed }, async (bench) => {
      const { reply } = await timed(bench, { method: "GET", path: ["b256k"], qBlock: true });
      assert.equal(sha256(reply.payload), QUARTER_MIB);
      const names = bench.sample.requests.map(({ path }) => path.join("/"));
      assert.ok(names.length <= 2, `${names.length} times`);
    });
  });
}

test("a body that differs each time it is rendered is read from one rendering", async () => {
  await far({ weather: FAR_AND_LOSSY, seed: 5 }, async (bench) => {
    const { reply } = await timed(bench, { method: "GET", path: ["fresh"], qBlock: true });
    const [first = 0] = reply.payload;
    assert.deepEqual(Buffer.from(reply.payload), pattern(4096, first));
  });
});

test("short answers, errors and answers to a PUT come as ever", async () => {
  await far({}, async (bench) => {
    const ask = async (method: "GET" | "PUT", name: string): Promise<string> => {
      const { reply } = await timed(bench, { method, path: [name], qBlock: true });
      return `${reply.code} ${reply.payload.length}`;
    };
    assert.equal(await ask("GET", "s"), "2.05 11");
    assert.equal(await ask("GET", "nope"), "4.04 0");
    assert.equal(await ask("PUT", "query"), "2.04 3000");
    assert.equal(bench.sample.runs, 1);
  });
});

test("large notifications: each in one piece", async () => {
  await far({ weather: FAR_AND_LOSSY, seed: 2 }, async ({ clock, client, sample }) => {
    const stop = new AbortController();
    const values = client.observe({ method: "GET", path: ["frame"], qBlock: true }, stop.signal);
    for (let shift = 0; shift < 5; shift++) {
      const { value } = await clock.run(values.next());
      assert.deepEqual(Buffer.from(value?.payload ?? []), pattern(32_768, shift));
      sample.frame.set(pattern(32_768, shift + 1));
    }
    await clock.run(values.return());
  });
});

test("a body that is read by position, and one that changes meanwhile", async () => {
  const clock = new VirtualClock();
  const network = new VirtualNetwork(clock, { weather: FAR_AND_LOSSY, seed: 3 });
  let content = pattern(100_000);
  let etag = Buffer.from("v1");
  const handler = () => {
    const [bytes, tag] = [content, etag];
    const read = async (offset: number, length: number): Promise<Buffer> => {
      await clock.delay(1000, NEVER);
      if (tag !== etag) throw new VscopeError("PRECONDITION_FAILED", "the file: another by now");
      return bytes.subarray(offset, offset + length);
    };
    return { code: "2.05", etag: tag, body: { size: bytes.length, read } };
  };
  const socket = network.socket(SERVER.address, SERVER.port);
  const server = await CoapServer.listen({ ...SERVER, handler, clock, socket, amplification: "none" });
  const own = network.socket("192.0.2.9", 40_000);
  const client = await CoapClient.open({ host: SERVER.address, clock, socket: own });
  const get = () => client.request({ method: "GET", path: ["file"], qBlock: true }, NEVER);
  assert.deepEqual(Buffer.from((await clock.run(get())).payload), content);
  const reading = get();
  await clock.advance(3 * SECOND);
  content = pattern(100_000, 7);
  etag = Buffer.from("v2");
  assert.deepEqual(Buffer.from((await clock.run(reading)).payload), content);
  await client.close();
  await clock.run(server.close());
});

test("a server that falls silent: DEVICE_TIMEOUT within two minutes, and nothing is left", async () => {
  await far({}, async ({ clock, client, network }) => {
    const reading = client.request({ method: "GET", path: ["b256k"], qBlock: true }, NEVER);
    await clock.advance(2 * SECOND);
    network.weather = { ...FAR, lost: 1 };
    const startUs = clock.nowUs();
    await assert.rejects(clock.run(reading), { code: "DEVICE_TIMEOUT" });
    assert.ok(clock.nowUs() - startUs < 120 * SECOND);
  });
});

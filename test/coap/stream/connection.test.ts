// The server's end of a connection, byte for byte: signalling, sizes and BERT, observation with back-pressure, everything
// that must not take too long, and limits. Sockets are real, time is virtual.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SECOND } from "../../../src/base/clock.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { readBlock } from "../../../src/coap/message/block.ts";
import type { Message } from "../../../src/coap/message/codec.ts";
import { codeText } from "../../../src/coap/message/codes.ts";
import type { CoapLimits } from "../../../src/coap/engine/limits.ts";
import { findOption, findUint, OPTION } from "../../../src/coap/message/options.ts";
import type { CoapServer } from "../../../src/coap/server.ts";
import { capabilitiesMessage, SIGNAL } from "../../../src/coap/stream/signals.ts";
import { CODE, textOf } from "../support/raw-peer.ts";
import { pattern, Sample } from "../support/sample-server.ts";
import { messageOf, RawConnection } from "./raw-connection.ts";
import { encodeFrame } from "../../../src/coap/stream/frame.ts";

interface Bench {
  readonly clock: VirtualClock;
  readonly sample: Sample;
  readonly server: CoapServer;
  readonly port: number;
  /** A connection that has exchanged capabilities. */
  readonly connect: (maxMessageBytes?: number) => Promise<RawConnection>;
  readonly raw: () => Promise<RawConnection>;
}

function scenario(
  name: string,
  run: (bench: Bench) => Promise<void>,
  limits: Partial<CoapLimits> = {},
): void {
  test(name, { timeout: 60_000 }, async () => {
    const clock = new VirtualClock();
    const { sample, server } = await Sample.start({ clock, limits, streams: { tcp: 0 } });
    const port = server.ports.tcp ?? 0;
    const open: RawConnection[] = [];
    const keep = async (opening: Promise<RawConnection>): Promise<RawConnection> => {
      const connection = await opening;
      open.push(connection);
      return connection;
    };
    const connect = (maxMessageBytes?: number) => keep(RawConnection.introduced(port, maxMessageBytes));
    try {
      await run({ clock, sample, server, port, connect, raw: () => keep(RawConnection.open(port)) });
    } finally {
      for (const connection of open) connection.close();
      await clock.run(server.close());
    }
  });
}

/** Unlike that of any other round. */
function frameOf(round: number): Buffer {
  const frame = pattern(32_768);
  frame.writeUInt32BE(round);
  return frame;
}

/** Code and text of a message, or "end". */
function brief(message: Message | undefined): string {
  if (message === undefined) return "end";
  const payload = message.payload.length > 200 ? `${message.payload.length} bytes` : textOf(message);
  return payload === "" ? codeText(message.code) : `${codeText(message.code)} ${payload}`;
}

async function briefsOf(connection: RawConnection): Promise<readonly string[]> {
  return (await connection.rest()).map(brief);
}

scenario("the server says at once what it takes: 8 MiB in one message, and blocks", async ({ raw }) => {
  const connection = await raw();
  const csm = await connection.next();
  assert.equal(csm?.code, SIGNAL.CSM);
  assert.equal(findUint(csm?.options ?? [], 2), 8 * 1024 * 1024 + 256);
  assert.equal(findOption(csm?.options ?? [], 4)?.length, 0);
});

scenario(
  "requests are answered in one message, in the order of their answers, with their tokens",
  async (bench) => {
    const connection = await bench.connect();
    connection.ask({ path: "slow", token: "1" });
    connection.ask({ path: "s", token: "2" });
    connection.ask({ path: "b256k", token: "3" });
    connection.ask({ path: "nothing", token: "" });
    const first = [await connection.next(), await connection.next(), await connection.next()];
    assert.deepEqual(first.map(brief), ["2.05 hello world", "2.05 262144 bytes", "4.04"]);
    const slow = bench.clock.run(connection.next());
    assert.equal((await slow)?.token.toString(), "1");
  },
);

scenario("a request split into single bytes is answered", async ({ connect }) => {
  const connection = await connect();
  for (const byte of encodeFrame(messageOf({ path: "s" }))) connection.sendBytes(Buffer.from([byte]));
  assert.equal(brief(await connection.next()), "2.05 hello world");
});

scenario("copies are not looked for: each request counts", async ({ connect, sample }) => {
  const connection = await connect();
  for (let copy = 0; copy < 3; copy++) connection.ask({ code: CODE.POST, path: "inc", token: "same" });
  await connection.settled();
  assert.equal(sample.runs, 3);
});

scenario("empty messages, responses and pongs are passed over", async ({ connect }) => {
  const connection = await connect();
  connection.send({ code: 0 });
  connection.send({ code: 0x45, token: Buffer.from("x") });
  connection.send({ code: SIGNAL.PONG });
  connection.ask({ path: "s" });
  assert.equal(brief(await connection.next()), "2.05 hello world");
});

scenario("unknown methods, critical options, proxies: as on UDP", async ({ connect }) => {
  const connection = await connect();
  connection.ask({ code: 30, path: "s" });
  connection.ask({ path: "s", options: [[65_001, 1]] });
  connection.ask({ path: "s", options: [[OPTION.PROXY_URI, "coap://x"]] });
  connection.ask({ path: "s", options: [[OPTION.OSCORE, 0]] });
  const answers = await connection.settled();
  assert.deepEqual(answers.map(brief), [
    "4.05",
    "4.02 option 65001: critical and not known",
    "5.05 this server is no proxy",
    "4.02 option 9: critical and not known",
  ]);
});

scenario(
  "a ping is answered with its token; with Custody after all answers before it",
  async ({ connect, clock }) => {
    const connection = await connect();
    connection.ask({ path: "slow", token: "slow" });
    connection.send({ code: SIGNAL.PING, token: Buffer.from("a") });
    connection.send({
      code: SIGNAL.PING,
      token: Buffer.from("b"),
      options: [{ number: 2, value: Buffer.alloc(0) }],
    });
    const first = await connection.next();
    assert.deepEqual([first?.code, first?.token.toString(), first?.options.length], [SIGNAL.PONG, "a", 0]);
    const answer = await clock.run(connection.next());
    assert.equal(answer?.token.toString(), "slow");
    const pong = await connection.next();
    assert.deepEqual([pong?.code, pong?.token.toString(), pong?.options[0]?.number], [SIGNAL.PONG, "b", 2]);
  },
);

scenario(
  "beyond 16 pings that wait for answers, a ping is answered at once without Custody",
  async (bench) => {
    const connection = await bench.connect();
    connection.ask({ path: "slow", token: "slow" });
    const options = [{ number: 2, value: Buffer.alloc(0) }];
    for (let count = 0; count < 20; count++)
      connection.send({ code: SIGNAL.PING, token: Buffer.from(`${count}`), options });
    const early = await connection.settled();
    assert.deepEqual(
      early.map((pong) => `${pong.token.toString()} ${pong.options.length}`),
      ["16 0", "17 0", "18 0", "19 0"],
    );
    const answer = await bench.clock.run(connection.next());
    assert.equal(answer?.token.toString(), "slow");
    const late = await connection.settled();
    assert.deepEqual(
      late.map((pong) => `${pong.token.toString()} ${pong.options.length}`),
      Array.from({ length: 16 }, (_, count) => `${count} 1`),
    );
  },
);

const MISTAKES = [
  {
    name: "a request before the capabilities",
    bytes: encodeFrame(messageOf({ path: "s" })),
    fact: /7\.05 the first message/,
  },
  { name: "HTTP", bytes: Buffer.from("GET / HTTP/1.1\r\n\r\n"), fact: /7\.05 / },
  { name: "a token of 9 bytes", bytes: Buffer.from([0x09, 0xe1]), fact: /7\.05 token of 9 bytes/ },
  {
    name: "a message of 4 GB",
    bytes: Buffer.from([0xf0, 0xff, 0xff, 0xff, 0xff]),
    fact: /7\.05 message of \d+ bytes, \d+ are allowed/,
  },
  {
    name: "a critical option of the capabilities",
    bytes: Buffer.from([0x10, 0xe1, 0x70]),
    fact: /7\.05 critical option 7 of a signal/,
  },
  {
    name: "a Max-Message-Size that nothing fits in",
    bytes: encodeFrame(capabilitiesMessage(20)),
    fact: /7\.05 Max-Message-Size 20 is below/,
  },
] as const;

for (const { name, bytes, fact } of MISTAKES) {
  scenario(
    `${name}: abort with the reason, and nobody else is disturbed`,
    async ({ raw, connect, server, sample }) => {
      const other = await connect();
      const connection = await raw();
      await connection.next();
      connection.sendBytes(bytes);
      connection.ask({ code: CODE.POST, path: "inc" });
      const rest = await connection.rest();
      assert.equal(rest.length, 1);
      assert.match(brief(rest[0]), fact);
      if (name.includes("critical")) assert.equal(findUint(rest[0]?.options ?? [], 2), 7, "Bad-CSM-Option");
      assert.equal(sample.runs, 0);
      other.ask({ path: "s" });
      assert.equal(brief(await other.next()), "2.05 hello world");
      assert.equal(server.stats.connections, 1);
      assert.equal(server.stats.connectionsAborted, 1);
    },
  );
}

scenario(
  "a release is answered when all answers have gone, and the connection ends",
  async ({ connect, clock, server }) => {
    const connection = await connect();
    connection.ask({ path: "slow" });
    connection.send({ code: SIGNAL.RELEASE });
    const rest = await clock.run(briefsOf(connection));
    assert.deepEqual(rest, ["2.05 1", "7.04"]);
    assert.equal(server.stats.connectionsAborted, 0);
  },
);

scenario("an abort by the client ends it at once", async ({ connect }) => {
  const connection = await connect();
  connection.send({ code: SIGNAL.ABORT, payload: Buffer.from("enough") });
  assert.deepEqual(await briefsOf(connection), []);
});

scenario(
  "when the server stops, observers hear 5.03, and all connections a release",
  async ({ connect, server, clock }) => {
    const observer = await connect();
    observer.ask({ path: "obs", options: [[OPTION.OBSERVE, 0]] });
    await observer.next();
    const idle = await connect();
    await clock.run(server.close());
    assert.deepEqual(await briefsOf(observer), ["5.03 the server is stopping", "7.04"]);
    assert.deepEqual(await briefsOf(idle), ["7.04"]);
  },
);

scenario("a peer that takes 1152 bytes gets blocks of 1024, and whatever it asks for", async ({ raw }) => {
  const connection = await raw();
  await connection.next();
  connection.send({ code: SIGNAL.CSM });
  connection.ask({ path: "b32k" });
  const first = await connection.next();
  const block = readBlock(findOption(first?.options ?? [], OPTION.BLOCK2) ?? Buffer.alloc(0));
  assert.deepEqual([first?.payload.length, block], [1024, { number: 0, more: true, sizeExponent: 6 }]);
  assert.equal(findUint(first?.options ?? [], OPTION.SIZE2), 32_768);
  connection.ask({ path: "b32k", options: [[OPTION.BLOCK2, (3 << 4) | 2]] });
  const later = await connection.next();
  assert.deepEqual(Buffer.from(later?.payload ?? []), pattern(32_768).subarray(192, 256));
});

scenario(
  "a peer with a small Max-Message-Size gets smaller blocks than it asks for, at the same place",
  async (bench) => {
    const connection = await bench.connect(400);
    connection.ask({ path: "b8k", options: [[OPTION.BLOCK2, (2 << 4) | 6]] });
    const answer = await connection.next();
    const block = readBlock(findOption(answer?.options ?? [], OPTION.BLOCK2) ?? Buffer.alloc(0));
    assert.deepEqual(block, { number: 8, more: true, sizeExponent: 4 });
    assert.deepEqual(Buffer.from(answer?.payload ?? []), pattern(8000).subarray(2048, 2304));
  },
);

scenario("BERT down: several blocks of 1024 in a message, numbered in 1024", async ({ connect }) => {
  const connection = await connect(10_000);
  const parts: Uint8Array[] = [];
  for (let bytes = 0, more = true; more; ) {
    connection.ask({
      path: "b32k",
      options: bytes === 0 ? [] : [[OPTION.BLOCK2, ((bytes / 1024) << 4) | 7]],
    });
    const answer = await connection.next();
    const block = readBlock(findOption(answer?.options ?? [], OPTION.BLOCK2) ?? Buffer.alloc(0));
    assert.deepEqual([block.number * 1024, block.sizeExponent], [bytes, 7]);
    assert.ok(!block.more || answer?.payload.length === 9 * 1024);
    parts.push(answer?.payload ?? Buffer.alloc(0));
    bytes += answer?.payload.length ?? 0;
    more = block.more;
  }
  assert.deepEqual(Buffer.concat(parts), pattern(32_768));
});

scenario(
  "BERT up: multiples of 1024, the last of any length; others are refused",
  async ({ connect, sample }) => {
    const connection = await connect();
    const body = pattern(20_000);
    const put = async (number: number, more: boolean, payload: Buffer): Promise<string> => {
      const block = (number << 4) | (more ? 8 : 0) | 7;
      connection.ask({ code: CODE.PUT, path: "put", options: [[OPTION.BLOCK1, block]], payload });
      return brief(await connection.next());
    };
    assert.equal(await put(0, true, body.subarray(0, 4096)), "2.31");
    assert.equal(await put(4, true, body.subarray(4096, 12_288)), "2.31");
    assert.equal(
      await put(4, true, body.subarray(4096, 12_000)),
      "4.00 block length does not match its size exponent",
    );
    assert.equal(await put(5, true, body.subarray(5120, 6144)), "4.08");
    assert.equal(await put(12, false, body.subarray(12_288)), "2.04");
    assert.deepEqual(sample.uploaded, body);
  },
);

scenario(
  "a body above the limit is refused from its length",
  async ({ connect }) => {
    const connection = await connect();
    connection.ask({ code: CODE.PUT, path: "put", payload: pattern(10_001) });
    assert.equal(brief(await connection.next()), "4.13 body is larger than 10000 bytes");
    connection.ask({ code: CODE.PUT, path: "put", payload: pattern(30_000) });
    assert.match((await briefsOf(connection)).join(), /^7\.05 message of \d+ bytes, 18192 are allowed$/);
  },
  { bodyBytes: 10_000 },
);

scenario(
  "observation: each change is told; Observe 1 ends it, the end of the connection, too",
  async (bench) => {
    const { connect, sample, server } = bench;
    const connection = await connect();
    connection.ask({ path: "obs", token: "o", options: [[OPTION.OBSERVE, 0]] });
    const numbers = [findUint((await connection.next())?.options ?? [], OPTION.OBSERVE) ?? 0];
    for (const value of [1, 2, 3]) {
      sample.value.set(value);
      const told = await connection.next();
      assert.equal(brief(told), `2.05 {"n":${value}}`);
      numbers.push(findUint(told?.options ?? [], OPTION.OBSERVE) ?? 0);
    }
    assert.deepEqual(
      numbers,
      numbers.toSorted((left, right) => left - right),
    );
    connection.ask({ path: "obs", token: "o", options: [[OPTION.OBSERVE, 1]] });
    await connection.next();
    assert.equal(server.stats.observers, 0);
    connection.ask({ path: "obs", token: "p", options: [[OPTION.OBSERVE, 0]] });
    await connection.next();
    connection.close();
    while (server.stats.connections > 0) await bench.clock.advance(1000);
    assert.equal(server.stats.observers, 0);
    sample.value.set(9);
  },
);

scenario("an observer that does not read holds up nobody; then it gets the newest value", async (bench) => {
  const { connect, sample, server, clock } = bench;
  const slow = await connect();
  const quick = await connect();
  slow.ask({ path: "frame", token: "slow", options: [[OPTION.OBSERVE, 0]] });
  quick.ask({ path: "obs", token: "quick", options: [[OPTION.OBSERVE, 0]] });
  await slow.next();
  await quick.next();
  slow.socket.pause();
  const rounds = 800;
  for (let round = 1; round <= rounds; round++) {
    sample.frame.set(frameOf(round));
    sample.value.set(round);
    assert.equal(brief(await quick.next()), `2.05 {"n":${round}}`);
  }
  const told = server.stats.notifications - rounds;
  assert.ok(told < rounds / 2, `${told} of ${rounds} frames were rendered for who did not read`);
  slow.socket.resume();
  let last = await slow.next();
  const newest = frameOf(rounds);
  while (!newest.equals(last?.payload ?? Buffer.alloc(0))) last = await clock.run(slow.next());
  assert.deepEqual(await slow.settled(), []);
});

scenario(
  "who asks without reading is not read, and let go after five minutes",
  async ({ connect, clock, server }) => {
    const connection = await connect(16 * 1024 * 1024);
    connection.socket.pause();
    for (let count = 0; count < 400; count++) connection.ask({ path: "b256k" });
    await clock.advance(10 * SECOND);
    const { requests } = server.stats;
    assert.ok(requests < 400, `${requests} requests were taken of who reads no answer`);
    await clock.advance(300 * SECOND);
    assert.equal(server.stats.connections, 0);
  },
);

scenario("who asks without reading gets its answers when it reads", async ({ connect, clock }) => {
  const connection = await connect(16 * 1024 * 1024);
  connection.socket.pause();
  for (let count = 0; count < 100; count++) connection.ask({ path: "b256k", token: `${count}` });
  await clock.advance(SECOND);
  connection.socket.resume();
  for (let count = 0; count < 100; count++) {
    const answer = await clock.run(connection.next());
    assert.equal(answer?.token.toString(), `${count}`);
  }
});

scenario("a connection that says nothing is let go after 10 s", async ({ raw, clock, server }) => {
  const connection = await raw();
  await connection.next();
  await clock.advance(9 * SECOND);
  assert.equal(server.stats.connections, 1);
  await clock.advance(2 * SECOND);
  assert.deepEqual(await briefsOf(connection), ["7.05 no capabilities message"]);
});

scenario("a message that trickles in is given up; one that flows is not", async ({ connect, clock }) => {
  const connection = await connect();
  const frame = encodeFrame(messageOf({ code: CODE.PUT, path: "put", payload: pattern(200_000) }));
  // 8 KiB a second: 25 s in all.
  for (let at = 0; at < frame.length; at += 8192) {
    connection.sendBytes(frame.subarray(at, at + 8192));
    await clock.advance(SECOND);
  }
  assert.equal(brief(await connection.next()), "2.04");
  for (let at = 0; at < 30; at++) {
    connection.sendBytes(frame.subarray(at, at + 1));
    await clock.advance(SECOND);
  }
  assert.deepEqual(await briefsOf(connection), ["7.05 a message takes too long"]);
});

scenario(
  "on a thin link, a message that trickles in is waited for",
  async ({ connect, clock }) => {
    const connection = await connect();
    const frame = encodeFrame(messageOf({ code: CODE.PUT, path: "put", payload: pattern(3000) }));
    for (let at = 0; at < frame.length; at += 64) {
      connection.sendBytes(frame.subarray(at, at + 64));
      await clock.advance(SECOND);
    }
    assert.equal(brief(await connection.next()), "2.04");
  },
  { connectionBytesPerS: 32 },
);

scenario(
  "who does not read has the time that the limits give",
  async ({ connect, clock, server }) => {
    const connection = await connect(16 * 1024 * 1024);
    connection.socket.pause();
    for (let count = 0; count < 400; count++) connection.ask({ path: "b256k" });
    await clock.advance(80 * SECOND);
    assert.equal(server.stats.connections, 1);
    await clock.advance(60 * SECOND);
    assert.equal(server.stats.connections, 0);
  },
  { connectionUnreadS: 120 },
);

scenario(
  "an idle connection is released; one that observes is asked, and let go when it is silent",
  async (bench) => {
    const { connect, clock, server } = bench;
    const idle = await connect();
    const observer = await connect();
    observer.ask({ path: "obs", options: [[OPTION.OBSERVE, 0]] });
    await observer.next();
    await clock.advance(303 * SECOND);
    // What crosses the release is answered still.
    idle.ask({ path: "s" });
    assert.deepEqual([brief(await idle.next()), brief(await idle.next())], ["7.04", "2.05 hello world"]);
    await clock.advance(6 * SECOND);
    assert.deepEqual(await briefsOf(idle), []);
    const told = await observer.settled();
    assert.ok(told.some(({ code }) => code === SIGNAL.PING));
    await clock.advance(200 * SECOND);
    assert.equal(server.stats.observers, 1);
    await clock.advance(140 * SECOND);
    assert.equal(server.stats.observers, 0);
  },
);

scenario(
  "connections are limited per address",
  async ({ connect, raw, server }) => {
    const first = await connect();
    await connect();
    const third = await raw();
    assert.deepEqual(await briefsOf(third), []);
    assert.equal(server.stats.connectionsRefused, 1);
    first.close();
    await first.rest();
    while (server.stats.connections > 1) await new Promise((resolve) => setImmediate(resolve));
    const again = await connect();
    again.ask({ path: "s" });
    assert.equal(brief(await again.next()), "2.05 hello world");
  },
  { connectionsPerAddress: 2 },
);

scenario(
  "when all connections are taken, one that has done nothing for 10 s makes room",
  async ({ connect, raw, clock }) => {
    const idle = await connect();
    assert.deepEqual(await briefsOf(await raw()), []);
    await clock.advance(11 * SECOND);
    const late = await connect();
    late.ask({ path: "s" });
    assert.equal(brief(await late.next()), "2.05 hello world");
    assert.deepEqual(await briefsOf(idle), []);
  },
  { connections: 1 },
);

scenario(
  "a newcomer from a computer that has too many ends no idle connection",
  async ({ connect, raw, clock }) => {
    const idle = [await connect(), await connect()];
    await clock.advance(11 * SECOND);
    assert.deepEqual(await briefsOf(await raw()), []);
    for (const connection of idle) {
      connection.ask({ path: "s" });
      assert.equal(brief(await connection.next()), "2.05 hello world");
    }
  },
  { connections: 2, connectionsPerAddress: 2 },
);

scenario(
  "an answer that comes after the end of its connection registers no observation",
  async ({ connect, server, clock }) => {
    const connection = await connect();
    connection.ask({ path: "late", options: [[OPTION.OBSERVE, 0]] });
    while (server.stats.requests === 0) await new Promise((resolve) => setImmediate(resolve));
    connection.close();
    while (server.stats.connections > 0) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(SECOND);
    assert.equal(server.stats.observers, 0);
  },
);

scenario("what a connection had asked for is forgotten with it", async ({ connect, server, clock }) => {
  const connection = await connect(1152);
  connection.ask({ path: "b256k" });
  await connection.next();
  connection.ask({ code: CODE.PUT, path: "put", options: [[OPTION.BLOCK1, 8 | 6]], payload: pattern(1024) });
  await connection.next();
  assert.ok(server.stats.pinnedBytes >= 262_144);
  connection.close();
  while (server.stats.connections > 0) await clock.advance(1000);
  assert.equal(server.stats.pinnedBytes, 0);
});

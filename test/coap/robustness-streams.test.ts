// What clients may do to the server over TCP for as long as they like: broken streams of bytes, and connections that promise
// large messages and send them hardly at all (slow-loris). It lives, and its memory stays flat.
// A slice in every run; `npm run test:long` sends a million frames (VSCOPE_DATAGRAMS=1000000).

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { SECOND, SystemClock } from "../../src/base/clock.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { Budget } from "../../src/base/budget.ts";
import { decodeMessage } from "../../src/coap/message/codec.ts";
import { CoapClient } from "../../src/coap/client/client.ts";
import { classOf } from "../../src/coap/message/codes.ts";
import { CoapServer } from "../../src/coap/server.ts";
import { encodeFrame, FrameReader } from "../../src/coap/stream/frame.ts";
import { capabilitiesMessage } from "../../src/coap/stream/signals.ts";
import { Memory } from "./support/memory.ts";
import { requestsIn } from "./support/judge.ts";
import { mutated, type Random, REQUESTS } from "./support/mutations.ts";
import { assertNoWarnings } from "./support/no-warnings.ts";
import { Sample } from "./support/sample-server.ts";
import { seededRandom } from "./support/virtual-network.ts";

const FRAMES = Number(process.env["VSCOPE_DATAGRAMS"] ?? 30_000);
const FRAMES_PER_CONNECTION = 100;
const PARTS = 10;

assertNoWarnings();

const HELLO = encodeFrame(capabilitiesMessage(8 * 2 ** 20));

const FRAME_TEMPLATES = REQUESTS.flatMap((bytes) => {
  const message = decodeMessage(bytes);
  return message === undefined ? [] : [encodeFrame(message)];
});

async function connectTo(port: number, localAddress = "127.0.0.1"): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", localAddress });
  // The server resets the connection when what it gets is no CoAP.
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

/** Sends bytes, and returns how many responses come back until the connection ends. */
async function converse(port: number, bytes: Buffer): Promise<number> {
  let responses = 0;
  const socket = await connectTo(port);
  const reader = new FrameReader(2 ** 24, new Budget(2 ** 26));
  socket.on("data", (chunk: Buffer) => {
    const fact = reader.push(chunk, ({ code }) => {
      if (classOf(code) >= 2 && classOf(code) <= 5) responses += 1;
      return true;
    });
    assert.equal(fact, undefined, "the server sent something malformed");
  });
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.end(bytes);
  await closed;
  return responses;
}

/** Mostly whole requests, so that the broken ones come at any place of a stream. */
function streamBytes(random: Random): Buffer {
  const frames = Array.from({ length: FRAMES_PER_CONNECTION }, () => {
    const template = FRAME_TEMPLATES[Math.floor(random() * FRAME_TEMPLATES.length)] ?? Buffer.alloc(0);
    return random() < 0.95 ? template : mutated(random, FRAME_TEMPLATES);
  });
  return Buffer.concat([HELLO, ...frames]);
}

function randomBytes(random: Random): Buffer {
  const bytes = Buffer.from(
    Array.from({ length: 20 * FRAMES_PER_CONNECTION }, () => Math.floor(random() * 256)),
  );
  return random() < 0.5 ? bytes : Buffer.concat([HELLO, bytes]);
}

for (const [name, make] of [
  ["broken streams of requests", streamBytes],
  ["streams of random bytes", randomBytes],
] as const) {
  test(`TCP, ${FRAMES} messages in ${name}: alive, memory flat, no answer after the break`, {
    timeout: 900_000,
  }, async (context) => {
    const sample = new Sample(new SystemClock());
    const handler = (request: Parameters<Sample["handle"]>[0]) => sample.handle(request);
    const server = await CoapServer.listen({ address: "127.0.0.1", port: 0, handler, streams: { tcp: 0 } });
    const port = server.ports.tcp ?? 0;
    const memory = new Memory();
    const random = seededRandom(20_260_621);
    const total = { valid: 0, answered: 0 };
    const connections = Math.ceil(FRAMES / FRAMES_PER_CONNECTION);
    for (let count = 0; count < connections; count++) {
      const bytes = make(random);
      const valid = requestsIn(bytes);
      const answered = await converse(port, bytes);
      assert.ok(answered <= valid, `${answered} answers to ${valid} requests: ${bytes.toString("hex")}`);
      total.valid += valid;
      total.answered += answered;
      if (count % Math.ceil(connections / PARTS) === 0) {
        sample.requests.length = 0;
        memory.measure();
      }
    }
    const { requests, connectionsAborted, failures } = server.stats;
    context.diagnostic(
      `${connections} connections, ${connectionsAborted} aborted; ${total.valid} requests before the first break of each, ` +
        `${requests} taken, ${total.answered} answered`,
    );
    assert.equal(failures, 0);
    assert.ok(connectionsAborted > connections / 2, "hardly any was broken");
    memory.assertFlat(context, 16);
    const client = await CoapClient.open({ scheme: "coap+tcp", host: "127.0.0.1", port });
    const { code } = await client.request({ method: "GET", path: ["s"] }, AbortSignal.timeout(10_000));
    assert.equal(code, "2.05");
    await client.close();
    await server.close();
  });
}

// A PUT of 8 MiB is announced: length nibble 15 with four bytes of length, no token, code 0.03.
const PROMISED_BYTES = 8 * 2 ** 20;
const PROMISE = Buffer.from([0xf0, 0, 0, 0, 0, 0x03]);
PROMISE.writeUInt32BE(PROMISED_BYTES - 65_805, 1);

const ADDRESSES = ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"];
const DRIBBLE_BYTES = 16 * 1024;

test("TCP, slow-loris: memory grows with what came, not with what was promised, and all are let go", {
  timeout: 120_000,
}, async (context) => {
  const clock = new VirtualClock();
  const handler = () => ({ code: "2.05" });
  const server = await CoapServer.listen({
    address: "127.0.0.1",
    port: 0,
    handler,
    clock,
    streams: { tcp: 0 },
  });
  const port = server.ports.tcp ?? 0;
  const memory = new Memory();
  memory.measure();
  const sockets: Socket[] = [];
  let closed = 0;
  for (const address of ADDRESSES) {
    for (let count = 0; count < 40; count++) {
      const socket = await connectTo(port, address);
      socket.on("close", () => (closed += 1)).resume();
      socket.write(Buffer.concat([HELLO, PROMISE, Buffer.alloc(DRIBBLE_BYTES)]));
      sockets.push(socket);
    }
  }
  await clock.advance(SECOND);
  memory.measure();
  const { connections, connectionsRefused } = server.stats;
  context.diagnostic(`${sockets.length} tried, ${connections} let in, ${connectionsRefused} refused`);
  assert.ok(connections <= 128);
  assert.equal(connections + connectionsRefused, sockets.length);
  // 160 promises of 8 MiB are 1.3 GB. What has come is 2 MiB, in buffers that double.
  memory.assertFlat(context, 16);
  for (let second = 0; server.stats.connections > 0 && second < 120; second++) {
    for (const socket of sockets) if (!socket.destroyed) socket.write(Buffer.alloc(64));
    await clock.advance(SECOND);
  }
  assert.equal(server.stats.connections, 0);
  while (closed < sockets.length) await new Promise((resolve) => setImmediate(resolve));
  const client = await CoapClient.open({ scheme: "coap+tcp", host: "127.0.0.1", port });
  assert.equal((await client.request({ method: "GET", path: [] }, AbortSignal.timeout(10_000))).code, "2.05");
  await client.close();
  await clock.run(server.close());
});

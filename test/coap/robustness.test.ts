// What clients, broken or hostile, may do to the server for as long as they like: it lives, and its memory stays flat.
// A slice in every run; `npm run test:long` does a million of each (VSCOPE_DATAGRAMS=1000000).

import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import { MS, SECOND, SystemClock } from "../../src/base/clock.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { ACK, CON, EMPTY, NON, RST } from "../../src/coap/message/codes.ts";
import { OPTION } from "../../src/coap/message/options.ts";
import type { CoapLimits } from "../../src/coap/engine/limits.ts";
import type { CoapServer } from "../../src/coap/server.ts";
import type { DatagramListener, DatagramSocket } from "../../src/coap/network/udp.ts";
import { Memory } from "./support/memory.ts";
import { judge, type Kind, KINDS, type Outcome } from "./support/judge.ts";
import { mutatedMessage, randomDatagram } from "./support/mutations.ts";
import { assertNoWarnings } from "./support/no-warnings.ts";
import { CODE, requestBytes } from "./support/raw-peer.ts";
import { Sample } from "./support/sample-server.ts";
import { Tally } from "./support/tally.ts";
import { seededRandom } from "./support/virtual-network.ts";

const DATAGRAMS = Number(process.env["VSCOPE_DATAGRAMS"] ?? 30_000);
const PEERS = 1000;
const PARTS = 10;

assertNoWarnings();

/** Hands datagrams to the server at once, and counts what it sends. */
class DirectSocket implements DatagramSocket {
  readonly address = "192.0.2.1";
  readonly port = 5683;
  sent = 0;
  readonly ports = new Map<number, number>();
  #listener: DatagramListener | undefined;
  #replies: Buffer[] | undefined;

  attach(listener: DatagramListener): void {
    this.#listener = listener;
  }

  send(bytes: Buffer, port: number): void {
    this.sent += 1;
    this.#replies?.push(bytes);
    this.ports.set(port, (this.ports.get(port) ?? 0) + 1);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Returns what was sent at once. */
  deliver(bytes: Buffer, fromPort: number): readonly Buffer[] {
    const replies: Buffer[] = [];
    this.#replies = replies;
    this.#listener?.message(bytes, "192.0.2.9", fromPort);
    this.#replies = undefined;
    return replies;
  }
}

interface Bench {
  readonly clock: VirtualClock;
  readonly socket: DirectSocket;
  readonly sample: Sample;
  readonly server: CoapServer;
}

async function directly(
  run: (bench: Bench) => Promise<void>,
  limits: Partial<CoapLimits> = {},
): Promise<void> {
  const clock = new VirtualClock();
  const socket = new DirectSocket();
  const { sample, server } = await Sample.start({ clock, socket, limits });
  await run({ clock, socket, sample, server });
  await clock.run(server.close());
  assert.equal(clock.pending, 0);
}

/** After long enough silence the server knows nothing of anybody. */
async function assertForgotten({ clock, server }: Bench): Promise<void> {
  await clock.advance(900 * SECOND);
  const { peers, observers, pinnedBytes, failures } = server.stats;
  assert.deepEqual(
    { peers, observers, pinnedBytes, failures },
    { peers: 0, observers: 0, pinnedBytes: 0, failures: 0 },
  );
}

// What nobody asked the server to answer.
const NO_REQUESTS: readonly Kind[] = ["malformed", "empty", "no request"];

/** What the server did about a datagram; whatever it sent must be a reply to this one. */
function outcomeOf(datagram: Buffer, replies: readonly Buffer[], isBurst: boolean): Outcome {
  const [reply, ...more] = replies;
  if (reply === undefined) return "silent";
  if (!isBurst) assert.equal(more.length, 0, `${datagram.toString("hex")}: more than one reply`);
  for (const other of more) assert.deepEqual(tokenOf(other), tokenOf(datagram));
  const [type, code] = [(reply.readUInt8() >> 4) & 3, reply.readUInt8(1)];
  const isConfirmable = ((datagram.readUInt8() >> 4) & 3) === CON;
  if (isConfirmable) assert.equal(reply.readUInt16BE(2), datagram.readUInt16BE(2));
  if (code === EMPTY) assert.equal(reply.length, 4);
  else assert.deepEqual(tokenOf(reply), tokenOf(datagram));
  assert.ok(type === RST || type === (isConfirmable ? ACK : NON));
  return type === RST ? "reset" : "answered";
}

function tokenOf(datagram: Buffer): Buffer {
  return datagram.subarray(4, 4 + (datagram.readUInt8() & 15));
}

/** Sends datagrams of a corpus from 1000 ports, and holds what the server does about each against the judge. */
async function fuzz({ clock, socket, sample }: Bench, make: () => Buffer, memory: Memory): Promise<Tally> {
  const tally = new Tally();
  for (let count = 0; count < DATAGRAMS; count++) {
    const datagram = make();
    // An identifier of its own, or it would be a copy of an earlier one.
    if (datagram.length >= 4) datagram.writeUInt16BE(count & 0xffff, 2);
    const { kind, allowed, isBurst = false } = judge(datagram);
    const outcome = outcomeOf(datagram, socket.deliver(datagram, 1024 + (count % PEERS)), isBurst);
    if (!allowed.includes(outcome)) assert.fail(`${kind}, but ${outcome}: ${datagram.toString("hex")}`);
    tally.add(kind, outcome);
    if (count % PEERS === 0) await clock.advance(SECOND);
    if (count % (DATAGRAMS / PARTS) === 0) {
      // The test's own record of the requests is no memory of the server.
      sample.requests.length = 0;
      memory.measure();
    }
  }
  return tally;
}

for (const [name, make] of [
  ["random datagrams", randomDatagram],
  ["mutated messages", mutatedMessage],
] as const) {
  test(`${DATAGRAMS} ${name}: alive, memory flat, requests answered and nothing else`, {
    timeout: 600_000,
  }, async (context) => {
    await directly(async (bench) => {
      const memory = new Memory();
      const random = seededRandom(20_260_621);
      const tally = await fuzz(bench, () => make(random), memory);
      tally.tell(context, NO_REQUESTS);
      assert.ok(tally.share(NO_REQUESTS, ["answered"]) < 0.01);
      // Of random bytes hardly any are a request.
      if (make === randomDatagram) assert.ok(tally.share(KINDS, ["answered", "reset"]) < 0.01);
      assert.ok(tally.count(["malformed"]) > DATAGRAMS / 10);
      const rejected = tally.count(["malformed"]) + tally.count(["bad option"], ["silent"]);
      assert.equal(bench.server.stats.malformed, rejected);
      memory.assertFlat(context, 24);
      bench.socket.deliver(requestBytes({ path: "s" }), 9);
      assert.equal(bench.socket.ports.get(9), 1);
      await assertForgotten(bench);
    });
  });
}

test("a client that never acknowledges: one message outstanding, a bounded queue, then nothing", {
  timeout: 300_000,
}, async (context) => {
  await directly(async (bench) => {
    const { clock, socket, sample } = bench;
    const memory = new Memory();
    for (let count = 0; count < DATAGRAMS; count++) {
      const token = `t${count}`;
      socket.deliver(requestBytes({ path: "slow", token, messageId: count & 0xffff }), 40_000);
      // Each answer comes after 300 ms, in a message of its own that would have to be acknowledged.
      if (count % 64 === 63) await clock.advance(1400 * MS);
      if (count % (DATAGRAMS / PARTS) === 0) {
        sample.requests.length = 0;
        memory.measure();
      }
    }
    const before = bench.server.stats.retransmissions;
    assert.ok(before > 0);
    memory.assertFlat(context, 24);
    await clock.advance(100 * SECOND);
    const atEnd = socket.sent;
    await clock.advance(200 * SECOND);
    assert.equal(socket.sent, atEnd, "still sends to a client that is gone");
    await assertForgotten(bench);
  });
});

// The smallest blocks, in datagrams of 1 KiB that they must not keep alive, under names that never come again.
const TINY = [
  ["uploads", CODE.PUT, [OPTION.BLOCK1, 8], Buffer.alloc(16)],
  ["answers", CODE.GET, [OPTION.BLOCK2, 0], Buffer.alloc(0)],
] as const;

for (const [name, code, block, payload] of TINY) {
  test(`${DATAGRAMS} tiny ${name} that are never finished: memory flat`, {
    timeout: 300_000,
  }, async (context) => {
    const limits = { uploadBytes: 2 ** 21, pinnedBytes: 2 ** 21, replyBytes: 2 ** 21 };
    await directly(async (bench) => {
      const { clock, socket, sample, server } = bench;
      const memory = new Memory();
      const answer = Buffer.alloc(17);
      sample.handle = () => ({ code: "2.05", payload: answer });
      for (let count = 0; count < DATAGRAMS; count++) {
        const query = [OPTION.URI_QUERY, `q=${count}`] as const;
        const options = [block, query, [65_002, "x".repeat(1000)]] as const;
        socket.deliver(
          requestBytes({ code, options, payload, messageId: count & 0xffff }),
          1024 + (count % PEERS),
        );
        if (count % PEERS === 0) await clock.advance(SECOND / 10);
        if (count % (DATAGRAMS / PARTS) === 0) memory.measure();
      }
      assert.ok(server.stats.pinnedBytes <= limits.pinnedBytes);
      memory.assertFlat(context, 6);
      await assertForgotten(bench);
    }, limits);
  });
}

for (const [name, type] of [
  ["CON", CON],
  ["NON", NON],
] as const) {
  test(`${PEERS} silent observers, registered by ${name}: few datagrams each, all dropped`, {
    timeout: 120_000,
  }, async (context) => {
    await directly(
      async (bench) => {
        const { clock, socket, sample, server } = bench;
        for (let port = 1024; port < 1024 + PEERS; port++)
          socket.deliver(requestBytes({ type, path: "obs", options: [[OPTION.OBSERVE, 0]] }), port);
        assert.equal(server.stats.observers, PEERS);
        // Changes at 10 Hz, until the last retransmission of the last observer is over: 93 s and some.
        for (let n = 1; n <= 1100; n++) {
          sample.value.set(n);
          await clock.advance(100 * MS);
        }
        assert.equal(server.stats.observers, 0);
        const most = Math.max(...socket.ports.values());
        context.diagnostic(`${socket.sent} datagrams in all, at most ${most} to one observer`);
        // The answer, up to 19 unconfirmed ones, one confirmable and its 4 retransmissions.
        assert.ok(most <= (type === CON ? 6 : 25));
        await assertForgotten(bench);
        // All of one computer, which may have a quarter.
      },
      { observers: 4 * PEERS },
    );
  });
}

test(`${DATAGRAMS} GETs over loopback: memory flat`, { timeout: 600_000 }, async (context) => {
  const { sample, server } = await Sample.start({ clock: new SystemClock() });
  const socket = createSocket({ type: "udp4", recvBufferSize: 2 ** 20 });
  socket.connect(server.port, "127.0.0.1");
  await once(socket, "connect");
  const memory = new Memory();
  let [sent, answered] = [0, 0];
  const send = (): void => {
    const token = String(sent & 0xff_ffff);
    socket.send(requestBytes({ path: "s", token, messageId: sent & 0xffff }));
    sent += 1;
  };
  const part = Math.floor(DATAGRAMS / PARTS);
  while (answered < DATAGRAMS) {
    const goal = Math.min(answered + part, DATAGRAMS);
    await new Promise<void>((resolve) => {
      socket.on("message", () => {
        answered += 1;
        if (answered === goal) resolve();
        else if (sent < goal) send();
      });
      for (let inFlight = 0; inFlight < 32 && sent < goal; inFlight++) send();
    });
    socket.removeAllListeners("message");
    sample.requests.length = 0;
    memory.measure();
  }
  assert.equal(server.stats.requests, DATAGRAMS);
  memory.assertFlat(context, 8);
  socket.close();
  await server.close();
});

test("observations that end while their value is being fetched leave nothing behind", async (context) => {
  const memory = new Memory();
  await directly(async (bench) => {
    const { socket, sample, clock } = bench;
    for (let part = 0; part < PARTS; part++) {
      for (let port = 1; port <= PEERS; port++) {
        const query = `${part} ${port} `.padEnd(250, "long");
        const options = [[OPTION.URI_QUERY, query] as const, [OPTION.URI_QUERY, query] as const];
        for (const observe of [0, 1]) {
          const request = {
            path: "frame",
            messageId: observe,
            options: [[OPTION.OBSERVE, observe] as const, ...options],
          };
          socket.deliver(requestBytes(request), port);
        }
        await clock.advance(MS);
      }
      sample.requests.length = 0;
      await assertForgotten(bench);
      memory.measure();
    }
  });
  memory.assertFlat(context, 2);
});

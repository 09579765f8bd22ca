// Whom the ports let in, and who makes room: sockets that say they come from anywhere.

import assert from "node:assert/strict";
import { Socket } from "node:net";
import { test } from "node:test";
import { SECOND } from "../../../src/base/clock.ts";
import { SILENT } from "../../../src/base/log.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { Engine } from "../../../src/coap/engine/engine.ts";
import { type CoapLimits, DEFAULT_LIMITS } from "../../../src/coap/engine/limits.ts";
import type { MessageStream } from "../../../src/coap/stream/message-stream.ts";
import { StreamFront } from "../../../src/coap/stream/stream-front.ts";

function bench(limits: Partial<CoapLimits>) {
  const clock = new VirtualClock();
  const engine = new Engine({
    handler: () => ({ code: "2.05" }),
    admit: undefined,
    clock,
    log: SILENT,
    guard: undefined,
    limits: { ...DEFAULT_LIMITS, ...limits },
  });
  const front = new StreamFront(engine);
  let port = 40_000;
  const arrive = (
    address: string,
    at: { readonly remotePort?: number; readonly localAddress?: string } = {},
  ) => {
    const socket = new Socket();
    const ends = {
      remoteAddress: address,
      remotePort: port++,
      localAddress: "192.0.2.100",
      localPort: 1,
      ...at,
    };
    for (const [name, value] of Object.entries(ends)) Object.defineProperty(socket, name, { value });
    front.admit(socket);
    return socket;
  };
  /** Makes a connection of an admitted socket, of somebody with this name. */
  const connect = (address: string, name?: string, at: Parameters<typeof arrive>[1] = {}): Socket => {
    const socket = arrive(address, at);
    front.accept(streamOn(socket, address, name), socket);
    return socket;
  };
  return { clock, front, arrive, connect };
}

function streamOn(socket: Socket, address: string, name: string | undefined): MessageStream {
  return {
    transport: "tls",
    address,
    port: 1,
    identity: name === undefined ? undefined : { kind: "psk", name },
    isFull: false,
    largestSentBytes: 8 * 1024 * 1024,
    takenBytes: 0,
    unfinishedBytes: 0,
    attach: (listener) => {
      socket.once("close", () => listener.closed(undefined));
      listener.message({ code: 0xe1, token: Buffer.alloc(0), options: [], payload: Buffer.alloc(0) });
    },
    send: () => {},
    pause: () => {},
    resume: () => {},
    end: () => {},
    destroy: () => void socket.destroy(),
  };
}

test("connections are counted by computer: an IPv4 address, and the first 64 bits of IPv6", () => {
  const { arrive, front } = bench({ connectionsPerAddress: 2 });
  const from = [
    "2001:db8::1",
    "2001:db8:0:0:9::2",
    "2001:db8::3",
    "2001:db8:0:1::1",
    "192.0.2.1",
    "::ffff:192.0.2.1",
    "192.0.2.1",
    "192.0.2.2",
  ];
  const refused = from.filter((address) => arrive(address).destroyed);
  assert.deepEqual(refused, ["2001:db8::3", "192.0.2.1"]);
  assert.equal(front.size, 6);
});

test("who has no name in TLS makes room before who has one", async () => {
  const { clock, arrive, connect } = bench({ connections: 2 });
  const known = connect("192.0.2.1", "observatory");
  await clock.advance(SECOND);
  const unknown = connect("192.0.2.2");
  await clock.advance(11 * SECOND);
  assert.ok(!arrive("192.0.2.3").destroyed);
  assert.deepEqual([known.destroyed, unknown.destroyed], [false, true]);
});

test("one port of a client that is connected to two addresses of the server is two connections", async () => {
  const { clock, front, connect } = bench({});
  const sockets = ["192.0.2.100", "192.0.2.101"].map((localAddress) =>
    connect("192.0.2.1", undefined, { remotePort: 5000, localAddress }),
  );
  const closed = front.close();
  await clock.advance(SECOND);
  assert.deepEqual(
    sockets.map(({ destroyed }) => destroyed),
    [true, true],
  );
  await closed;
});

test("each of several newcomers at once needs an idle connection of its own", async () => {
  const { clock, front, arrive, connect } = bench({ connections: 2 });
  const idle = [connect("192.0.2.1"), connect("192.0.2.2")];
  await clock.advance(11 * SECOND);
  const newcomers = [arrive("192.0.2.3"), arrive("192.0.2.4"), arrive("192.0.2.5")];
  assert.deepEqual(
    [...idle, ...newcomers].map(({ destroyed }) => destroyed),
    [true, true, false, false, true],
  );
  await clock.advance(SECOND);
  assert.equal(front.size, 2);
});

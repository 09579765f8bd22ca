// The server's end of a WebSocket: who may open one, what is no CoAP, fragments, and readers that do not read.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { WebSocket } from "ws";
import { SECOND } from "../../../src/base/clock.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { type Message, NO_BYTES } from "../../../src/coap/message/codec.ts";
import { findUint, OPTION } from "../../../src/coap/message/options.ts";
import type { CoapLimits } from "../../../src/coap/engine/limits.ts";
import type { CoapServer } from "../../../src/coap/server.ts";
import { decodeWebSocketMessage, encodeWebSocketMessage } from "../../../src/coap/stream/frame.ts";
import { capabilitiesMessage, SIGNAL } from "../../../src/coap/stream/signals.ts";
import { Inbox } from "../support/inbox.ts";
import { CODE, textOf } from "../support/raw-peer.ts";
import { pattern, Sample } from "../support/sample-server.ts";
import { messageOf } from "./raw-connection.ts";

interface Bench {
  readonly clock: VirtualClock;
  readonly sample: Sample;
  readonly server: CoapServer;
  readonly port: number;
}

function scenario(
  name: string,
  run: (bench: Bench) => Promise<void>,
  limits: Partial<CoapLimits> = {},
): void {
  test(name, { timeout: 60_000 }, async () => {
    const clock = new VirtualClock();
    const { sample, server } = await Sample.start({
      clock,
      limits,
      streams: { ws: 0 },
      origins: ["https://box.example"],
    });
    try {
      await run({ clock, sample, server, port: server.ports.ws ?? 0 });
    } finally {
      await clock.run(server.close());
    }
  });
}

class RawWebSocket {
  readonly webSocket: WebSocket;
  readonly #received = new Inbox<Message>();

  static async open(port: number): Promise<RawWebSocket> {
    const opened = new RawWebSocket(new WebSocket(`ws://127.0.0.1:${port}/.well-known/coap`, "coap"));
    await once(opened.webSocket, "open");
    opened.send(capabilitiesMessage(1_000_000));
    assert.equal((await opened.next())?.code, SIGNAL.CSM);
    return opened;
  }

  private constructor(webSocket: WebSocket) {
    this.webSocket = webSocket;
    webSocket.on("message", (data) => {
      const message = Buffer.isBuffer(data) ? decodeWebSocketMessage(data) : undefined;
      assert.ok(message !== undefined, "the server sent a malformed message");
      this.#received.push(message);
    });
    webSocket.on("close", () => this.#received.end());
    webSocket.on("error", () => {});
  }

  send(message: Message): void {
    this.webSocket.send(encodeWebSocketMessage(message));
  }

  /** Undefined when the connection has ended. */
  next(): Promise<Message | undefined> {
    return this.#received.next();
  }
}

/** The status line that the server gives to an opening request. */
async function answerTo(
  port: number,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1" });
  const lines = Object.entries({
    Host: `127.0.0.1:${port}`,
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    "Sec-WebSocket-Protocol": "coap",
    ...headers,
  }).map(([name, value]) => `${name}: ${value.replace("PORT", `${port}`)}\r\n`);
  socket.write(`GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`);
  const [chunk] = await once(socket, "data");
  socket.destroy();
  return String(chunk);
}

const PATH = "/.well-known/coap";

interface Opening {
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const OPENINGS: readonly (readonly [name: string, opening: Opening, status: number])[] = [
  ["the path and the protocol", {}, 101],
  ["another path", { path: "/" }, 404],
  ["another protocol", { headers: { "Sec-WebSocket-Protocol": "chat" } }, 400],
  ["a page of another origin", page("https://evil.example"), 403],
  ["a page of a configured origin", page("https://box.example"), 101],
  ["a page of the server's own address", page("http://127.0.0.1:PORT"), 101],
  ["a page of another port of the server's address", page("http://127.0.0.1:8080"), 403],
  ["a page of this address that is called localhost", page("http://localhost:PORT", "localhost:PORT"), 403],
  [
    "a page of another address that the request claims to go to",
    page("http://192.0.2.1:PORT", "192.0.2.1:PORT"),
    403,
  ],
  ["a page of a name that an attacker has pointed here", page("http://evil.example", "evil.example"), 403],
  ["a page without an origin of its own", page("null"), 403],
];

function page(origin: string, host?: string): Opening {
  return { headers: { Origin: origin, ...(host === undefined ? {} : { Host: host }) } };
}

for (const [name, { path = PATH, headers = {} }, status] of OPENINGS) {
  scenario(`an opening with ${name}: ${status}`, async ({ port }) => {
    const [line = ""] = (await answerTo(port, path, headers)).split("\r\n", 1);
    assert.ok(line.startsWith(`HTTP/1.1 ${status} `), line);
  });
}

scenario("a page of another origin is told why", async ({ port }) => {
  const answer = await answerTo(port, PATH, { Origin: "https://evil.example" });
  assert.match(answer, /\r\n\r\norigin https:\/\/evil\.example is not in websocket_origins\n$/);
});

scenario("a plain request of HTTP gets 404", async ({ port }) => {
  const response = await fetch(`http://127.0.0.1:${port}/`);
  assert.equal(response.status, 404);
});

scenario("a message in many fragments is one message", async ({ port, sample }) => {
  const raw = await RawWebSocket.open(port);
  const bytes = encodeWebSocketMessage(messageOf({ code: CODE.PUT, path: "put", payload: pattern(5000) }));
  for (let at = 0; at < bytes.length; at += 100)
    raw.webSocket.send(bytes.subarray(at, at + 100), { fin: at + 100 >= bytes.length });
  assert.equal((await raw.next())?.code, 0x44);
  assert.deepEqual(sample.uploaded, pattern(5000));
  raw.webSocket.terminate();
});

const MISTAKES = [
  { name: "text", send: (webSocket: WebSocket) => webSocket.send("hello"), fact: /text message/ },
  {
    name: "a length",
    send: (webSocket: WebSocket) => webSocket.send(Buffer.from([0x10, 1])),
    fact: /malformed/,
  },
  { name: "nothing", send: (webSocket: WebSocket) => webSocket.send(NO_BYTES), fact: /malformed/ },
] as const;

for (const { name, send, fact } of MISTAKES) {
  scenario(`${name} in place of a message: abort with the reason`, async ({ port, server, clock }) => {
    const raw = await RawWebSocket.open(port);
    send(raw.webSocket);
    const abort = await raw.next();
    assert.equal(abort?.code, SIGNAL.ABORT);
    assert.match(abort === undefined ? "" : textOf(abort), fact);
    assert.equal(await raw.next(), undefined);
    // The client knows of the end before the server does.
    while (server.stats.connections > 0) await clock.advance(1000);
    assert.equal(server.stats.connectionsAborted, 1);
  });
}

scenario(
  "a message above the limit ends the connection before it is here",
  async ({ port, server, clock }) => {
    const raw = await RawWebSocket.open(port);
    raw.webSocket.send(Buffer.alloc(16 * 1024 * 1024 + 8193));
    assert.equal(await raw.next(), undefined);
    while (server.stats.connections > 0) await clock.advance(1000);
    assert.equal(server.stats.requests, 0);
  },
);

scenario("who opens nothing, or does not finish, is let go after 10 s", async ({ port, server, clock }) => {
  const socket = connect({ port, host: "127.0.0.1" });
  await once(socket, "connect");
  socket.write("GET /.well-known/coap HTTP/1.1\r\nHost:");
  while (server.stats.connections === 0) await clock.advance(1000);
  await clock.advance(12 * SECOND);
  assert.equal(server.stats.connections, 0);
  socket.destroy();
});

scenario(
  "the parts of messages that are not whole share the memory of all connections, and give it back",
  async ({ port, server, clock }) => {
    // As much as two of the largest messages.
    const raw = [await RawWebSocket.open(port), await RawWebSocket.open(port), await RawWebSocket.open(port)];
    const part = Buffer.alloc(15_000);
    for (const [index, { webSocket }] of raw.entries()) {
      webSocket.send(part, { fin: false });
      // Read in this order.
      if (index < 2) await new Promise((resolve) => webSocket.once("pong", resolve).ping());
    }
    const abort = await raw[2]?.next();
    assert.equal(abort === undefined ? "" : textOf(abort), "no room for more unfinished messages");
    for (const { webSocket } of raw) webSocket.terminate();
    while (server.stats.connections > 0) await clock.advance(1000);
    for (let round = 0; round < 5; round++) {
      const whole = await RawWebSocket.open(port);
      const bytes = encodeWebSocketMessage(
        messageOf({ code: CODE.PUT, path: "put", payload: pattern(9000) }),
      );
      whole.webSocket.send(bytes.subarray(0, 8000), { fin: false });
      whole.webSocket.send(bytes.subarray(8000));
      assert.equal((await whole.next())?.code, 0x44);
      whole.webSocket.send(part, { fin: false });
      await new Promise((resolve) => whole.webSocket.once("pong", resolve).ping());
      whole.webSocket.terminate();
      while (server.stats.connections > 0) await clock.advance(1000);
    }
  },
  { bodyBytes: 10_000, uploadBytes: 1 },
);

scenario("a message that trickles in is given up", async ({ port, server, clock }) => {
  const raw = await RawWebSocket.open(port);
  const bytes = encodeWebSocketMessage(messageOf({ code: CODE.PUT, path: "put", payload: pattern(5000) }));
  for (let at = 0; at < 40 && server.stats.connections > 0; at++) {
    raw.webSocket.send(bytes.subarray(at, at + 1), { fin: false });
    await clock.advance(SECOND);
  }
  assert.equal((await raw.next())?.code, SIGNAL.ABORT);
  raw.webSocket.terminate();
});

scenario(
  "who asks without reading is not read; when he reads, all answers come",
  async ({ port, server, clock }) => {
    const raw = await RawWebSocket.open(port);
    raw.webSocket.pause();
    for (let count = 0; count < 200; count++) raw.send(messageOf({ path: "b256k", token: `${count}` }));
    await clock.advance(5 * SECOND);
    assert.ok(server.stats.requests < 200, `${server.stats.requests} requests were taken`);
    raw.webSocket.resume();
    for (let count = 0; count < 200; count++)
      assert.equal((await clock.run(raw.next()))?.token.toString(), `${count}`);
    raw.webSocket.terminate();
  },
);

scenario(
  "a body above 256 KiB comes in blocks, as it is not seen how much of a message was read",
  async ({ port, sample }) => {
    sample.uploaded = pattern(300_000);
    const client = await RawWebSocket.open(port);
    client.send(messageOf({ path: "put" }));
    const answer = await client.next();
    assert.equal(answer?.payload.length, 255 * 1024);
    assert.equal(findUint(answer.options, OPTION.SIZE2), 300_000);
  },
);

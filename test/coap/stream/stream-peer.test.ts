// What a connection of another computer may send in a second, whatever it is.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { SECOND } from "../../../src/base/clock.ts";
import { SILENT } from "../../../src/base/log.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { Engine } from "../../../src/coap/engine/engine.ts";
import { DEFAULT_LIMITS } from "../../../src/coap/engine/limits.ts";
import { type Message, NO_BYTES } from "../../../src/coap/message/codec.ts";
import { codeNumber, codeText } from "../../../src/coap/message/codes.ts";
import { decodeWebSocketMessage, encodeWebSocketMessage } from "../../../src/coap/stream/frame.ts";
import { capabilitiesMessage, pingMessage, SIGNAL } from "../../../src/coap/stream/signals.ts";
import { StreamPeer } from "../../../src/coap/stream/stream-peer.ts";
import { Budget } from "../../../src/base/budget.ts";
import { WebSocketStream } from "../../../src/coap/stream/websocket-stream.ts";
import { messageOf } from "./raw-connection.ts";
import { ScriptedStream } from "./scripted-stream.ts";

/** A server that takes ten messages a second of one computer, and how to connect to it. */
function bench() {
  const clock = new VirtualClock();
  const engine = new Engine({
    handler: () => ({ code: "2.05" }),
    admit: undefined,
    clock,
    log: SILENT,
    guard: undefined,
    limits: { ...DEFAULT_LIMITS, requestsPerSecond: 10 },
  });
  let number = 0;
  const connect = (address: string) => {
    const stream = new ScriptedStream(address);
    const peer = new StreamPeer(stream, {
      engine,
      number: ++number,
      maxMessageBytes: 4096,
      closed: () => {},
    });
    stream.receive(capabilitiesMessage(4096));
    return { stream, peer };
  };
  return { clock, engine, connect };
}

function pongs({ sent }: ScriptedStream): number {
  return sent.filter(({ code }) => code === SIGNAL.PONG).length;
}

test("pings count as requests do: above the rate nothing is read for a second, and none is lost", async () => {
  const { clock, engine, connect } = bench();
  const { stream, peer } = connect("192.0.2.1");
  stream.receive(...Array.from({ length: 25 }, () => pingMessage()));
  // Nine after the capabilities, and the one that was too many.
  assert.equal(pongs(stream), 10);
  assert.equal(engine.stats.limited, 1);
  for (const expected of [21, 25]) {
    await clock.advance(SECOND);
    peer.check(clock.nowUs(), 300 * SECOND);
    assert.equal(pongs(stream), expected);
  }
});

test("pings of one connection count for the requests of the others of its computer", () => {
  const { connect } = bench();
  const first = connect("192.0.2.1").stream;
  const second = connect("192.0.2.1").stream;
  first.receive(...Array.from({ length: 8 }, () => pingMessage()));
  for (const stream of [second, connect("192.0.2.2").stream]) stream.receive(messageOf({ path: "s" }));
  assert.deepEqual(
    second.sent.map(({ code }) => codeText(code)),
    ["4.29"],
  );
});

const OTHERS: readonly (readonly [name: string, message: Message])[] = [
  ["capabilities", capabilitiesMessage(4096)],
  ["empty messages", { code: 0, token: NO_BYTES, options: [], payload: NO_BYTES }],
  ["responses to nothing", { code: codeNumber("2.05"), token: NO_BYTES, options: [], payload: NO_BYTES }],
];

for (const [name, message] of OTHERS) {
  test(`above the rate, ${name} are not read either`, async () => {
    const { clock, connect } = bench();
    const { stream, peer } = connect("192.0.2.1");
    stream.receive(...Array.from({ length: 10 }, () => message), messageOf({ path: "s" }));
    assert.deepEqual(stream.sent, []);
    await clock.advance(SECOND);
    peer.check(clock.nowUs(), 300 * SECOND);
    assert.deepEqual(
      stream.sent.map(({ code }) => codeText(code)),
      ["2.05"],
    );
  });
}

test("pings of WebSocket count, too", { timeout: 60_000 }, async () => {
  const { clock, engine } = bench();
  const http = createServer().listen(0, "127.0.0.1");
  await once(http, "listening");
  const address = http.address();
  assert.ok(address !== null && typeof address === "object");
  const webSockets = new WebSocketServer({ server: http });
  const client = new WebSocket(`ws://127.0.0.1:${address.port}`);
  const arrived = new Promise<StreamPeer>((resolve) => {
    webSockets.once("connection", (webSocket, { socket }) => {
      Object.defineProperty(socket, "remoteAddress", { value: "192.0.2.1" });
      const stream = new WebSocketStream(webSocket, socket, { transport: "ws", budget: new Budget(2 ** 26) });
      resolve(new StreamPeer(stream, { engine, number: 1, maxMessageBytes: 4096, closed: () => {} }));
    });
  });
  await once(client, "open");
  const peer = await arrived;
  let pongs = 0;
  const ponged = new Promise<void>((resolve) => {
    client.on("pong", () => {
      pongs += 1;
      if (pongs === 11) resolve();
    });
  });
  for (let count = 0; count < 11; count++) client.ping();
  await ponged;
  assert.equal(engine.stats.limited, 1);
  client.send(encodeWebSocketMessage(capabilitiesMessage(4096)));
  client.send(encodeWebSocketMessage(messageOf({ path: "s" })));
  const answered = once(client, "message");
  await clock.advance(SECOND);
  peer.check(clock.nowUs(), 300 * SECOND);
  const [data] = await answered;
  assert.ok(Buffer.isBuffer(data));
  assert.equal(codeText(decodeWebSocketMessage(data)?.code ?? 0), "2.05");
  client.terminate();
  webSockets.close();
  http.close();
});

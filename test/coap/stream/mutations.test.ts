// 10^5 mutated bytes of streams by a fixed seed, cut anywhere: each connection lives or is aborted, the server goes on.

import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { OPTION } from "../../../src/coap/message/options.ts";
import { encodeFrame } from "../../../src/coap/stream/frame.ts";
import { capabilitiesMessage, pingMessage, SIGNAL } from "../../../src/coap/stream/signals.ts";
import { CODE, textOf } from "../support/raw-peer.ts";
import { pattern, Sample } from "../support/sample-server.ts";
import { seededRandom } from "../support/virtual-network.ts";
import { messageOf, RawConnection } from "./raw-connection.ts";

const BYTES = 100_000;

const FRAMES: readonly Buffer[] = [
  encodeFrame(messageOf({ path: "s" })),
  encodeFrame(messageOf({ path: "obs", options: [[OPTION.OBSERVE, 0]] })),
  encodeFrame(messageOf({ path: "b32k", options: [[OPTION.BLOCK2, 7]] })),
  encodeFrame(
    messageOf({ code: CODE.PUT, path: "put", payload: pattern(300), options: [[OPTION.BLOCK1, 8 | 4]] }),
  ),
  encodeFrame(messageOf({ code: CODE.POST, path: "inc" })),
  encodeFrame(capabilitiesMessage(1152)),
  encodeFrame({ ...pingMessage(), options: [{ number: 2, value: Buffer.alloc(0) }] }),
];

test("mutated streams end their own connections only", { timeout: 120_000 }, async () => {
  const clock = new VirtualClock();
  const { server } = await Sample.start({ clock, streams: { tcp: 0 } });
  const port = server.ports.tcp ?? 0;
  const random = seededRandom(8323);
  const below = (limit: number): number => Math.floor(random() * limit);
  const steady = await RawConnection.introduced(port);
  let sent = 0;
  let aborts = 0;
  while (sent < BYTES) {
    const connection = random() < 0.9 ? await RawConnection.introduced(port) : await RawConnection.open(port);
    const stream = Buffer.concat(
      Array.from({ length: 10 }, () => FRAMES[below(FRAMES.length)] ?? Buffer.alloc(0)),
    );
    for (let count = 1 + below(4); count > 0; count--) stream[below(stream.length)] = below(256);
    const cut = below(stream.length);
    connection.sendBytes(stream.subarray(0, cut));
    connection.sendBytes(stream.subarray(cut));
    sent += stream.length;
    // An unfinished frame swallows the ping of `settled`: the end of the stream says as much.
    connection.socket.end();
    aborts += (await connection.rest()).filter(({ code }) => code === SIGNAL.ABORT).length;
    connection.close();
  }
  steady.ask({ path: "s" });
  const answer = await steady.next();
  assert.equal(answer === undefined ? "" : textOf(answer), "hello world");
  steady.close();
  while (server.stats.connections > 0) await clock.advance(1000);
  const { observers, pinnedBytes, failures } = server.stats;
  assert.deepEqual({ observers, pinnedBytes, failures }, { observers: 0, pinnedBytes: 0, failures: 0 });
  assert.ok(aborts > 10, `${aborts} aborts`);
  await clock.run(server.close());
});

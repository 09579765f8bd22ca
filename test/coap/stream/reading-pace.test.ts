// Readers over thin links: who reads steadily gets all of a long answer, who reads next to nothing is let go. Sockets are
// real, time is virtual.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SECOND } from "../../../src/base/clock.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { DEFAULT_LIMITS } from "../../../src/coap/engine/limits.ts";
import type { CoapServer } from "../../../src/coap/server.ts";
import { ReadingPace } from "../../../src/coap/stream/reading-pace.ts";
import { SIGNAL } from "../../../src/coap/stream/signals.ts";
import { pattern, Sample } from "../support/sample-server.ts";
import { RawConnection } from "./raw-connection.ts";

const BODY = pattern(8 * 1024 * 1024 - 1024);

interface Bench {
  readonly clock: VirtualClock;
  readonly server: CoapServer;
  readonly reader: RawConnection;
}

/** A client that has asked for 8 MiB, and reads nothing yet. */
function scenario(name: string, run: (bench: Bench) => Promise<void>): void {
  test(name, { timeout: 120_000 }, async () => {
    const clock = new VirtualClock();
    const { sample, server } = await Sample.start({ clock, streams: { tcp: 0 } });
    sample.uploaded = BODY;
    const reader = await RawConnection.introduced(server.ports.tcp ?? 0, 16 * 1024 * 1024);
    reader.socket.pause();
    reader.ask({ path: "put" });
    while (server.stats.sent === 0) await new Promise((resolve) => setImmediate(resolve));
    try {
      await run({ clock, server, reader });
    } finally {
      reader.close();
      await clock.run(server.close());
    }
  });
}

/** Reads so many bytes, unless the connection has ended. Messages are those of the connection still. */
async function readSome({ server, reader: { socket } }: Bench, bytes: number): Promise<number> {
  let left = bytes;
  while (left > 0 && (socket.readableLength > 0 || server.stats.connections > 0)) {
    const part: unknown = socket.read(Math.min(left, socket.readableLength));
    if (Buffer.isBuffer(part)) left -= part.length;
    else await new Promise((resolve) => setImmediate(resolve));
  }
  return bytes - left;
}

/** Reads at a steady rate until the end of the answer or of the connection; returns how many bytes of it came. */
async function readSteadily(bench: Bench, bytesPerS: number): Promise<number> {
  let bytes = 0;
  for (let more = 1; more > 0; bytes += more) {
    more = await readSome(bench, Math.min(bytesPerS, BODY.length - bytes));
    await bench.clock.advance(SECOND);
  }
  return bytes;
}

scenario("8 MiB at 12 KB/s arrive whole", async (bench) => {
  const { reader } = bench;
  assert.equal(await readSteadily(bench, 12_000), BODY.length);
  reader.socket.resume();
  const answer = await reader.next();
  assert.ok(BODY.equals(answer?.payload ?? Buffer.alloc(0)));
});

scenario("who reads nothing is let go after 300 s", async ({ clock, server }) => {
  await clock.advance(290 * SECOND);
  assert.equal(server.stats.connections, 1);
  await clock.advance(20 * SECOND);
  assert.equal(server.stats.connections, 0);
});

scenario("who reads one byte every 10 s is let go", async (bench) => {
  const { clock, server } = bench;
  for (let byte = 0; byte < 35; byte++) {
    await readSome(bench, 1);
    await clock.advance(10 * SECOND);
  }
  assert.equal(server.stats.connections, 0);
});

scenario("who reads on, but below the least rate, is let go", async (bench) => {
  for (let s = 0; s < 1000; s++) {
    await readSome(bench, 1000);
    await bench.clock.advance(SECOND);
  }
  assert.equal(bench.server.stats.connections, 0);
});

scenario("who releases the connection before it reads gets all, then the release", async (bench) => {
  const { reader } = bench;
  reader.send({ code: SIGNAL.RELEASE });
  await readSteadily(bench, 100_000);
  reader.socket.resume();
  assert.deepEqual(
    (await bench.clock.run(reader.rest())).map(({ code, payload }) => [code, payload.length]),
    [
      [0x45, BODY.length],
      [SIGNAL.RELEASE, 0],
    ],
  );
});

test("the least rate is an average; what was earned lasts no longer than the patience with who reads nothing", () => {
  const pace = new ReadingPace({ ...DEFAULT_LIMITS, connectionUnreadS: 100, connectionBytesPerS: 1000 });
  const taken = (s: number, bytes: number): string => {
    const hasMore = pace.note(s * SECOND, bytes);
    return `${hasMore} ${pace.isTooSlow(s * SECOND)}`;
  };
  pace.start(0, 5_000_000);
  assert.equal(taken(50, 5_000_000), "false false");
  assert.equal(taken(90, 5_020_000), "true false", "20 s more");
  assert.equal(taken(119, 5_020_000), "false false");
  assert.equal(taken(120, 5_020_000), "false true");
  pace.start(200 * SECOND, 0);
  assert.equal(taken(210, 50_000_000), "true false");
  assert.equal(taken(310, 50_000_000), "false true", "not 50,000 s later");
});

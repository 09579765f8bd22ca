// Bodies that are read by position: what is read of them, over datagrams and streams, and what becomes of failures.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { SystemClock } from "../../src/base/clock.ts";
import { VscopeError } from "../../src/base/errors.ts";
import { SILENT } from "../../src/base/log.ts";
import { CoapClient, type CoapClientOptions, type CoapReply } from "../../src/coap/client.ts";
import { CoapServer } from "../../src/coap/server.ts";
import { pattern } from "./sample-server.ts";

const clock = new SystemClock();
const SIZE = 300_000;
const CONTENT = pattern(SIZE, 3);
const TAG = Buffer.from("v1");

class Bench {
  /** Offset and length of every read. */
  readonly reads: (readonly [number, number])[] = [];
  /** How often the handler was asked. */
  asked = 0;
  content = CONTENT;
  etag: Buffer | undefined = TAG;
  failure: Error | undefined;
  isLate = false;
  readonly #closers: (() => Promise<void>)[] = [];
  #server: CoapServer | undefined;

  async start(): Promise<void> {
    const handler = () => this.#answer();
    const server = await CoapServer.listen({
      address: "127.0.0.1",
      port: 0,
      handler,
      clock,
      log: SILENT,
      streams: { tcp: 0 },
    });
    this.#server = server;
    this.#closers.push(() => server.close());
  }

  async client(scheme: NonNullable<CoapClientOptions["scheme"]>): Promise<CoapClient> {
    const port = (scheme === "coap" ? this.#server?.port : this.#server?.ports.tcp) ?? 0;
    const client = await CoapClient.open({ scheme, host: "127.0.0.1", port, clock });
    this.#closers.unshift(() => client.close());
    return client;
  }

  get pinnedBytes(): number {
    return this.#server?.stats.pinnedBytes ?? 0;
  }

  async close(): Promise<void> {
    for (const close of this.#closers) await close();
  }

  #answer() {
    this.asked += 1;
    const read = (offset: number, length: number): Uint8Array | Promise<Uint8Array> => {
      this.reads.push([offset, length]);
      if (this.failure !== undefined) throw this.failure;
      const part = this.content.subarray(offset, offset + length);
      return this.isLate ? Promise.resolve(part) : part;
    };
    const etag = this.etag === undefined ? {} : { etag: this.etag };
    return { code: "2.05", contentFormat: 42, body: { size: this.content.length, read }, ...etag };
  }
}

function bodies(name: string, run: (bench: Bench) => Promise<void>): void {
  test(name, { timeout: 60_000 }, async () => {
    const bench = new Bench();
    await bench.start();
    try {
      await run(bench);
    } finally {
      await bench.close();
    }
  });
}

function get(client: CoapClient, options: { readonly etag?: Uint8Array } = {}): Promise<CoapReply> {
  return client.request({ method: "GET", path: ["file"], ...options }, NEVER);
}

for (const isLate of [false, true]) {
  bodies(
    `over UDP block by block, the handler asked once; parts ${isLate ? "late" : "at once"}`,
    async (bench) => {
      bench.isLate = isLate;
      const reply = await get(await bench.client("coap"));
      assert.equal(Buffer.compare(reply.payload, CONTENT), 0);
      assert.deepEqual(Buffer.from(reply.etag ?? []), TAG);
      assert.equal(bench.asked, 1);
      const expected = Array.from({ length: Math.ceil(SIZE / 1024) }, (_, index) => [
        index * 1024,
        Math.min(1024, SIZE - index * 1024),
      ]);
      assert.deepEqual(bench.reads, expected);
      // One part, and what is charged for keeping anything at all.
      assert.ok(bench.pinnedBytes <= 65_536 + 1024, `${bench.pinnedBytes} bytes are held`);
    },
  );
}

bodies("over TCP in one go, as the other end takes messages of that size", async (bench) => {
  const reply = await get(await bench.client("coap+tcp"));
  assert.equal(Buffer.compare(reply.payload, CONTENT), 0);
  assert.deepEqual(bench.reads, [[0, SIZE]]);
});

bodies("nothing is read for whoever has it already, and nothing of an empty one fails", async (bench) => {
  for (const scheme of ["coap", "coap+tcp"] as const) {
    const client = await bench.client(scheme);
    const reply = await get(client, { etag: TAG });
    assert.deepEqual([reply.code, reply.payload.length], ["2.03", 0]);
    assert.deepEqual(bench.reads, []);
    bench.content = Buffer.alloc(0);
    assert.deepEqual((await get(client)).payload.length, 0);
    bench.content = CONTENT;
    bench.reads.length = 0;
  }
});

bodies("a body that has changed is 4.12 with the reason, and is asked for anew", async (bench) => {
  const client = await bench.client("coap");
  await get(client);
  bench.failure = new VscopeError("PRECONDITION_FAILED", "file: has changed");
  const refused = await get(client);
  assert.deepEqual([refused.code, String(Buffer.from(refused.payload))], ["4.12", "file: has changed"]);
  bench.failure = undefined;
  assert.equal((await get(client)).code, "2.05");
});

bodies(
  "other failures of the body are told, faults and a body without a tag are 5.00 without a text",
  async (bench) => {
    const client = await bench.client("coap");
    bench.failure = new VscopeError("DATADIR_NOT_MOUNTED", "file: the medium is gone");
    const gone = await get(client);
    assert.deepEqual([gone.code, String(Buffer.from(gone.payload))], ["5.03", "file: the medium is gone"]);
    bench.failure = new Error("secret");
    const failed = await get(client);
    assert.deepEqual([failed.code, failed.payload.length], ["5.00", 0]);
    bench.failure = undefined;
    bench.etag = undefined;
    assert.equal((await get(client)).code, "5.00");
  },
);

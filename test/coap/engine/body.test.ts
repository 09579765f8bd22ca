// Bodies that are read by position: what is read of them, over datagrams and streams, and what becomes of failures.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NEVER } from "../../../src/base/abort.ts";
import { Cell } from "../../../src/base/cell.ts";
import { SystemClock } from "../../../src/base/clock.ts";
import { VscopeError } from "../../../src/base/errors.ts";
import { SILENT } from "../../../src/base/log.ts";
import { CoapClient, type CoapClientOptions, type CoapReply } from "../../../src/coap/client/client.ts";
import { CoapServer } from "../../../src/coap/server.ts";
import {
  BERT_EXPONENT,
  type Block,
  blockOffset,
  blockValue,
  readBlock,
} from "../../../src/coap/message/block.ts";
import type { Message } from "../../../src/coap/message/codec.ts";
import { findOption, OPTION } from "../../../src/coap/message/options.ts";
import { pattern } from "../support/sample-server.ts";
import { RawPeer } from "../support/raw-peer.ts";
import { RawConnection } from "../stream/raw-connection.ts";

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
  /** How long a read takes, in steps for the reads of one connection. */
  delayUs = 0;
  mostReadAtOnce = 0;
  #reading = 0;
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

  get tcpPort(): number {
    return this.#server?.ports.tcp ?? 0;
  }

  get pinnedBytes(): number {
    return this.#server?.stats.pinnedBytes ?? 0;
  }

  async close(): Promise<void> {
    for (const close of this.#closers) await close();
  }

  async #slowly(part: Uint8Array): Promise<Uint8Array> {
    this.#reading += part.length;
    this.mostReadAtOnce = Math.max(this.mostReadAtOnce, this.#reading);
    const takesUs = this.delayUs * (1 + (this.reads.length % 7));
    await new Promise<void>((resolve) => {
      clock.after(takesUs, resolve);
    });
    this.#reading -= part.length;
    return part;
  }

  #answer() {
    this.asked += 1;
    const read = (offset: number, length: number): Uint8Array | Promise<Uint8Array> => {
      this.reads.push([offset, length]);
      if (this.failure !== undefined) throw this.failure;
      const part = this.content.subarray(offset, offset + length);
      if (this.delayUs > 0) return this.#slowly(part);
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

for (const isLate of [false, true]) {
  test(`observers of one body get the part that fits their transport, read ${isLate ? "late" : "at once"}`, {
    timeout: 60_000,
  }, async () => {
    const version = new Cell(0);
    const content = CONTENT.subarray(0, 5000);
    const read = (offset: number, length: number): Uint8Array | Promise<Uint8Array> => {
      const part = content.subarray(offset, offset + length);
      return isLate ? Promise.resolve(part) : part;
    };
    const handler = () => ({
      code: "2.05",
      etag: Buffer.from(`v${version.value}`),
      body: { size: content.length, read },
      observe: (changed: () => void) => version.subscribe(changed),
    });
    const server = await CoapServer.listen({ address: "127.0.0.1", port: 0, handler, streams: { tcp: 0 } });
    const connection = await RawConnection.introduced(server.ports.tcp ?? 0);
    const peer = await RawPeer.open(server.port);
    const register = { path: "file", options: [[OPTION.OBSERVE, 0]] } as const;
    connection.ask(register);
    await connection.next();
    await peer.ask(register);
    for (let number = 1; number < 5; number++)
      await peer.ask({ path: "file", token: "blocks", options: [[OPTION.BLOCK2, (number << 4) | 6]] });
    version.set(1);
    assert.equal((await connection.next())?.payload.length, 5000);
    assert.equal((await peer.next()).payload.length, 1024);
    connection.close();
    peer.close();
    await server.close();
  });
}

const LONG = pattern(2 * 1024 * 1024, 5);
const PIPELINED = 24;

interface Download {
  readonly bytes: Buffer;
  /** Up to here all is there. */
  end: number;
}

/** Takes a part as a client does; returns the block to ask for next, undefined after the last one. */
function take(download: Download, { options, payload }: Message): Block | undefined {
  const option = findOption(options, OPTION.BLOCK2);
  const block = option === undefined ? undefined : readBlock(option);
  const offset = block === undefined ? 0 : blockOffset(block);
  assert.equal(offset, download.end, "the parts follow one another");
  download.bytes.set(payload, offset);
  download.end += payload.length;
  if (block?.more !== true) return undefined;
  assert.equal(payload.length % 1024, 0, "a block that is not the last one is whole");
  return { number: download.end / 1024, more: false, sizeExponent: BERT_EXPONENT };
}

bodies(
  "many at once to a slow reader over TCP: every byte arrives, whatever parts it comes in",
  async (bench) => {
    bench.content = LONG;
    bench.delayUs = 5000;
    const connection = await RawConnection.introduced(bench.tcpPort, 16 * 1024 * 1024);
    const downloads = new Map<string, Download>();
    const ask = (token: string, block?: Block): void => {
      const options = block === undefined ? [] : ([[OPTION.BLOCK2, blockValue(block)]] as const);
      connection.ask({ path: "file", token, options });
    };
    for (let index = 0; index < PIPELINED; index++) {
      downloads.set(`t${index}`, { bytes: Buffer.alloc(LONG.length), end: 0 });
      ask(`t${index}`);
    }
    connection.socket.pause();
    await clock.delay(200_000, NEVER);
    // Those that were read at once, and one more part for each of the others.
    assert.ok(bench.mostReadAtOnce <= 6 * 1024 * 1024, `${bench.mostReadAtOnce} bytes read at once`);
    connection.socket.resume();
    for (let left = PIPELINED; left > 0; ) {
      const message = (await connection.next()) ?? assert.fail("the connection has ended");
      const token = message.token.toString();
      const next = take(downloads.get(token) ?? assert.fail(token), message);
      if (next === undefined) left -= 1;
      else ask(token, next);
    }
    connection.close();
    for (const { bytes, end } of downloads.values())
      assert.deepEqual([end, Buffer.compare(bytes, LONG)], [LONG.length, 0]);
  },
);

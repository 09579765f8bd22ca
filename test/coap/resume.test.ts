// Reading an answer that an earlier attempt has brought in part: over links that lose datagrams, with cuts at any moment, and
// when the resource has changed meanwhile.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { NEVER } from "../../src/base/abort.ts";
import { SECOND, SystemClock } from "../../src/base/clock.ts";
import { VscopeError } from "../../src/base/errors.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { type BodyPiece, CoapClient, type CoapReply, type Resume } from "../../src/coap/client/client.ts";
import { type CoapRequest, type CoapResponse, CoapServer } from "../../src/coap/server.ts";
import { withSecured } from "./oscore/secured-sample.ts";
import { FAR, FAR_AND_LOSSY, SERVER } from "./support/far-bench.ts";
import { pattern, Sample, sha256 } from "./support/sample-server.ts";
import { VirtualNetwork, type Weather } from "./support/virtual-network.ts";

const BLOCK = 1024;

/** A file at the far end that can be read by position, as those of the data directory. */
class FarFile {
  bytes: Buffer = pattern(100_000);
  etag = Buffer.from("v1");
  readonly asked: string[] = [];

  answer({ ifMatch }: CoapRequest): CoapResponse {
    const { bytes, etag } = this;
    this.asked.push(ifMatch.map(String).join());
    if (ifMatch.length > 0 && !ifMatch.some((tag) => etag.equals(tag))) return { code: "4.12" };
    const read = (offset: number, length: number): Buffer => {
      if (etag !== this.etag) throw new VscopeError("PRECONDITION_FAILED", "the file: another by now");
      return bytes.subarray(offset, offset + length);
    };
    return { code: "2.05", etag, body: { size: bytes.length, read } };
  }
}

/** One end that comes again and again, and keeps what has come. */
class Reader {
  have: Buffer = Buffer.alloc(0);
  etag: Uint8Array | undefined;
  /** All bytes that were handed over, those that came twice as well. */
  bytes = 0;
  starts = 0;

  get resume(): Resume {
    return { have: this.have, ...(this.etag === undefined ? {} : { etag: this.etag }) };
  }

  take({ offset, bytes, etag }: BodyPiece): void {
    if (offset === 0) this.starts += 1;
    assert.ok(offset <= this.have.length, "without a gap");
    this.have = Buffer.concat([this.have.subarray(0, offset), bytes]);
    this.etag = etag;
    this.bytes += bytes.length;
  }
}

interface Bench {
  readonly clock: VirtualClock;
  readonly network: VirtualNetwork;
  readonly file: FarFile;
  readonly reader: Reader;
  /** Ends after so long; undefined when it was cut then. */
  readonly read: (cutUs?: number) => Promise<CoapReply | undefined>;
}

async function withFile(
  how: { readonly weather?: Weather; readonly seed?: number; readonly qBlock: boolean },
  run: (bench: Bench) => Promise<void>,
): Promise<void> {
  const clock = new VirtualClock();
  const network = new VirtualNetwork(clock, { weather: how.weather ?? FAR, seed: how.seed ?? 1 });
  const file = new FarFile();
  const reader = new Reader();
  const socket = network.socket(SERVER.address, SERVER.port);
  const handler = (request: CoapRequest): CoapResponse => file.answer(request);
  const server = await CoapServer.listen({ ...SERVER, handler, clock, socket, amplification: "none" });
  let port = 40_000;
  const read = async (cutUs = Number.POSITIVE_INFINITY): Promise<CoapReply | undefined> => {
    const own = network.socket("192.0.2.9", port++);
    const client = await CoapClient.open({ host: SERVER.address, clock, socket: own });
    const stop = new AbortController();
    const cancel = cutUs === Number.POSITIVE_INFINITY ? () => {} : clock.after(cutUs, () => stop.abort());
    const { qBlock } = how;
    const onPart = (part: BodyPiece): void => reader.take(part);
    const request = { method: "GET", path: ["file"], qBlock, resume: reader.resume, onPart } as const;
    try {
      return await clock.run(client.request(request, stop.signal));
    } catch (error) {
      if (stop.signal.aborted) return undefined;
      throw error;
    } finally {
      cancel();
      await client.close();
    }
  };
  await run({ clock, network, file, reader, read });
  await clock.run(server.close());
}

for (const qBlock of [false, true]) {
  const how = qBlock ? "Q-Block2" : "Block2";

  test(`${how}: cut again and again on a far link with losses, nothing comes twice but a block a cut`, async () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 20 * SECOND }), { minLength: 1, maxLength: 20 });
    const property = fc.asyncProperty(cuts, fc.integer({ min: 1, max: 1e6 }), async (cutsUs, seed) => {
      await withFile({ weather: FAR_AND_LOSSY, seed, qBlock }, async ({ file, reader, read }) => {
        let reply: CoapReply | undefined;
        for (const cutUs of cutsUs) reply ??= await read(cutUs);
        reply ??= await read();
        assert.equal(sha256(reply?.payload ?? Buffer.alloc(0)), sha256(file.bytes));
        assert.equal(sha256(reader.have), sha256(file.bytes));
        assert.ok(reader.bytes <= file.bytes.length + cutsUs.length * BLOCK, `${reader.bytes} bytes`);
      });
    });
    await fc.assert(property, { numRuns: 15 });
  });

  test(`${how}: goes on at the block that holds the last byte, and asks for the same version`, async () => {
    await withFile({ qBlock }, async ({ file, reader, read, network }) => {
      reader.have = file.bytes.subarray(0, 90_500);
      reader.etag = file.etag;
      const reply = await read();
      assert.equal(sha256(reply?.payload ?? Buffer.alloc(0)), sha256(file.bytes));
      assert.deepEqual(file.asked, ["v1"]);
      assert.equal(reader.bytes, file.bytes.length - 88 * BLOCK);
      const down = network.sent.filter(({ to }) => to.startsWith("192.0.2.9"));
      const bytes = down.reduce((sum, one) => sum + one.bytes.length, 0);
      assert.ok(bytes < file.bytes.length - 88 * BLOCK + down.length * 64, `${bytes} bytes`);
    });
  });

  test(`${how}: all of it is there: one block tells so`, async () => {
    await withFile({ qBlock }, async ({ file, reader, read, clock }) => {
      file.bytes = pattern(97 * BLOCK);
      reader.have = file.bytes;
      reader.etag = file.etag;
      const startUs = clock.nowUs();
      assert.equal(sha256((await read())?.payload ?? Buffer.alloc(0)), sha256(file.bytes));
      assert.deepEqual([reader.bytes, clock.nowUs() - startUs], [BLOCK, SECOND / 2]);
    });
  });

  test(`${how}: of another version by now: from the start`, async () => {
    await withFile({ qBlock }, async ({ file, reader, read }) => {
      await read(3 * SECOND);
      assert.ok(reader.have.length > BLOCK);
      file.bytes = pattern(80_000, 9);
      file.etag = Buffer.from("v2");
      assert.equal(sha256((await read())?.payload ?? Buffer.alloc(0)), sha256(file.bytes));
      assert.equal(sha256(reader.have), sha256(file.bytes));
      assert.equal(reader.starts, 2);
      assert.deepEqual(file.asked, ["", "v1", ""]);
    });
  });

  test(`${how}: what has grown goes on where it ended, what was replaced or is shorter begins anew`, async () => {
    await withFile({ qBlock }, async ({ file, reader, read }) => {
      const whole = pattern(50_000);
      const grow = async (bytes: Buffer): Promise<number> => {
        file.bytes = bytes;
        file.etag = Buffer.from(sha256(bytes).slice(0, 8));
        reader.etag = undefined;
        const { starts } = reader;
        assert.equal(sha256((await read())?.payload ?? Buffer.alloc(0)), sha256(bytes));
        assert.equal(sha256(reader.have), sha256(bytes));
        return reader.starts - starts;
      };
      assert.equal(await grow(whole.subarray(0, 30_000)), 1);
      assert.equal(await grow(whole), 0);
      assert.equal(await grow(pattern(60_000, 3)), 1);
      assert.equal(await grow(whole.subarray(0, 5000)), 1);
      assert.equal(await grow(whole.subarray(0, 10)), 1);
    });
  });

  test(`${how}: what changes while it is resumed is read from its start`, async () => {
    await withFile({ qBlock }, async ({ file, reader, read, clock }) => {
      reader.have = file.bytes.subarray(0, 40_000);
      reader.etag = file.etag;
      clock.after(2 * SECOND, () => {
        file.bytes = pattern(100_000, 7);
        file.etag = Buffer.from("v2");
      });
      assert.equal(sha256((await read())?.payload ?? Buffer.alloc(0)), sha256(file.bytes));
      assert.equal(sha256(reader.have), sha256(file.bytes));
    });
  });
}

test("the client asks for no version where there is nothing to go on with", async () => {
  await withFile({ qBlock: false }, async ({ file, read }) => {
    assert.equal((await read())?.payload.length, file.bytes.length);
    assert.deepEqual(file.asked, [""]);
  });
});

/** Cuts a reading of 256 KiB after its first 100,000 bytes, and goes on. */
async function resumesAt(client: CoapClient, clock?: VirtualClock): Promise<void> {
  const content = pattern(262_144);
  const reader = new Reader();
  const get = (resume?: Resume): Promise<CoapReply> => {
    const onPart = (part: BodyPiece): void => reader.take(part);
    const more = resume === undefined ? {} : { resume };
    const reading = client.request({ method: "GET", path: ["b256k"], onPart, ...more }, NEVER);
    return clock === undefined ? reading : clock.run(reading);
  };
  await get();
  assert.equal(sha256(reader.have), sha256(content));
  reader.have = reader.have.subarray(0, 100_000);
  reader.bytes = 0;
  assert.equal(sha256((await get(reader.resume)).payload), sha256(content));
  assert.equal(sha256(reader.have), sha256(content));
  assert.equal(reader.bytes, content.length - 97 * BLOCK);
}

test("over TCP and WebSocket: in the large blocks of a stream", async () => {
  const { server } = await Sample.start({ clock: new SystemClock(), streams: { tcp: 0, ws: 0 } });
  const { tcp = 0, ws = 0 } = server.ports;
  for (const [scheme, port] of [
    ["coap+tcp", tcp],
    ["coap+ws", ws],
  ] as const) {
    const client = await CoapClient.open({ scheme, host: "127.0.0.1", port });
    await resumesAt(client);
    await client.close();
  }
  await server.close();
});

test("under OSCORE", async () => {
  await withSecured({ weather: FAR_AND_LOSSY }, ({ client, clock }) => resumesAt(client, clock));
});

test("an error is the answer, not a part of the body", async () => {
  const clock = new VirtualClock();
  const network = new VirtualNetwork(clock, { weather: FAR });
  const socket = network.socket(SERVER.address, SERVER.port);
  const handler = (): CoapResponse => ({ code: "4.04", payload: Buffer.from("gone") });
  const server = await CoapServer.listen({ ...SERVER, handler, clock, socket, amplification: "none" });
  const own = network.socket("192.0.2.9", 40_000);
  const client = await CoapClient.open({ host: SERVER.address, clock, socket: own });
  const parts: BodyPiece[] = [];
  const resume = { have: pattern(5000), etag: Buffer.from("v1") };
  const onPart = (part: BodyPiece): void => void parts.push(part);
  const reading = client.request({ method: "GET", path: ["file"], resume, onPart }, NEVER);
  assert.equal((await clock.run(reading)).code, "4.04");
  assert.deepEqual(parts, []);
  await client.close();
  await clock.run(server.close());
});

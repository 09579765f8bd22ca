// Spectra files over CoAP, block by block: resumed, replaced while they are read, and never whole in memory.

import assert from "node:assert/strict";
import { readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { inflateSync } from "node:zlib";
import { blockValue, readBlock } from "../../../src/coap/message/block.ts";
import { codeText } from "../../../src/coap/message/codes.ts";
import type { CoapMessage } from "../../../src/coap/message/codec.ts";
import { findOption, findUint, OPTION } from "../../../src/coap/message/options.ts";
import { RawPeer, type RawRequest } from "../../coap/support/raw-peer.ts";
import { CoapInstrument } from "../../support/coap-instrument.ts";

const RUN = "ranges";
const FILE = "b000000_s000001_light.pico";
const PATH = `datadir/runs/${RUN}/${FILE}`;
const BLOCK = 1024;

describe("a file of the data directory", () => {
  let server: CoapInstrument;
  let peer: RawPeer | undefined;
  let content: Buffer;
  const path = (): string => join(server.folder, RUN, FILE);
  before(async () => {
    server = await CoapInstrument.start();
    assert.equal(
      (await server.perform("/acquisition/record", { run: RUN, autointegrate: 0, sequences: 2 })).state,
      "done",
    );
    content = await readFile(path());
    peer = await RawPeer.open(server.port);
  });
  after(async () => {
    peer?.close();
    await server.close();
  });

  const ask = (request: RawRequest): Promise<CoapMessage> => {
    assert.ok(peer);
    return peer.ask(request);
  };
  const block = (number: number, options: readonly (readonly [number, number | string | Buffer])[] = []) => {
    const wanted = blockValue({ number, more: false, sizeExponent: 6 });
    return ask({ path: PATH, token: `t${number}`, options: [[OPTION.BLOCK2, wanted], ...options] });
  };
  const etagOf = ({ options }: CoapMessage): string =>
    findOption(options, OPTION.ETAG)?.toString("hex") ?? "";

  test("is read whole by a client, with its size in the first block", async () => {
    const reply = await server.get(`/${PATH}`);
    assert.deepEqual([reply.code, reply.contentFormat], ["2.05", 50]);
    assert.equal(Buffer.compare(reply.payload, content), 0);
    const first = await block(0);
    assert.equal(findUint(first.options, OPTION.SIZE2), content.length);
    assert.equal(findUint((await block(1)).options, OPTION.SIZE2), undefined);
  });

  test("is resumed anywhere: block n first, under the same tag, by another client", async () => {
    const tag = etagOf(await block(0));
    const other = await RawPeer.open(server.port);
    const number = Math.floor(content.length / BLOCK) - 1;
    const wanted = blockValue({ number, more: false, sizeExponent: 6 });
    const resumed = await other.ask({ path: PATH, options: [[OPTION.BLOCK2, wanted]] });
    other.close();
    assert.equal(codeText(resumed.code), "2.05");
    assert.equal(etagOf(resumed), tag);
    assert.deepEqual(Buffer.from(resumed.payload), content.subarray(number * BLOCK, (number + 1) * BLOCK));
  });

  test("ends with its last block, and past it there is none", async () => {
    const last = Math.ceil(content.length / BLOCK) - 1;
    const reply = await block(last);
    assert.equal(readBlock(findOption(reply.options, OPTION.BLOCK2) ?? Buffer.alloc(0)).more, false);
    assert.deepEqual(Buffer.from(reply.payload), content.subarray(last * BLOCK));
    assert.equal(codeText((await block(last + 1)).code), "4.00");
  });

  test("is 2.03 for whoever has it, and 4.12 for whoever asks for another version", async () => {
    const tag = findOption((await block(0)).options, OPTION.ETAG) ?? Buffer.alloc(0);
    const known = await ask({ path: PATH, options: [[OPTION.ETAG, tag]] });
    assert.deepEqual([codeText(known.code), known.payload.length], ["2.03", 0]);
    assert.equal(codeText((await block(0, [[OPTION.IF_MATCH, tag]])).code), "2.05");
    assert.equal(codeText((await block(0, [[OPTION.IF_MATCH, Buffer.from("old")]])).code), "4.12");
  });

  test("comes deflated to who accepts that, under a tag of its own, and is resumed so", async () => {
    const accept = [OPTION.ACCEPT, 11_050] as const;
    const plain = etagOf(await block(0));
    const whole = await server.request({ method: "GET", path: PATH.split("/"), accept: 11_050 });
    assert.deepEqual([whole.code, whole.contentFormat], ["2.05", 11_050]);
    assert.ok(whole.payload.length * 3 < content.length, `${whole.payload.length} bytes`);
    assert.equal(Buffer.compare(inflateSync(whole.payload), content), 0);
    const tag = Buffer.from(whole.etag ?? []);
    assert.notEqual(tag.toString("hex"), plain);
    const resumed = await block(3, [accept, [OPTION.IF_MATCH, tag]]);
    assert.deepEqual([codeText(resumed.code), etagOf(resumed)], ["2.05", tag.toString("hex")]);
    assert.deepEqual(Buffer.from(resumed.payload), Buffer.from(whole.payload).subarray(3 * BLOCK, 4 * BLOCK));
    const known = await ask({ path: PATH, options: [accept, [OPTION.ETAG, tag]] });
    assert.equal(codeText(known.code), "2.03");
  });

  test("is deflated up to 4 MiB", async () => {
    const large = join(server.folder, RUN, "large.pico");
    await writeFile(large, Buffer.alloc(4 * 2 ** 20 + 1));
    const path = `datadir/runs/${RUN}/large.pico`.split("/");
    const refused = await server.request({ method: "GET", path, accept: 11_050 });
    assert.deepEqual([refused.code, String(refused.payload).includes("deflated up to")], ["4.06", true]);
    await rm(large);
  });

  test("does not stay in memory: a reader holds a window of it at most", async () => {
    await block(0);
    assert.ok(server.server.model.coapStats()?.pinnedBytes ?? 0 <= 4 * 65_536);
    assert.ok(content.length > 65_536, `${content.length} bytes`);
  });

  test("that is replaced while it is read ends with 4.12, and can be read anew", async () => {
    const before = etagOf(await block(0));
    const changed = Buffer.from(content.toString("latin1").replaceAll("1", "2"), "latin1");
    await writeFile(path(), changed);
    const past = Math.floor(content.length / BLOCK) - 1;
    const reply = await block(past);
    assert.equal(codeText(reply.code), "4.12");
    assert.match(String(Buffer.from(reply.payload)), /has changed since its first part was read/);
    const again = await block(past);
    assert.equal(codeText(again.code), "2.05");
    assert.notEqual(etagOf(again), before);
    assert.deepEqual(Buffer.from(again.payload), changed.subarray(past * BLOCK, (past + 1) * BLOCK));
    assert.equal(Buffer.compare((await server.get(`/${PATH}`)).payload, changed), 0);
  });

  test("of the same size and time is another version, for whoever reads it and for whoever resumes", async () => {
    const { mtime, size } = await stat(path());
    // A time that can be given back as it was.
    await utimes(path(), mtime, mtime);
    const tag = findOption((await block(0)).options, OPTION.ETAG) ?? Buffer.alloc(0);
    await writeFile(`${path()}.new`, Buffer.alloc(size, "3"));
    await rename(`${path()}.new`, path());
    await utimes(path(), mtime, mtime);
    assert.equal(codeText((await block(Math.floor(size / BLOCK) - 1)).code), "4.12");
    const other = await RawPeer.open(server.port);
    const wanted = blockValue({ number: 1, more: false, sizeExponent: 6 });
    const resume = (options: RawRequest["options"] = []) =>
      other.ask({ path: PATH, options: [[OPTION.BLOCK2, wanted], ...options] });
    assert.equal(codeText((await resume([[OPTION.IF_MATCH, tag]])).code), "4.12");
    const anew = await resume();
    other.close();
    assert.equal(codeText(anew.code), "2.05");
    assert.notEqual(etagOf(anew), tag.toString("hex"));
    await writeFile(path(), content);
  });

  test("two parts of a spectrum at once, both in blocks, are not mixed", async () => {
    const path = ["spectrometers", "FLMS01859", "spectrum", "upwelling"];
    const fetch = async (from: number, to: number): Promise<readonly number[]> => {
      const payload = Buffer.from(JSON.stringify({ pixels: [from, to], fields: ["counts"] }));
      return JSON.parse(String((await server.request({ method: "FETCH", path, payload })).payload)).counts;
    };
    const [whole, ...parts] = await Promise.all([
      fetch(0, 2048),
      fetch(0, 700),
      fetch(700, 1400),
      fetch(1400, 2048),
    ]);
    assert.deepEqual(parts.flat(), whole);
  });
});

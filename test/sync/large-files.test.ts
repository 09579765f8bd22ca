// Files beyond what fits into one answer in memory, and files that the server cannot read: each its own problem at most.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { VscopeClient } from "../../src/client/vscope-client.ts";
import { manifestText } from "../../src/datadir/checksums/manifest.ts";
import { tagOf } from "../../src/datadir/checksums/manifest-listing.ts";
import { type Disk, SYSTEM_DISK } from "../../src/datadir/disk/disk.ts";
import { sync } from "../../src/sync/sync.ts";
import { temporaryFolder } from "../datadir/folder.ts";
import { CoapInstrument } from "../support/coap-instrument.ts";
import { FarBox, hashesOf, writeDay } from "./far-box.ts";

const MIB = 1024 * 1024;
const BIG = "b000000_s000000_light.pico";
const sha256 = (bytes: Uint8Array): Buffer => createHash("sha256").update(bytes).digest();

test("a file of 70 MiB, which no server deflates, comes in parts, goes on where it was cut, and is whole", {
  timeout: 300_000,
}, async (t) => {
  const box = await CoapInstrument.start();
  t.after(() => box.close());
  const bytes = Buffer.alloc(70 * MIB);
  for (let block = 0; block < bytes.length; block += 4096) bytes.writeUInt32LE(block, block);
  await mkdir(join(box.folder, "cube"));
  await writeFile(join(box.folder, "cube", BIG), bytes);
  const line = { name: BIG, sha256: sha256(bytes) };
  await writeFile(join(box.folder, "cube", "b000000.sha256"), manifestText([line]));
  const home = await temporaryFolder(t);
  const url = `coap+tcp://127.0.0.1:${box.server.ports.tcp}`;
  const bring = async (signal: AbortSignal) => {
    const client = await VscopeClient.connect(url);
    try {
      return await sync(client, home, { runs: ["cube"] }, signal);
    } finally {
      await client.close();
    }
  };
  const parts = join(home, ".sync", "cube");
  const partBytes = async (): Promise<number> => {
    const [part] = (await readdir(parts).catch(() => [])).filter((name) => name.startsWith(BIG));
    return part === undefined ? 0 : (await stat(join(parts, part))).size;
  };
  const stop = new AbortController();
  const cutting = assert.rejects(bring(stop.signal), { message: "cut" });
  while ((await partBytes()) < 20 * MIB) await new Promise((resolve) => setImmediate(resolve));
  stop.abort(new Error("cut"));
  await cutting;
  const before = await partBytes();
  const report = await bring(NEVER);
  assert.deepEqual([report.files, report.fileBytes, report.problems], [1, bytes.length, []]);
  // The last block, at most as large as a message of the stream, is read once more.
  assert.ok(report.receivedBytes < bytes.length - before + 2 * MIB, `${report.receivedBytes}`);
  assert.deepEqual(sha256(await readFile(join(home, "cube", BIG))), line.sha256);
  assert.deepEqual(await readdir(parts), []);
});

test("a manifest and an instrument file that the server cannot read cost themselves only", async (t) => {
  const folder = await temporaryFolder(t);
  await writeDay(folder, "plot", [0, 1, 2]);
  const isBad = (path: string): boolean => path.endsWith("b000001.sha256") || path.endsWith("-vscope.config");
  const failing = (): Promise<never> =>
    Promise.reject(Object.assign(new Error("EIO: i/o error"), { code: "EIO" }));
  const disk: Disk = {
    ...SYSTEM_DISK,
    read: (path) => (isBad(path) ? failing() : SYSTEM_DISK.read(path)),
    readRange: (path, ...part) => (isBad(path) ? failing() : SYSTEM_DISK.readRange(path, ...part)),
  };
  const box = await FarBox.start(t, { folder, disk });
  const home = await temporaryFolder(t);
  const { files, problems } = await box.visit((client) => sync(client, home, {}, NEVER));
  assert.equal(files, 2);
  assert.equal(problems.length, 2, problems.join("; "));
  assert.match(
    problems[0] ?? "",
    /^instrument file [0-9a-f]{8}-vscope\.config: is not on the server as its list says$/,
  );
  assert.match(problems[1] ?? "", /^plot\/b000001\.sha256: does not come: .*the medium failed \(EIO\)$/);
});

test("a file that the server cannot read costs this file only, and the reason is told", async (t) => {
  const texts = ["first", "second", "third"].map((text) => Buffer.from(text));
  const names = texts.map((_, index) => `b000000_s00000${index}_light.pico`);
  const lines = texts.map((text, index) => ({ name: names[index] ?? "", sha256: sha256(text) }));
  const manifest = manifestText(lines);
  const answers = new Map<string, object>([
    ["datadir/manifests", { runs: [["plot", 0, 3, "00", 0]], more: false }],
    ["datadir/manifests/plot", { tag: "00", batches: [[0, 3, tagOf(manifest), manifest, 0]], more: false }],
  ]);
  const box = await FarBox.start(t, {
    handler: ({ path }) => {
      const answer = answers.get(path.join("/"));
      if (answer !== undefined)
        return { code: "2.05", contentFormat: 50, payload: Buffer.from(JSON.stringify(answer)) };
      const index = names.indexOf(path.at(-1) ?? "");
      if (index === 1) return { code: "5.00", payload: Buffer.from("plot/b: the medium failed (EIO)") };
      return { code: "2.05", contentFormat: 50, payload: texts[index] ?? Buffer.alloc(0) };
    },
  });
  const home = await temporaryFolder(t);
  const { files, problems } = await box.visit((client) => sync(client, home, {}, NEVER));
  assert.deepEqual(problems, [`plot/${names[1]}: does not come: plot/b: the medium failed (EIO)`]);
  assert.equal(files, 2);
  assert.deepEqual(
    [...(await hashesOf(home)).keys()],
    ["plot/b000000.sha256", `plot/${names[0]}`, `plot/${names[2]}`],
  );
});

// vscope sync over every transport, its options, and a download that was cut.

import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { printClientKey } from "../../../src/client/client-key.ts";
import { newKey, printKeys } from "../../../src/security/key.ts";
import { CoapInstrument } from "../../support/coap-instrument.ts";
import { hashesOf } from "../../sync/far-box.ts";
import { temporaryFolder } from "../../datadir/folder.ts";
import { vscope } from "./spawn-vscope.ts";

const KEY = newKey("laptop", "read", 0);
const FILE = "b000000_s000000_light.pico";

let box: CoapInstrument;
let server: string;

before(async () => {
  const coap = { websocketPort: 0, websocketTlsPort: 0 };
  box = await CoapInstrument.start({ coap, keys: printKeys([KEY]) });
  server = `127.0.0.1:${box.port}`;
  const { state } = await box.perform("/acquisition/record", { run: "plot", autointegrate: 0, sequences: 1 });
  assert.equal(state, "done");
});

after(() => box.close());

test("sync brings all files, says so, and has nothing to do the second time", async (t) => {
  const home = await temporaryFolder(t);
  const first = await vscope(["sync", server, home, "--json"]);
  assert.equal(first.code, 0, first.errors);
  const { files, problems, isUnchanged } = JSON.parse(first.out);
  assert.deepEqual([files, problems, isUnchanged], [2, [], false]);
  const there = [...(await hashesOf(box.folder))].filter(([name]) => name.startsWith("plot/"));
  assert.deepEqual([...(await hashesOf(home))], there);
  const again = await vscope(["sync", `coap://${server}`, home]);
  assert.equal(again.out, `${home} is up to date\n`);
});

test("sync goes over UDP, TCP, TLS and WebSockets, with a key where there is one", {
  timeout: 120_000,
}, async (t) => {
  const { tcp, tls, ws, wss } = box.server.ports;
  const keyFile = join(await temporaryFolder(t), "laptop.key");
  await writeFile(keyFile, printClientKey({ ...KEY, serverId: "s" }), { mode: 0o600 });
  const key = ["--key", keyFile];
  const ways: readonly (readonly [url: string, options: readonly string[]])[] = [
    [`coap://127.0.0.1:${box.port}`, key],
    [`coap+tcp://127.0.0.1:${tcp}`, []],
    [`coap+tcp://127.0.0.1:${tcp}`, key],
    [`coaps+tcp://127.0.0.1:${tls}`, key],
    [`coap+ws://127.0.0.1:${ws}`, []],
    [`coaps+ws://127.0.0.1:${wss}`, key],
  ];
  const there = [...(await hashesOf(box.folder))].filter(([name]) => name.startsWith("plot/"));
  for (const [url, options] of ways) {
    const home = await temporaryFolder(t);
    const { code, out, errors } = await vscope([...options, "sync", url, home]);
    assert.equal(code, 0, `${url}: ${errors}`);
    assert.match(out, /^2 files of .* came to /);
    assert.deepEqual([...(await hashesOf(home))], there, url);
  }
});

test("--dry-run tells what would come, and mistakes of the options are told", async (t) => {
  const home = join(await temporaryFolder(t), "season");
  const { code, out } = await vscope(["sync", server, home, "--dry-run", "--days", "2"]);
  assert.equal(code, 0);
  assert.match(
    out,
    /^run +batches +files +about\nplot +1 +2 +[\d.]+ [kM]B\n2 files of about .* would come to /,
  );
  await assert.rejects(readdir(home), { code: "ENOENT" });
  for (const [options, message] of [
    [["--days", "2", "--from", "2026-06-21"], /days, or times/],
    [["--from", "yesterday"], /--from: "yesterday" is not a day such as 2026-06-21/],
    [["--bwlimit", "0"], /--bwlimit: 0 is outside/],
    [["--dry-run", "--watch", "60"], /one of them/],
  ] as const) {
    const wrong = await vscope(["sync", server, home, ...options]);
    assert.equal(wrong.code, 2, options.join(" "));
    assert.match(wrong.errors, message);
  }
});

test("what came after the catalogue of a copy is no fault, and reindex adds it", async (t) => {
  const home = await temporaryFolder(t);
  await vscope(["sync", server, home]);
  assert.equal((await vscope(["reindex", home])).code, 0);
  const { state } = await box.perform("/acquisition/record", {
    run: "later",
    autointegrate: 0,
    sequences: 1,
  });
  assert.equal(state, "done");
  await vscope(["sync", server, home]);
  const { code, out } = await vscope(["verify", home]);
  assert.equal(code, 0);
  assert.match(
    out,
    /^behind +later +catalogue\.sqlite +files that have come since it was made: 2; vscope reindex/m,
  );
  assert.equal((await vscope(["reindex", home])).code, 0);
  assert.match((await vscope(["verify", home])).out, /all as recorded/);
});

test("sync ends with an error when a file is not as its manifest says, and names it", async (t) => {
  const home = await temporaryFolder(t);
  const path = join(box.folder, "plot", FILE);
  const content = await readFile(path);
  await writeFile(path, "damaged");
  const { code, errors } = await vscope(["sync", server, home]);
  await writeFile(path, content);
  assert.notEqual(code, 0);
  assert.match(errors, /plot\/b000000_s000000_light\.pico: is not on the server as its manifest says/);
  assert.match(errors, /not all files are here/);
});

test("a download that was cut goes on behind what is here", async (t) => {
  const folder = await temporaryFolder(t);
  const { etag = Buffer.alloc(0) } = await box.get(`/datadir/runs/plot/${FILE}`);
  const content = await readFile(join(box.folder, "plot", FILE));
  // What is here is not asked for: the mark in it would be gone otherwise.
  const have = Buffer.from(content.subarray(0, 5000));
  have.write("MARK");
  await writeFile(join(folder, `${FILE}.part-${Buffer.from(etag).toString("hex")}`), have);
  const { code, errors } = await vscope(["download", "plot", FILE, "-o", folder], {
    url: `coap://${server}`,
  });
  assert.equal(code, 0, errors);
  assert.deepEqual(await readdir(folder), [FILE]);
  const got = await readFile(join(folder, FILE));
  assert.deepEqual([String(got.subarray(0, 4)), got.length], ["MARK", content.length]);
  assert.deepEqual(got.subarray(4), content.subarray(4));
});

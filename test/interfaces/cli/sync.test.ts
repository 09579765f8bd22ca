// vscope sync, and a download that was cut.

import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { CoapInstrument } from "../../support/coap-instrument.ts";
import { hashesOf } from "../../sync/far-box.ts";
import { temporaryFolder } from "../../datadir/folder.ts";
import { vscope } from "./spawn-vscope.ts";

const FILE = "b000000_s000000_light.pico";

let box: CoapInstrument;
let server: string;

before(async () => {
  box = await CoapInstrument.start();
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

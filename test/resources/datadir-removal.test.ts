// A run of a server is archived, proven, and removed by the commands; a DELETE without its tag is refused.

import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { needOf } from "../../src/resources/access.ts";
import { TREE } from "../../src/resources/tree.ts";
import { vscope } from "../interfaces/cli/spawn-vscope.ts";
import { spectraSet } from "../spectra/sample.ts";
import { CoapInstrument, segments, textOf } from "../support/coap-instrument.ts";

const RUN = "plot 10";
const PATH = "/datadir/runs/plot%2010";
let server: CoapInstrument;
let url: string;

async function record(): Promise<void> {
  const batch = await server.server.model.dataDirectory.startBatch(RUN);
  for (let sequence = 0; sequence < 3; sequence++) await batch.write(spectraSet({ sequence }));
  await batch.finish();
}

before(async () => {
  server = await CoapInstrument.start();
  url = `coap://127.0.0.1:${server.port}`;
  await record();
});
after(() => server.close());

const path = segments(PATH).map(decodeURIComponent);

test("a DELETE needs the tag of the run, and the role admin", async () => {
  const detail = await server.request({ method: "GET", path });
  const tags = [undefined, [new Uint8Array()], [Buffer.alloc(8)], detail.etag && [detail.etag]];
  for (const ifMatch of tags) {
    const reply = await server.request({ method: "DELETE", path, ...(ifMatch && { ifMatch }) });
    assert.equal(reply.code, "4.12", textOf(reply));
  }
  const nowhere = await server.request({ method: "DELETE", path: [...path.slice(0, -1), "nowhere"] });
  assert.equal(nowhere.code, "4.04");
  const resource = TREE.find((one) => one.path === "/datadir/runs/{run}");
  assert.equal(needOf(resource, "DELETE"), "admin");
});

test("the commands archive a run of the server, and remove it for whoever has all of it", async () => {
  const file = join(server.folder, "run.zip");
  const made = await vscope(["archive", RUN, "--server", "-o", file, "--json"], { url });
  assert.equal(made.code, 0, made.errors);
  assert.equal(JSON.parse(made.out).spectraFiles, 3);
  const bytes = await readFile(file);
  await writeFile(`${file}.cut`, bytes.subarray(0, bytes.length >> 1));
  const cut = await vscope(["remove", RUN, "--archive", `${file}.cut`], { url });
  assert.equal(cut.code, 1);
  await record();
  const old = await vscope(["remove", RUN, "--archive", file], { url });
  assert.equal(old.code, 1);
  assert.match(
    old.errors,
    /run\.zip: it lacks b000001_s00000\d_light\.pico as it is there, nothing is removed/,
  );
  const newer = join(server.folder, "newer.zip");
  assert.equal((await vscope(["archive", RUN, "--server", "-o", newer], { url })).code, 0);
  const removed = await vscope(["remove", RUN, "--archive", newer], { url });
  assert.equal(removed.code, 0, removed.errors);
  assert.equal((await server.request({ method: "GET", path })).code, "4.04");
  const { dataDirectory } = server.server.model;
  const trash = await readdir(join(dataDirectory.path, ".trash"));
  assert.equal(trash.filter((name) => name.startsWith(RUN)).length, 1);
  assert.equal((await vscope(["remove", RUN, "--archive", newer], { url })).code, 4);
});

test("without an archive the name is given twice; the trash is told", async () => {
  await record();
  const { dataDirectory } = server.server.model;
  for (const args of [[], ["--confirm", "plot"], ["--confirm", RUN, "--archive", "x.zip"]])
    assert.equal((await vscope(["remove", RUN, ...args], { url })).code, 2);
  const told = new Promise<void>((resolve) => {
    const stop = dataDirectory.removal.trash.status.subscribe(({ runs }) => {
      if (runs < 2) return;
      stop();
      resolve();
    });
  });
  const removed = await vscope(["remove", RUN, "--confirm", RUN], { url });
  assert.equal(removed.code, 0, removed.errors);
  await told;
  const { trash } = JSON.parse(textOf(await server.get("/datadir")));
  assert.equal(trash.runs, 2);
  assert.ok(trash.bytes > 1000);
  const current = await vscope(
    ["remove", dataDirectory.currentRun.value, "--confirm", dataDirectory.currentRun.value],
    { url },
  );
  assert.equal(current.code, 4);
});

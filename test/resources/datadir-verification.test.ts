// /datadir/verification and /datadir/reindexing of a server: begun by POST, observed, cancelled; and the commands that use them.

import assert from "node:assert/strict";
import { appendFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { vscope } from "../interfaces/cli/spawn-vscope.ts";
import { spectraSet } from "../spectra/sample.ts";
import { CoapInstrument, segments, textOf } from "../support/coap-instrument.ts";

const RUN = "plot10";
let server: CoapInstrument;
let url: string;

before(async () => {
  server = await CoapInstrument.start();
  url = `coap://127.0.0.1:${server.port}`;
  const batch = await server.server.model.dataDirectory.startBatch(RUN);
  for (let sequence = 0; sequence < 5; sequence++) await batch.write(spectraSet({ sequence }));
  await batch.finish();
});
after(() => server.close());

async function valueOf(path: string, query: readonly string[] = []) {
  return JSON.parse(textOf(await server.get(path, { query: [...query] })));
}

/** Observes until the state is not the one before any more. */
async function ended(path: string): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([NEVER, stop.signal]);
  for await (const reply of server.client.observe({ method: "GET", path: segments(path) }, signal)) {
    if (JSON.parse(textOf(reply)).state !== "running") break;
  }
  stop.abort();
}

test("a verification is asked for, observed to its end, and its findings come in slices", async () => {
  const path = "/datadir/verification";
  assert.equal((await valueOf(path)).state, "idle");
  assert.equal((await server.post(path, { run: RUN })).code, "2.04");
  await ended(path);
  const clean = await valueOf(path);
  assert.equal(clean.state, "done");
  assert.equal(clean.report.files, 5);
  assert.equal(clean.total, 0);
  const folder = join(server.server.model.dataDirectory.path, RUN);
  for (const name of await readdir(folder))
    if (name.endsWith(".pico")) await appendFile(join(folder, name), " ");
  assert.equal((await server.post(path, {})).code, "2.04");
  await ended(path);
  const { total, report } = await valueOf(path, ["offset=1", "limit=2"]);
  assert.equal(total, 5);
  assert.deepEqual(
    report.findings.map(({ kind, file }: { kind: string; file: string }) => `${kind} ${file}`),
    ["changed b000000_s000001_light.pico", "changed b000000_s000002_light.pico"],
  );
  const command = await vscope(["verify", "--server", "--run", RUN, "--json"], { url });
  assert.equal(command.code, 1);
  assert.equal(JSON.parse(command.out).findings.length, 5);
  assert.match(command.errors, /5 faults found/);
});

test("a verification of a run that is not there fails and says so; a wrong time is refused", async () => {
  const path = "/datadir/verification";
  assert.equal((await server.post(path, { run: "nowhere" })).code, "2.04");
  await ended(path);
  const { state, error } = await valueOf(path);
  assert.equal(state, "failed");
  assert.match(error, /nowhere/);
  assert.equal((await server.post(path, { since: "noon" })).code, "4.00");
  assert.equal((await server.request({ method: "DELETE", path: segments(path) })).code, "2.02");
  const command = await vscope(["verify", "--server", "--run", "nowhere"], { url });
  assert.equal(command.code, 1);
  assert.match(command.errors, /nowhere/);
});

test("a reindexing is asked for and tells what it cannot read; the command prints it", async () => {
  const path = "/datadir/reindexing";
  const { dataDirectory } = server.server.model;
  await appendFile(join(dataDirectory.path, RUN, "b000000_s000003_light.pico"), "}");
  assert.equal((await server.post(path, { all: true })).code, "2.04");
  await ended(path);
  const { state, done, of, report } = await valueOf(path);
  assert.deepEqual([state, done, of], ["done", 5, 5]);
  assert.deepEqual([report.indexed, report.parsed, report.broken.length], [4, 5, 1]);
  const command = await vscope(["reindex", "--server"], { url });
  assert.equal(command.code, 1);
  assert.match(command.errors, /plot10\/b000000_s000003_light\.pico: /);
  assert.equal(command.out, "5 files, 1 of them read: 4 indexed, 1 unreadable, 0 dropped\n");
});

// Exports on a real server over CoAP, while exposures of 10 ms are recorded: no exposure is lost, the files that come home are
// those that the same export makes here, and the server keeps none of them.

import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { MS, SystemClock } from "../../src/base/clock.ts";
import { runVscope } from "../../src/interfaces/cli/program.ts";
import { aiocoapPython, run } from "../coap/support/outside-clients.ts";
import { FakeTerminal } from "../interfaces/cli/fake-terminal.ts";
import { CoapInstrument, textOf } from "../support/coap-instrument.ts";

const EXPORTS = "/datadir/exports";
const SEQUENCES = 30;

async function start(context: TestContext): Promise<{ server: CoapInstrument; output: string }> {
  const server = await CoapInstrument.start();
  const output = await mkdtemp(join(tmpdir(), "vscope-"));
  context.after(async () => {
    await server.close();
    await rm(output, { recursive: true });
  });
  const { rack, recorder } = server.server.model;
  for (const spectrometer of rack.spectrometers.value)
    for (const channel of recorder.channels) spectrometer.setIntegrationTimeUs(channel, 10 * MS);
  await record(server, "plot10", 4);
  return { server, output };
}

async function record({ server }: CoapInstrument, name: string, sequences: number): Promise<void> {
  const operation = server.model.recorder.record({
    run: name,
    sequences,
    autointegrate: 0,
    order: "interleaved",
  });
  await operation.finished;
  const { state, error } = operation.status.value;
  assert.equal(state, "done", error?.message);
}

async function vscope(...args: readonly string[]): Promise<string> {
  const terminal = new FakeTerminal();
  const code = await runVscope(args, { terminal, clock: new SystemClock(), signal: NEVER });
  assert.equal(code, 0, terminal.errors);
  return terminal.output;
}

async function failing(...args: readonly string[]): Promise<string> {
  const terminal = new FakeTerminal();
  const code = await runVscope(args, { terminal, clock: new SystemClock(), signal: NEVER });
  assert.notEqual(code, 0);
  return terminal.errors;
}

/** Without the lines that tell when and by what it was made. */
async function table(path: string): Promise<string> {
  return (await readFile(path, "utf8")).replaceAll(/^# (made|software): .*\n/gm, "");
}

test("reflectances come home as they are made here, while a batch loses nothing", async (context) => {
  const { server, output } = await start(context);
  const batch = record(server, "now", SEQUENCES);
  const what = ["plot10", "--format", "csv", "--level", "reflectance", "--uncertainty", "--index", "NDVI"];
  const [there, here] = [join(output, "there"), join(output, "here")];
  const url = `coap://127.0.0.1:${server.port}`;
  assert.match(
    await vscope("--url", url, "export", ...what, "--server", "-o", there),
    /spectra in 2 products/,
  );
  assert.match(
    await failing("--url", url, "export", ...what, "--server", "--panel", "lost", "-o", there),
    /panel lost: not configured/,
  );
  await vscope("export", ...what, "--data-dir", server.folder, "-o", here);
  const names = (await readdir(here)).filter((name) => name.endsWith(".csv"));
  assert.equal(names.length, 5);
  for (const name of names) assert.equal(await table(join(there, name)), await table(join(here, name)), name);
  assert.deepEqual((await readdir(there)).sort(), (await readdir(here)).sort());
  assert.deepEqual(JSON.parse(textOf(await server.get(EXPORTS))), []);
  assert.deepEqual(await readdir(join(server.folder, ".exports")), []);
  await batch;
  const recorded = await server.server.model.dataDirectory.shelf.names("now");
  assert.equal(recorded.filter((name) => name.endsWith("_light.pico")).length, SEQUENCES);
});

test("an export is a resource: made, followed, read in blocks, removed; what it cannot be is refused", async (context) => {
  const { server, output } = await start(context);
  const asked = { run: "plot10", format: "oceanview", serial: "FLMS01859", kind: "light", batches: [0, 0] };
  const made = await server.post(EXPORTS, asked);
  assert.equal(made.code, "2.01", textOf(made));
  assert.deepEqual(made.locationPath, ["datadir", "exports", "1"]);
  await server.server.model.exports.get("1").finished;
  const status = JSON.parse(textOf(await server.get(`${EXPORTS}/1`, { query: ["limit=1"] })));
  assert.deepEqual([status.state, status.files.length], ["done", 1]);
  const zip = await server.get(`${EXPORTS}/1/all.zip`);
  const parts = ["offset=0&length=1000", "offset=1000&length=5000", "offset=6000"].map(async (query) =>
    Buffer.from((await server.get(`${EXPORTS}/1/all.zip`, { query: query.split("&") })).payload),
  );
  assert.deepEqual(Buffer.concat(await Promise.all(parts)), Buffer.from(zip.payload));
  const path = join(output, "all.zip");
  await writeFile(path, zip.payload);
  const script =
    "import sys, zipfile; file = zipfile.ZipFile(sys.argv[1]); assert file.testzip() is None; print(len(file.namelist()))";
  const { stdout, stderr } = await run(aiocoapPython(), ["-c", script, path]);
  assert.equal(Number(stdout.toString()), status.total - 1, stderr);
  assert.equal((await server.request({ method: "DELETE", path: ["datadir", "exports", "1"] })).code, "2.02");
  assert.equal((await server.get(`${EXPORTS}/1/all.zip`)).code, "4.04");
  for (const [body, code, expected] of [
    [{ ...asked, level: "reflectance" }, "4.00", /holds counts and corrected only/],
    [{ ...asked, level: "radiance", format: "csv" }, "4.04", /no radiometric calibration of FLMS01859/],
    [{ ...asked, run: "nowhere" }, "4.04", /there is none/],
    [{ ...asked, format: "csv", panel: "lost" }, "4.00", /panel: is of reflectances/],
    [{ ...asked, format: "csv", level: "reflectance", panel: "lost" }, "4.04", /panel lost: not configured/],
    [{ ...asked, colour: "red" }, "4.00", /colour/],
  ] as const) {
    const reply = await server.post(EXPORTS, body);
    assert.equal(reply.code, code);
    assert.match(textOf(reply), expected);
  }
});

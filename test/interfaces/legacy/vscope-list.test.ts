// The command line meets piccolo3's tree: looking at what there is must not do anything.

import assert from "node:assert/strict";
import { test } from "node:test";
import { vscope } from "../cli/spawn-vscope.ts";
import { legacyInstrument, Watch } from "./legacy-client.ts";

test("vscope list asks nothing that acts, and shows piccolo3's paths to who asks for them", async (t) => {
  const { client, instrument } = await legacyInstrument(t);
  const url = `coap://127.0.0.1:${instrument.port}`;
  const watch = await Watch.open(t, instrument.port, { path: "control/status" });
  await client.done("control/record_sequence", ["listed", 2, -1, 600]);
  await watch.upTo((status) => status === "waiting");
  const all = await vscope(["list"], { url });
  assert.equal(all.code, 0, all.errors);
  assert.match(all.out, /^\/acquisition /m);
  assert.doesNotMatch(all.out, /^\/(control|data_dir|shutter|spectrometer) /m);
  const part = await vscope(["list", "/control"], { url });
  assert.match(part.out, /^ {2}abort\s*$/m);
  assert.equal((await vscope(["list", "/spectrometer"], { url })).code, 0);
  assert.equal(await client.value("control/status"), "waiting");
  for (const unit of ["S_FLMS01859", "S_QEP00709"])
    assert.equal(await client.value(`spectrometer/${unit}/status`), 6, unit);
  await client.get("control/abort");
});

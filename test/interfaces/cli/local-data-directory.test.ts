// vscope verify and reindex as processes, on folders of this machine: right ones, and what somebody gives by mistake.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { sampleFile } from "../../client/sample-spectra.ts";
import { vscope } from "./spawn-vscope.ts";

const LIGHT = "b000001_s000000_light.pico";
const DARK = "b000001_s000000_dark.pico";
const TORN = "b000001_s000001_light.pico";

async function emptyFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "vscope-"));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

/** A data directory with two files that nobody has catalogued. */
async function filled(t: TestContext): Promise<string> {
  const data = await emptyFolder(t);
  await mkdir(join(data, "plot10"));
  await writeFile(join(data, "plot10", LIGHT), sampleFile("light"));
  await writeFile(join(data, "plot10", DARK), sampleFile("dark"));
  return data;
}

test("reindex fills the catalogue from the files, and names those it cannot read", async (t) => {
  const data = await filled(t);
  const good = await vscope(["reindex", data]);
  assert.equal(good.out, "2 files, 2 of them read: 2 indexed, 0 unreadable, 0 dropped\n");
  assert.match(good.errors, /^reindex: 1\/2\nreindex: 2\/2\n$/);
  assert.equal(good.code, 0);
  const again = await vscope(["reindex", data]);
  assert.equal(again.out, "2 files, 0 of them read: 2 indexed, 0 unreadable, 0 dropped\n");
  await writeFile(join(data, "plot10", TORN), "torn");
  const torn = await vscope(["reindex", data]);
  assert.equal(torn.out, "3 files, 1 of them read: 2 indexed, 1 unreadable, 0 dropped\n");
  assert.match(torn.errors, /^plot10\/b000001_s000001_light\.pico: not JSON/m);
  assert.match(torn.errors, /^vscope: 1 file cannot be read$/m);
  assert.equal(torn.code, 1);
  const whole = await vscope(["reindex", data, "--all", "--json"]);
  const report = JSON.parse(whole.out);
  assert.deepEqual([report.indexed, report.parsed, report.dropped], [2, 3, 0]);
  assert.equal(report.broken[0].file, TORN);
  assert.equal(whole.code, 1);
});

test("reindex leaves the trash alone, however old it is", async (t) => {
  const data = await filled(t);
  const trashed = join(data, ".trash", "plot9-20200101T000000Z");
  await mkdir(trashed, { recursive: true });
  await writeFile(join(trashed, LIGHT), sampleFile("light"));
  assert.equal((await vscope(["reindex", data])).code, 0);
  assert.deepEqual(await readdir(trashed), [LIGHT]);
});

for (const name of ["verify", "reindex"]) {
  test(`vscope ${name} of the folder of a run says where the data directory is, and makes nothing there`, async (t) => {
    const data = await filled(t);
    const run = join(data, "plot10");
    const before = await readdir(run);
    const { code, out, errors } = await vscope([name, run]);
    assert.equal(errors, `vscope: ${run}: is a run, not a data directory; that is ${data}\n`);
    assert.equal(out, "");
    assert.equal(code, 2);
    assert.deepEqual(await readdir(run), before);
  });

  test(`vscope ${name} of a folder without runs is refused, and makes nothing there`, async (t) => {
    const folder = await emptyFolder(t);
    await mkdir(join(folder, "photos"));
    await writeFile(join(folder, "photos", "a.jpg"), "");
    const { code, out, errors } = await vscope([name, folder]);
    assert.equal(errors, `vscope: ${folder}: no data directory, there is no run in it\n`);
    assert.equal(out, "");
    assert.equal(code, 2);
    assert.deepEqual(await readdir(folder), ["photos"]);
  });
}

test("of a data directory without spectra verify does not say that all is as recorded", async (t) => {
  const data = await filled(t);
  await vscope(["reindex", data]);
  await rm(join(data, "plot10"), { recursive: true });
  await vscope(["reindex", data]);
  const { code, out } = await vscope(["verify", data]);
  assert.equal(out, "0 files, 0 B, in 0 batches: nothing to verify\n");
  assert.equal(code, 0);
});

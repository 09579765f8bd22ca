// The exports of a server: one at a time, few, for an hour, beside the reserve, and nothing of those that fail.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { until } from "../../src/base/cell.ts";
import { SECOND } from "../../src/base/clock.ts";
import { isVscopeError } from "../../src/base/errors.ts";
import { type Disk, SYSTEM_DISK } from "../../src/datadir/disk/disk.ts";
import type { ExportRequest } from "../../src/export/request.ts";
import type { ExportStatus, ServerExport } from "../../src/export/server-export.ts";
import { TestInstrument, type TestInstrumentOptions } from "../support/instrument.ts";

const COUNTS: ExportRequest = { run: "plot10", format: "csv", level: "counts" };

async function withRun(context: TestContext, options: TestInstrumentOptions = {}): Promise<TestInstrument> {
  const instrument = await TestInstrument.start(context, options);
  const { state, error } = await instrument.record({ run: "plot10", sequences: 2, autointegrate: 0 });
  assert.equal(state, "done", error?.message);
  return instrument;
}

async function ended({ finished, status }: ServerExport): Promise<ExportStatus> {
  await finished;
  return status.value;
}

/** Folders of exports on the medium. */
async function left({ folder }: TestInstrument): Promise<readonly string[]> {
  return readdir(join(folder, ".exports")).catch(() => []);
}

const refused = (code: Parameters<typeof isVscopeError>[1], expected: RegExp) => (error: unknown) => {
  assert.ok(error instanceof Error && isVscopeError(error, code ?? "INTERNAL"), String(error));
  assert.match(error.message, expected);
  return true;
};

test("an export tells its progress, its files can be read by their hashes, and it goes after an hour", async (context) => {
  const instrument = await withRun(context);
  const { exports } = instrument.model;
  const made = await exports.start(COUNTS);
  const seen: string[] = [];
  made.status.subscribe(({ doing }) => seen.push(doing));
  const { state, files, products, error } = await ended(made);
  assert.equal(state, "done", error?.message);
  assert.deepEqual(new Set(seen), new Set(["files read", "spectra", "files packed"]));
  assert.equal(products.length, 4);
  // A table and where it comes from for each, and all in one.
  assert.equal(files.length, 9);
  for (const { name, bytes, sha256 } of files) {
    const file = await exports.open(made.id, name);
    const read = await file.read(0, file.size, NEVER);
    assert.equal(read.length, bytes);
    assert.equal(createHash("sha256").update(read).digest("hex"), sha256, name);
  }
  await assert.rejects(
    async () => exports.open(made.id, "../../vscope.config"),
    refused("RESOURCE_NOT_FOUND", /no such file/),
  );
  await instrument.clock.advance(3599 * SECOND);
  assert.deepEqual(await left(instrument), [made.id]);
  await instrument.clock.advance(2 * SECOND);
  assert.throws(() => exports.get(made.id), refused("RESOURCE_NOT_FOUND", /kept for an hour/));
  while ((await left(instrument)).length > 0) await new Promise((resolve) => setImmediate(resolve));
});

test("one is made at a time, four are kept; the medium stays while one is written; removing leaves nothing", async (context) => {
  const instrument = await withRun(context);
  const { exports, dataDirectory } = instrument.model;
  const first = await exports.start(COUNTS);
  await assert.rejects(exports.start(COUNTS), refused("STATE_CONFLICT", /another one is running, 1/));
  await until(first.status, ({ doing }) => doing === "spectra", NEVER);
  await assert.rejects(dataDirectory.unmount(NEVER), refused("STATE_CONFLICT", /export 1 is being written/));
  await exports.remove(first.id);
  assert.equal(first.status.value.state, "cancelled");
  assert.deepEqual(await left(instrument), []);
  const pico: ExportRequest = { run: "plot10", format: "pico", level: "counts" };
  for (const id of ["2", "3", "4", "5"]) assert.equal((await ended(await exports.start(pico))).id, id);
  await assert.rejects(exports.start(pico), refused("STATE_CONFLICT", /4 are kept already/));
  await exports.remove("3");
  assert.deepEqual(await left(instrument), ["2", "4", "5"]);
  const failing = await ended(await exports.start({ ...COUNTS, serial: "NOBODY" }));
  assert.match(failing.error?.message ?? "", /no spectrum could be processed/);
  // What has failed makes room by itself.
  assert.equal((await ended(await exports.start(pico))).state, "done");
  assert.deepEqual(await left(instrument), ["2", "4", "5", "7"]);
});

test("a radiance without calibration, a run that is not there and what a format cannot hold are refused before any file", async (context) => {
  const instrument = await withRun(context);
  const { exports } = instrument.model;
  const radiance = { ...COUNTS, level: "radiance", serial: "FLMS01859" } as const;
  await assert.rejects(
    exports.start(radiance),
    refused("RESOURCE_NOT_FOUND", /no radiometric calibration of FLMS01859 is configured/),
  );
  await assert.rejects(
    exports.start({ ...COUNTS, run: "../plot10" }),
    refused("RESOURCE_NOT_FOUND", /there is none/),
  );
  await assert.rejects(
    exports.start({ ...COUNTS, format: "oceanview", level: "reflectance" }),
    refused("VALUE_INVALID", /holds counts and corrected only/),
  );
  assert.deepEqual(await left(instrument), []);
  assert.deepEqual(exports.all.value, []);
});

test("the owner's indices are known by name, and all files tell what the owner says of the data", async (context) => {
  const sample = await readFile("pdata/vscope.config", "utf8");
  const configuration = sample
    .replace("[dataset]", "[dataset]\nlicense = CC-BY-4.0")
    .replace("[indices]", "[indices]\nred_edge = R750 / R710w4");
  const { model } = await withRun(context, { configuration });
  const asked = { ...COUNTS, level: "reflectance", indices: ["red_edge"], serial: "FLMS01859" } as const;
  const made = await model.exports.start(asked);
  const { state, error } = await ended(made);
  assert.equal(state, "done", error?.message);
  for (const [name, expected] of [
    ["indices.csv", /^# red_edge: R750 \/ R710w4$/m],
    ["plot10_FLMS01859_upwelling_reflectance.csv", /^# license: CC-BY-4\.0$/m],
  ] as const) {
    const file = await model.exports.open(made.id, name);
    assert.match(String(Buffer.from(await file.read(0, file.size, NEVER))), expected);
  }
});

test("an export that would touch the reserve ends with the figures, and leaves nothing", async (context) => {
  let freeBytes = 1e9;
  const disk: Disk = { ...SYSTEM_DISK, space: () => Promise.resolve({ freeBytes, totalBytes: 2e9 }) };
  const instrument = await withRun(context, { disk });
  const { exports } = instrument.model;
  const made = await exports.start(COUNTS);
  made.status.subscribe(() => (freeBytes = 1e6));
  const { state, error } = await ended(made);
  assert.equal(state, "failed");
  assert.equal(error?.code, "DATADIR_FULL");
  assert.match(error.message, /1\.0 MB are free/);
  assert.deepEqual(await left(instrument), []);
  await assert.rejects(exports.start(COUNTS), refused("DATADIR_FULL", /stay in reserve/));
});

test("recordings come first: exports end before their limit, and what is kept makes way", async (context) => {
  let freeBytes = 1e9;
  let freedBytes = 0;
  const space: Disk["space"] = async (path) => {
    const exported = await readdir(join(path, ".exports")).catch(() => []);
    return { freeBytes: freeBytes + (exported.length === 0 ? freedBytes : 0), totalBytes: 2e9 };
  };
  const instrument = await withRun(context, { disk: { ...SYSTEM_DISK, space } });
  const { exports } = instrument.model;
  const recorded = () => instrument.record({ run: "plot10", sequences: 1, autointegrate: 0 });
  const made = await exports.start(COUNTS);
  assert.equal((await ended(made)).state, "done");
  freeBytes = 100e6;
  await assert.rejects(exports.start(COUNTS), refused("DATADIR_FULL", /100\.0 MB are free/));
  assert.equal((await recorded()).state, "done");
  assert.equal(exports.get(made.id), made);
  [freeBytes, freedBytes] = [60e6, 20e6];
  assert.equal((await recorded()).state, "done");
  assert.deepEqual(exports.all.value, []);
  assert.deepEqual(await left(instrument), []);
  freedBytes = 0;
  assert.equal((await recorded()).error?.code, "DATADIR_FULL");
});

test("what an earlier server has left is thrown away at the start, what runs at the end is cancelled", async (context) => {
  const instrument = await withRun(context);
  await mkdir(join(instrument.folder, ".exports", "9"), { recursive: true });
  await writeFile(join(instrument.folder, ".exports", "9", "old.csv"), "old");
  const running = await instrument.model.exports.start(COUNTS);
  await until(running.status, ({ doing }) => doing === "spectra", NEVER);
  await instrument.model.exports.close();
  await instrument.clock.run(instrument.server.close());
  assert.equal(running.status.value.state, "cancelled");
  assert.deepEqual(await left(instrument), []);
  await mkdir(join(instrument.folder, ".exports", "9"), { recursive: true });
  await TestInstrument.start(context, { folder: instrument.folder });
  assert.deepEqual(await left(instrument), []);
});

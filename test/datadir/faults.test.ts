// The N-th-fault loop: every disk call of a recording fails once, with every error that media give, or takes half of the
// bytes. A recording is what the server does for a batch: its number, a note, a dark, a group of three lights, an event.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { type ErrorCode, isVscopeError, messageOf } from "../../src/base/errors.ts";
import type { DataDirectory } from "../../src/datadir/data-directory.ts";
import { parsePico } from "../../src/spectra/pico-reader.ts";
import type { SpectraSet } from "../../src/spectra/spectrum.ts";
import { spectraSet } from "../spectra/sample.ts";
import { FailingDisk } from "./failing-disk.ts";
import { IGNORE, manifestLines, NEVER, openDirectory, readText, temporaryFolder } from "./folder.ts";

const FAULTS: readonly (readonly [string, ErrorCode])[] = [
  ["ENOSPC", "DATADIR_FULL"],
  ["EIO", "DATADIR_IO"],
  ["EROFS", "DATADIR_IO"],
  ["ENODEV", "DATADIR_NOT_MOUNTED"],
  ["ENOENT", "DATADIR_IO"],
  ["EACCES", "DATADIR_IO"],
];
const NOTE = ".batch-under-way-1.json";
const DARK = spectraSet({ kind: "dark" });
const LIGHTS = [0, 1, 2].map((sequence) => spectraSet({ sequence }));
const FILES = 1 + LIGHTS.length;

/** Records a batch into a run of its own as the server does; the names of the files that it was told are safe. */
async function record(directory: DataDirectory, run: string, acknowledged: Set<string>): Promise<void> {
  const batch = await directory.startBatch(run);
  try {
    await directory.notes.write(NOTE, `${batch.number}`);
    const write = async (set: SpectraSet): Promise<void> =>
      void acknowledged.add((await batch.write(set)).file);
    await write(DARK);
    const written = await Promise.allSettled(LIGHTS.map(write));
    const failed = written.find(({ status }) => status === "rejected");
    if (failed?.status === "rejected") throw failed.reason;
    await directory.notes.addEvent(run, { event: "recorded" });
    await (await directory.startBatch(run)).finish();
  } finally {
    await batch.finish();
    await directory.notes.remove(NOTE);
  }
}

for (const [systemCode, code] of FAULTS) {
  test(`${systemCode} at any disk call of a batch: the right error, no file lost or in part, the next batch works`, async (t) => {
    const failing = new FailingDisk();
    const directory = await openDirectory(t, await temporaryFolder(t), { disk: failing.disk });
    const seen = new Set<string>();
    let files = 0;
    for (let failAt = 1; ; failAt++) {
      const run = `run ${failAt}`;
      const acknowledged = new Set<string>();
      failing.arm(failAt, systemCode);
      const failure = await record(directory, run, acknowledged).then(IGNORE, (error: unknown) => error);
      const { failed } = failing;
      failing.disarm();
      if (failed !== undefined) seen.add(failed);
      // The one path that is followed meanwhile is the device in sysfs: without it the medium is gone.
      const isGone = systemCode === "ENOENT" && failed === "realPath";
      const expected = isGone ? "DATADIR_NOT_MOUNTED" : code;
      if (failure !== undefined)
        assert.ok(isVscopeError(failure, expected), `${failed}: ${messageOf(failure)}`);
      const before = acknowledged.size;
      await record(directory, run, acknowledged);
      assert.equal(acknowledged.size, before + FILES);
      files += await assertWhole(directory, run, acknowledged);
      if (failed === undefined) break;
    }
    assert.deepEqual(await directory.shelf.brokenFiles(), []);
    assert.equal((await directory.reindex(IGNORE, NEVER)).indexed, files);
    for (const call of [
      "space",
      "fileSystemType",
      "stat",
      "makeFolder",
      "create",
      "extend",
      "write",
      "hastenSyncs",
      "sync",
      "close",
      "rename",
      "syncFolder",
      "list",
      "read",
      "readRange",
    ]) {
      assert.ok(seen.has(call), call);
    }
  });
}

test("a write that takes half of the bytes is gone on with, wherever it happens", async (t) => {
  const failing = new FailingDisk();
  const directory = await openDirectory(t, await temporaryFolder(t), { disk: failing.disk });
  let short = 0;
  for (let failAt = 1; ; failAt++) {
    const run = `run ${failAt}`;
    const acknowledged = new Set<string>();
    failing.armShort(failAt);
    await record(directory, run, acknowledged);
    assert.equal(acknowledged.size, FILES);
    await assertWhole(directory, run, acknowledged);
    assert.deepEqual((await directory.notes.events(run)).length, 1);
    if (failing.failed === "write") short += 1;
    if (failing.failed === undefined) break;
  }
  // Two batch numbers, note, four files, lines of two groups, event: what is a single byte is never short.
  assert.equal(short, 10);
});

test("a fault at any disk call of opening leaves nothing locked or lost", async (t) => {
  const path = await temporaryFolder(t);
  const first = await openDirectory(t, path);
  const acknowledged = new Set<string>();
  await record(first, "run", acknowledged);
  await first.close();
  for (let failAt = 1; ; failAt++) {
    const failing = new FailingDisk();
    failing.arm(failAt, "EIO");
    const failure = await openDirectory(t, path, { disk: failing.disk }).then(
      (directory) => directory.close(),
      (error: unknown) => error,
    );
    if (failure !== undefined)
      assert.ok(isVscopeError(failure, "DATADIR_IO"), `${failing.failed}: ${messageOf(failure)}`);
    const directory = await openDirectory(t, path);
    await assertWhole(directory, "run", acknowledged);
    await directory.close();
    if (failing.failed === undefined) break;
  }
});

/** What was told is whole, and listed, catalogued and in its manifest once, as is everything else. Returns the number of files. */
async function assertWhole(
  directory: DataDirectory,
  run: string,
  acknowledged: ReadonlySet<string>,
): Promise<number> {
  await directory.indexed();
  const names = (await directory.shelf.run(run, { limit: 1000 })).files.map(({ file }) => file);
  for (const file of acknowledged) assert.ok(names.includes(file), file);
  const sums = new Map<string, string>();
  for (const name of names) {
    const text = await readText(directory, run, name);
    assert.equal(parsePico(text, name).spectra.length, 1);
    sums.set(name, createHash("sha256").update(text).digest("hex"));
  }
  assert.deepEqual(await manifestLines(directory, run), sums);
  const { spectra } = await directory.shelf.search({ run: [run], limit: 1000 });
  assert.deepEqual(spectra.map(({ file }) => file).sort(), [...names].sort());
  return names.length;
}

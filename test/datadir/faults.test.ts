// The N-th-fault loop: every disk call of a recording fails once, with every error that media give, or takes half of the
// bytes. A recording is what the server does for a batch: its number, a note, a dark, a group of three lights, an event.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type ErrorCode, isVscopeError, messageOf } from "../../src/base/errors.ts";
import { FailingDisk } from "./disk/failing-disk.ts";
import { IGNORE, NEVER, openDirectory, temporaryFolder } from "./folder.ts";
import { assertWhole, FILES_OF_BATCH, recordBatch } from "./recorded-batch.ts";

const FAULTS: readonly (readonly [string, ErrorCode])[] = [
  ["ENOSPC", "DATADIR_FULL"],
  ["EIO", "DATADIR_IO"],
  ["EROFS", "DATADIR_IO"],
  ["ENODEV", "DATADIR_NOT_MOUNTED"],
  ["ENOENT", "DATADIR_IO"],
  ["EACCES", "DATADIR_IO"],
];
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
      const failure = await recordBatch(directory, run, acknowledged).then(IGNORE, (error: unknown) => error);
      const { failed } = failing;
      failing.disarm();
      if (failed !== undefined) seen.add(failed);
      // The one path that is followed meanwhile is the device in sysfs: without it the medium is gone.
      const isGone = systemCode === "ENOENT" && failed === "realPath";
      const expected = isGone ? "DATADIR_NOT_MOUNTED" : code;
      if (failure !== undefined)
        assert.ok(isVscopeError(failure, expected), `${failed}: ${messageOf(failure)}`);
      const before = acknowledged.size;
      await recordBatch(directory, run, acknowledged);
      assert.equal(acknowledged.size, before + FILES_OF_BATCH);
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
    await recordBatch(directory, run, acknowledged);
    assert.equal(acknowledged.size, FILES_OF_BATCH);
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
  await recordBatch(first, "run", acknowledged);
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

// The N-th-fault loop: every disk call of a recording fails once, with every error that media give.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type ErrorCode, isVscopeError, messageOf } from "../../src/base/errors.ts";
import { parsePico } from "../../src/spectra/pico-reader.ts";
import { spectraSet } from "../spectra/sample.ts";
import { FailingDisk } from "./failing-disk.ts";
import { allSpectra, IGNORE, NEVER, openDirectory, readText, temporaryFolder } from "./folder.ts";

const FAULTS: readonly (readonly [string, ErrorCode])[] = [
  ["ENOSPC", "DATADIR_FULL"],
  ["EIO", "DATADIR_IO"],
  ["EROFS", "DATADIR_IO"],
  ["ENODEV", "DATADIR_NOT_MOUNTED"],
  ["ENOENT", "DATADIR_IO"],
  ["EACCES", "DATADIR_IO"],
];

for (const [systemCode, code] of FAULTS) {
  test(`${systemCode} at any disk call of a batch: the right error, no file lost or in part, the next write works`, async (t) => {
    const path = await temporaryFolder(t);
    const failing = new FailingDisk();
    const directory = await openDirectory(t, path, { disk: failing.disk });
    const acknowledged = new Set<string>();
    const seen = new Set<string>();
    let sequence = 0;
    const record = async (): Promise<void> => {
      const batch = await directory.startBatch("run");
      try {
        for (const kind of ["dark", "light"] as const) {
          const { file } = await batch.write(spectraSet({ kind, sequence: sequence++ }));
          acknowledged.add(file);
        }
      } finally {
        await batch.finish();
      }
    };
    for (let failAt = 1; ; failAt++) {
      failing.arm(failAt, systemCode);
      const failure = await record().then(IGNORE, (error: unknown) => error);
      if (failing.failed === undefined) break;
      seen.add(failing.failed);
      failing.disarm();
      // The one path that is followed meanwhile is the device in sysfs: without it the medium is gone.
      const isGone = systemCode === "ENOENT" && failing.failed === "realPath";
      const expected = isGone ? "DATADIR_NOT_MOUNTED" : code;
      if (failure !== undefined)
        assert.ok(isVscopeError(failure, expected), `${failing.failed}: ${messageOf(failure)}`);
      await record();
      await assertWhole(directory, acknowledged);
    }
    for (const call of [
      "space",
      "stat",
      "create",
      "write",
      "sync",
      "close",
      "rename",
      "syncFolder",
      "list",
      "read",
    ]) {
      assert.ok(seen.has(call), call);
    }
  });
}

test("a fault at any disk call of opening leaves nothing locked or lost", async (t) => {
  const path = await temporaryFolder(t);
  const first = await openDirectory(t, path);
  const batch = await first.startBatch("run");
  const { file } = await batch.write(spectraSet());
  await batch.finish();
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
    await assertWhole(directory, new Set([file]));
    await directory.close();
    if (failing.failed === undefined) break;
  }
});

async function assertWhole(
  directory: Awaited<ReturnType<typeof openDirectory>>,
  acknowledged: ReadonlySet<string>,
) {
  const { files } = await directory.shelf.run("run", { limit: 100_000 });
  const names = files.map(({ file }) => file);
  for (const file of acknowledged) assert.ok(names.includes(file), file);
  for (const name of names) {
    const content = parsePico(await readText(directory, "run", name), name);
    assert.equal(content.spectra.length, 1);
  }
  const indexed = (await allSpectra(directory)).map(({ file }) => file);
  assert.deepEqual(indexed.sort(), [...names].sort());
  assert.deepEqual(await directory.shelf.brokenFiles(), []);
  assert.equal((await directory.reindex(IGNORE, NEVER)).indexed, names.length);
}

// The N-th-fault loop over verification, with and without repairs, reindexing and unmounting: the right error, nothing lost,
// and the next try works.

import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import Database from "better-sqlite3";
import { type ErrorCode, isVscopeError, messageOf } from "../../src/base/errors.ts";
import { CATALOGUE_FILE } from "../../src/datadir/catalogue/catalogue.ts";
import type { DataDirectory } from "../../src/datadir/data-directory.ts";
import type { VerificationReport } from "../../src/datadir/checksums/verification-findings.ts";
import { FailingDisk } from "./disk/failing-disk.ts";
import { FakeSystem } from "./medium/fake-stick.ts";
import { IGNORE, NEVER, openDirectory, temporaryFolder } from "./folder.ts";
import { assertWhole, FILES_OF_BATCH, recordBatch } from "./recorded-batch.ts";

const RUN = "plot10";
const FAULTS: readonly (readonly [string, ErrorCode])[] = [
  ["EIO", "DATADIR_IO"],
  ["EROFS", "DATADIR_IO"],
  ["ENOSPC", "DATADIR_FULL"],
  ["ENODEV", "DATADIR_NOT_MOUNTED"],
];

/** A data directory with a recorded batch, on a disk that can fail. */
async function recorded(t: TestContext) {
  const failing = new FailingDisk();
  const directory = await openDirectory(t, await temporaryFolder(t), { disk: failing.disk });
  const acknowledged = new Set<string>();
  await recordBatch(directory, RUN, acknowledged);
  await directory.indexed();
  return { failing, directory, acknowledged };
}

async function verified({ verification }: DataDirectory, repairs: boolean) {
  verification.start({ repairs });
  await verification.ended();
  return verification.status.value;
}

async function reportOf(directory: DataDirectory, repairs: boolean): Promise<VerificationReport> {
  const { state, report, error } = await verified(directory, repairs);
  assert.ok(state === "done" && report !== undefined, error);
  return report;
}

/** A manifest and a row that are lost. */
async function damage({ path }: DataDirectory): Promise<void> {
  await rm(join(path, RUN, "b000000.sha256"), { force: true });
  const database = new Database(join(path, CATALOGUE_FILE));
  database.exec("DELETE FROM measurements WHERE file = (SELECT min(id) FROM files)");
  database.exec("DELETE FROM files WHERE id = (SELECT min(id) FROM files)");
  database.close();
}

for (const [systemCode] of FAULTS) {
  for (const repairs of [false, true]) {
    const what = repairs ? "a verification that repairs" : "a verification";
    test(`${systemCode} at any disk call of ${what}: told, nothing lost, the next one works`, async (t) => {
      const { failing, directory, acknowledged } = await recorded(t);
      const told = new RegExp(`\\(${systemCode}\\)|the medium is not there`);
      for (let failAt = 1; ; failAt++) {
        if (repairs) await damage(directory);
        failing.arm(failAt, systemCode);
        const { state, error, report } = await verified(directory, repairs);
        const { failed } = failing;
        failing.disarm();
        if (state !== "done") assert.match(error ?? "", told, failed);
        const next = await reportOf(directory, repairs);
        // What cannot be read is a finding, no end; a verification without any has read everything. A look that fails once
        // where runs are only counted and sorted costs nothing.
        if (state === "done" && !repairs)
          assert.ok((report?.faults ?? 0) > 0 || report?.bytes === next.bytes, failed);
        assert.ok(
          next.findings.every(({ isRepaired }) => isRepaired),
          `${failed}: ${JSON.stringify(next.findings)}`,
        );
        assert.deepEqual((await reportOf(directory, false)).findings, []);
        assert.equal(await assertWhole(directory, RUN, acknowledged), FILES_OF_BATCH);
        if (failed === undefined) break;
      }
    });
  }
}

for (const [systemCode, code] of FAULTS) {
  for (const isAll of [false, true]) {
    test(`${systemCode} at any disk call of a reindexing${isAll ? " of all" : ""}: the right error, nothing lost, the next one works`, async (t) => {
      const { failing, directory, acknowledged } = await recorded(t);
      for (let failAt = 1; ; failAt++) {
        failing.arm(failAt, systemCode);
        const outcome = await directory.reindex(IGNORE, NEVER, { isAll }).then(
          ({ broken }) => broken,
          (error: unknown) => error,
        );
        const { failed } = failing;
        failing.disarm();
        if (!Array.isArray(outcome))
          assert.ok(isVscopeError(outcome, code, "DATADIR_NOT_MOUNTED"), `${failed}: ${messageOf(outcome)}`);
        const next = await directory.reindex(IGNORE, NEVER, { isAll });
        assert.deepEqual([next.indexed, next.dropped, next.broken], [FILES_OF_BATCH, 0, []], failed);
        assert.equal(await assertWhole(directory, RUN, acknowledged), FILES_OF_BATCH);
        if (failed === undefined) break;
      }
    });
  }
}

/** A system whose calls fail in turn with those of a disk. */
class FailingSystem extends FakeSystem {
  readonly #failing: FailingDisk;

  constructor(failing: FailingDisk) {
    super();
    this.#failing = failing;
  }

  override run(program: string, programArguments: readonly string[]): Promise<number> {
    return this.#failing.call(program, () => super.run(program, programArguments));
  }

  override mountInfo(): Promise<string> {
    return this.#failing.call("mountInfo", () => super.mountInfo());
  }
}

test("a fault at any call of unmounting: the right error, nothing lost, the next try works", async (t) => {
  const failing = new FailingDisk();
  const system = new FailingSystem(failing);
  system.mountPoint = await temporaryFolder(t);
  const path = join(system.mountPoint, "data");
  const mount = { device: "/dev/sda1", mountPoint: system.mountPoint };
  const directory = await openDirectory(t, path, { disk: failing.disk, system, mount });
  const acknowledged = new Set<string>();
  await recordBatch(directory, RUN, acknowledged);
  const seen = new Set<string>();
  for (let failAt = 1; ; failAt++) {
    await directory.indexed();
    failing.arm(failAt, "EIO");
    const failure = await directory.unmount(NEVER).then(IGNORE, (error: unknown) => error);
    const { failed } = failing;
    failing.disarm();
    seen.add(failed ?? "");
    if (failure !== undefined) {
      assert.ok(isVscopeError(failure, "DATADIR_IO"), `${failed}: ${messageOf(failure)}`);
      await directory.unmount(NEVER);
    }
    assert.equal(system.source, undefined, failed);
    assert.equal(directory.status.value.mounted, false);
    await directory.mount(NEVER);
    await recordBatch(directory, RUN, acknowledged);
    await assertWhole(directory, RUN, acknowledged);
    if (failed === undefined) break;
  }
  assert.ok(seen.has("umount") && seen.has("mountInfo"), [...seen].join());
});

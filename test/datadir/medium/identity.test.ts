import assert from "node:assert/strict";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { isVscopeError } from "../../../src/base/errors.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { SYSTEM_DISK } from "../../../src/datadir/disk/disk.ts";
import {
  ID_FILE,
  makeIdentity,
  readIdentity,
  requireIdentity,
} from "../../../src/datadir/medium/identity.ts";
import { temporaryFolder } from "../folder.ts";

test("a uuid is read again; one that cannot be understood is kept aside for another", async (t) => {
  const path = await temporaryFolder(t);
  assert.equal(await readIdentity(SYSTEM_DISK, path), undefined);
  const uuid = await makeIdentity(SYSTEM_DISK, path, new VirtualClock());
  assert.equal(await readIdentity(SYSTEM_DISK, path), uuid);
  await writeFile(join(path, ID_FILE), uuid);
  assert.equal(await readIdentity(SYSTEM_DISK, path), undefined);
  const second = await makeIdentity(SYSTEM_DISK, path, new VirtualClock());
  assert.notEqual(second, uuid);
  assert.equal(await readIdentity(SYSTEM_DISK, path), second);
  assert.deepEqual((await readdir(path)).sort(), [ID_FILE, `${ID_FILE}.damaged`]);
});

test("another uuid than the configured one is refused, and so is none", () => {
  requireIdentity("/data", "a", undefined);
  requireIdentity("/data", undefined, undefined);
  requireIdentity("/data", "a", "a");
  for (const [found, fact] of [
    ["b", "is b"],
    [undefined, "has no uuid"],
  ] as const)
    assert.throws(
      () => requireIdentity("/data", found, "a"),
      (error) =>
        isVscopeError(error, "DATADIR_WRONG") && error.message.includes(`${fact}, datadir.uuid is a`),
    );
});

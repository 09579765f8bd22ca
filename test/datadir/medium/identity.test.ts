import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
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
  const clock = new VirtualClock();
  const uuid = await makeIdentity(SYSTEM_DISK, path, { clock });
  assert.deepEqual(await readIdentity(SYSTEM_DISK, path), { uuid, isWhole: true });
  await writeFile(join(path, ID_FILE), uuid);
  assert.deepEqual(await readIdentity(SYSTEM_DISK, path), { uuid: undefined, isWhole: false });
  const second = await makeIdentity(SYSTEM_DISK, path, { clock });
  assert.notEqual(second, uuid);
  assert.deepEqual(await readIdentity(SYSTEM_DISK, path), { uuid: second, isWhole: true });
  assert.deepEqual((await readdir(path)).sort(), [ID_FILE, `${ID_FILE}.damaged`]);
});

test("of a file that is torn or full of zeros the uuid is read where it is whole", async (t) => {
  const path = await temporaryFolder(t);
  const uuid = await makeIdentity(SYSTEM_DISK, path, { clock: new VirtualClock() });
  const text = await readFile(join(path, ID_FILE), "utf8");
  const end = text.indexOf(uuid) + uuid.length;
  for (const [damaged, left] of [
    [text.slice(0, end + 1), uuid],
    [text.slice(0, end + 5) + "\0".repeat(60), uuid],
    [text.slice(0, end), undefined],
    [text.replace(uuid, uuid.slice(1)), undefined],
    ["\0".repeat(text.length), undefined],
    ["", undefined],
  ] as const) {
    await writeFile(join(path, ID_FILE), damaged);
    assert.deepEqual(await readIdentity(SYSTEM_DISK, path), { uuid: left, isWhole: false }, damaged);
  }
});

test("another uuid than the configured one is refused, and so is none", () => {
  requireIdentity("/data", { uuid: "a" }, undefined);
  requireIdentity("/data", {}, undefined);
  requireIdentity("/data", { uuid: "a" }, "a");
  requireIdentity("/data", { uuid: "a", isDamaged: true }, "a");
  for (const [found, fact] of [
    [{ uuid: "b" }, "is b"],
    [{ uuid: "b", isDamaged: true }, "is b"],
    [{}, "has no uuid"],
    [{ isDamaged: true }, "has a damaged .vscope-id, which does not tell its uuid"],
  ] as const)
    assert.throws(
      () => requireIdentity("/data", found, "a"),
      (error) =>
        isVscopeError(error, "DATADIR_WRONG") && error.message.includes(`${fact}, datadir.uuid is a`),
    );
});

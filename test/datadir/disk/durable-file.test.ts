import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { isVscopeError } from "../../../src/base/errors.ts";
import { type Disk, SYSTEM_DISK } from "../../../src/datadir/disk/disk.ts";
import { appendDurable, replaceDurable } from "../../../src/datadir/disk/durable-file.ts";
import { NEVER, temporaryFolder } from "../folder.ts";

const BYTES = Buffer.from("new");

test("the steps come in the order that survives a power cut", async (t) => {
  const path = join(await temporaryFolder(t), "a");
  const steps: string[] = [];
  const disk: Disk = {
    ...SYSTEM_DISK,
    async create(part) {
      steps.push("create");
      const file = await SYSTEM_DISK.create(part);
      return {
        write: (bytes) => (steps.push("write"), file.write(bytes)),
        sync: () => (steps.push("sync"), file.sync()),
        close: () => (steps.push("close"), file.close()),
      };
    },
    rename: (from, to) => (steps.push("rename"), SYSTEM_DISK.rename(from, to)),
    syncFolder: (folder) => (steps.push("syncFolder"), SYSTEM_DISK.syncFolder(folder)),
  };
  await replaceDurable(disk, path, BYTES, NEVER);
  assert.deepEqual(steps, ["create", "write", "sync", "rename", "sync", "close", "syncFolder"]);
  assert.equal(await readFile(path, "utf8"), "new");
});

test("an older file is replaced, and added to", async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, "a"), "old");
  await replaceDurable(SYSTEM_DISK, join(folder, "a"), BYTES, NEVER);
  await appendDurable(SYSTEM_DISK, join(folder, "a"), Buffer.from(" and more"));
  assert.equal(await readFile(join(folder, "a"), "utf8"), "new and more");
  assert.deepEqual(await readdir(folder), ["a"]);
});

test("a part that a crash left is replaced", async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, "a.part"), "a longer remainder of a crash");
  await replaceDurable(SYSTEM_DISK, join(folder, "a"), BYTES, NEVER);
  assert.equal(await readFile(join(folder, "a"), "utf8"), "new");
  assert.deepEqual(await readdir(folder), ["a"]);
});

test("an abort before the rename leaves nothing and is thrown as it is", async (t) => {
  const folder = await temporaryFolder(t);
  const controller = new AbortController();
  const reason = new Error("enough");
  const disk: Disk = {
    ...SYSTEM_DISK,
    async create(part) {
      controller.abort(reason);
      return SYSTEM_DISK.create(part);
    },
  };
  await assert.rejects(
    replaceDurable(disk, join(folder, "a"), BYTES, controller.signal),
    (error) => error === reason,
  );
  assert.deepEqual(await readdir(folder), []);
});

test("messages name folder and file, not the server's paths", async (t) => {
  const folder = await temporaryFolder(t);
  await assert.rejects(replaceDurable(SYSTEM_DISK, join(folder, "none", "a"), BYTES, NEVER), (error) => {
    return isVscopeError(error, "DATADIR_IO") && error.message === "none/a: no such file or folder (ENOENT)";
  });
});

import assert from "node:assert/strict";
import { rename, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import fc from "fast-check";
import { isVscopeError } from "../../../src/base/errors.ts";
import { type Disk, SYSTEM_DISK } from "../../../src/datadir/disk/disk.ts";
import { RangeFile } from "../../../src/datadir/disk/range-file.ts";
import { NEVER, temporaryFolder } from "../folder.ts";

const SIZE = 200_000;
const CONTENT = Buffer.from(Array.from({ length: SIZE }, (_, index) => (index * 31 + (index >> 8)) & 0xff));

async function writeAside(path: string, content: Uint8Array): Promise<void> {
  await writeFile(`${path}.new`, content);
  await rename(`${path}.new`, path);
}

/** A file, and every look that is taken at it. */
async function fileIn(t: TestContext) {
  const path = join(await temporaryFolder(t), "file");
  await writeFile(path, CONTENT);
  const reads: number[] = [];
  const disk: Disk = {
    ...SYSTEM_DISK,
    readRange: (from, offset, length) => {
      reads.push(length);
      return SYSTEM_DISK.readRange(from, offset, length);
    },
  };
  const open = async (): Promise<RangeFile> => {
    const found = await disk.stat(path);
    assert.ok(found);
    return new RangeFile(disk, path, found);
  };
  return { path, reads, open };
}

test("parts of any place and length are those of the file", async (t) => {
  const { open } = await fileIn(t);
  const file = await open();
  assert.equal(file.size, SIZE);
  await fc.assert(
    fc.asyncProperty(fc.nat(SIZE), fc.integer({ min: 1, max: 80_000 }), async (offset, length) => {
      const part = await file.read(offset, length, NEVER);
      assert.equal(Buffer.compare(part, CONTENT.subarray(offset, offset + length)), 0);
    }),
    { numRuns: 50 },
  );
});

test("small parts in a row take few looks at the disk, each of a bounded length", async (t) => {
  const { open, reads } = await fileIn(t);
  const file = await open();
  for (let offset = 0; offset < SIZE; offset += 1024) await file.read(offset, 1024, NEVER);
  assert.ok(reads.length <= 4, `${reads.length} looks`);
  assert.ok(Math.max(...reads) <= 65_536);
});

test("a large part is not kept: only a window of bounded length is", async (t) => {
  const { open, reads } = await fileIn(t);
  const file = await open();
  await file.read(0, SIZE, NEVER);
  await file.read(0, 1024, NEVER);
  assert.deepEqual(reads, [SIZE, 65_536]);
});

test("another version has another tag, and is not read as the first one", async (t) => {
  const { path, open } = await fileIn(t);
  const isRefused = (error: unknown): boolean => isVscopeError(error, "PRECONDITION_FAILED");
  const { mtime } = await stat(path);
  const changes = [
    // Replaced by one of the same size.
    async () => {
      await writeAside(path, CONTENT);
      await utimes(path, mtime, new Date(mtime.getTime() + 1000));
    },
    // Written to in place.
    async () => {
      await writeFile(path, CONTENT);
      await utimes(path, mtime, new Date(mtime.getTime() + 2000));
    },
    () => writeFile(path, CONTENT.subarray(0, SIZE / 2)),
    () => writeFile(path, CONTENT),
  ];
  for (const change of changes) {
    const file = await open();
    const before = await file.read(0, 1000, NEVER);
    await change();
    assert.equal(Buffer.compare(before, CONTENT.subarray(0, 1000)), 0);
    await assert.rejects(async () => file.read(90_000, 1000, NEVER), isRefused);
    assert.notDeepEqual((await open()).tag, file.tag);
  }
});

test("a version of the same size and time has another tag, written in place or put in its place", async (t) => {
  const { path, open } = await fileIn(t);
  const time = new Date(2026, 5, 21);
  const other = Buffer.from(CONTENT).fill(0);
  await utimes(path, time, time);
  const changes = [() => writeFile(path, other), () => writeAside(path, other)];
  for (const change of changes) {
    const file = await open();
    await file.read(0, 1000, NEVER);
    const { ctimeNs } = await stat(path, { bigint: true });
    do {
      await change();
      await utimes(path, time, time);
      // The clock of the file system has steps of some milliseconds.
    } while ((await stat(path, { bigint: true })).ctimeNs === ctimeNs);
    await assert.rejects(
      async () => file.read(90_000, 1000, NEVER),
      (error) => isVscopeError(error, "PRECONDITION_FAILED"),
    );
    assert.notDeepEqual((await open()).tag, file.tag);
  }
});

test("the inode tells versions apart, except where a clock of coarse steps tells that it is not the file's", async (t) => {
  const { path, open } = await fileIn(t);
  const found = await SYSTEM_DISK.stat(path);
  assert.ok(found);
  const tag = (inode: bigint, changedNs: bigint): Uint8Array =>
    new RangeFile(SYSTEM_DISK, path, { ...found, inode, changedNs }).tag;
  assert.deepEqual(tag(found.inode, found.changedNs), (await open()).tag);
  assert.notDeepEqual(tag(1n, 1_782_000_000_123_456_789n), tag(2n, 1_782_000_000_123_456_789n));
  assert.deepEqual(tag(1n, 1_782_000_000_120_000_000n), tag(2n, 1_782_000_000_120_000_000n));
});

test("a file that is gone is a fault of the disk", async (t) => {
  const { path, open } = await fileIn(t);
  const file = await open();
  await rename(path, `${path}.away`);
  await assert.rejects(
    async () => file.read(0, 1, NEVER),
    (error) => isVscopeError(error, "DATADIR_IO"),
  );
});

// The kernel hands out its lists in pieces of 4 KiB, as it does the pages before a bad sector.
test("a part that the system gives in pieces is read to its end, or to that of the file", async () => {
  const list = "/proc/kallsyms";
  const whole = await SYSTEM_DISK.read(list);
  assert.ok(whole.length > 20_000);
  const { bytes } = await SYSTEM_DISK.readRange(list, 0, 20_000);
  assert.deepEqual(bytes, whole.subarray(0, 20_000));
  const end = await SYSTEM_DISK.readRange(list, whole.length - 10_000, 20_000);
  assert.deepEqual(end.bytes, whole.subarray(whole.length - 10_000));
});

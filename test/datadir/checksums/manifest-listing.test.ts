// The tags of batches and runs: they follow the manifests, and nothing else.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { appendFile, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Disk, SYSTEM_DISK } from "../../../src/datadir/disk/disk.ts";
import { manifestName, manifestText, OTHER_MANIFEST } from "../../../src/datadir/checksums/manifest.ts";
import { ManifestListing, OTHER, runTagOf } from "../../../src/datadir/checksums/manifest-listing.ts";
import { spectraSet } from "../../spectra/sample.ts";
import { openDirectory, temporaryFolder } from "../folder.ts";

function lines(...names: readonly string[]): string {
  return manifestText(names.map((name) => ({ name, sha256: createHash("sha256").update(name).digest() })));
}

test("each batch has its number, its files and the beginning of the hash of its manifest", async () => {
  const folder = await mkdtemp(join(tmpdir(), "vscope-manifests-"));
  const text = lines("b000010_s000000_dark.pico", "b000010_s000000_light.pico");
  await writeFile(join(folder, manifestName(10)), text);
  await writeFile(join(folder, manifestName(9)), lines("b000009_s000000_dark.pico"));
  await writeFile(join(folder, OTHER_MANIFEST), lines("by-hand.pico"));
  await writeFile(join(folder, manifestName(11)), "");
  await writeFile(join(folder, "b000012.sha256.part"), text);
  const found = await new ManifestListing(SYSTEM_DISK).batches(folder);
  assert.deepEqual(
    found.map(({ batch, files }) => [batch, files]),
    [
      [OTHER, 1],
      [9, 1],
      [10, 2],
    ],
  );
  assert.equal(found.at(-1)?.tag, createHash("sha256").update(text).digest("hex").slice(0, 16));
  await rm(folder, { recursive: true });
});

test("only a manifest that has changed is read again, and its run has another tag then", async () => {
  const folder = await mkdtemp(join(tmpdir(), "vscope-manifests-"));
  const read: string[] = [];
  const disk: Disk = {
    ...SYSTEM_DISK,
    read: (path) => {
      read.push(path.slice(folder.length + 1));
      return SYSTEM_DISK.read(path);
    },
  };
  const listing = new ManifestListing(disk);
  for (const batch of [0, 1, 2]) await writeFile(join(folder, manifestName(batch)), lines(`${batch}`));
  const before = await listing.batches(folder);
  assert.equal(read.length, 3);
  assert.deepEqual(await listing.batches(folder), before);
  assert.equal(read.length, 3);
  await appendFile(join(folder, manifestName(1)), lines("another"));
  const after = await listing.batches(folder);
  assert.deepEqual(read.slice(3), [manifestName(1)]);
  assert.deepEqual(
    after.map(({ tag }, index) => tag === before[index]?.tag),
    [true, false, true],
  );
  assert.notEqual(runTagOf(after), runTagOf(before));
  assert.equal(runTagOf([...after].reverse()), runTagOf(after));
  await rm(folder, { recursive: true });
});

test("a run that is removed is forgotten", async (t) => {
  let reads = 0;
  const disk: Disk = { ...SYSTEM_DISK, read: (path) => ((reads += 1), SYSTEM_DISK.read(path)) };
  const directory = await openDirectory(t, await temporaryFolder(t), { disk });
  const batch = await directory.startBatch("run");
  await batch.write(spectraSet({}));
  await batch.finish();
  await directory.indexed();
  const run = join(directory.path, "run");
  const before = await directory.manifests.runs();
  reads = 0;
  assert.deepEqual(await directory.manifests.runs(), before);
  assert.equal(reads, 0);
  await rename(run, `${directory.path}-elsewhere`);
  assert.deepEqual(await directory.manifests.runs(), []);
  await rename(`${directory.path}-elsewhere`, run);
  assert.deepEqual(await directory.manifests.runs(), before);
  assert.equal(reads, 1);
});

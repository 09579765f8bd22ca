import assert from "node:assert/strict";
import { test } from "node:test";
import { SILENT } from "../../../src/base/log.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { gapIn, lookAtBatch } from "../../../src/datadir/checksums/batch-check.ts";
import { manifestName } from "../../../src/datadir/checksums/manifest.ts";
import { type Disk, type DiskStat, SYSTEM_DISK } from "../../../src/datadir/disk/disk.ts";
import { RunFolders } from "../../../src/datadir/run-folders.ts";
import { spectraFileName } from "../../../src/datadir/spectra-file-name.ts";

test("a batch may have more files than a call has arguments", async () => {
  const count = 150_000;
  const names = Array.from({ length: count }, (_, index) =>
    spectraFileName({ batch: 0, sequence: 2 * index, kind: "light" }),
  );
  const file: DiskStat = {
    isFile: true,
    isFolder: false,
    bytes: 0,
    modifiedUtcUs: 7,
    inode: 1n,
    modifiedNs: 7000n,
    changedNs: 7000n,
    device: 1,
  };
  const disk: Disk = { ...SYSTEM_DISK, stat: async () => file, read: async () => Buffer.alloc(0) };
  const folders = new RunFolders(disk, "/nowhere", { clock: new VirtualClock(), log: SILENT });
  const manifest = manifestName(0);
  const look = await lookAtBatch({ disk, folders, catalogue: undefined }, { run: "run", manifest, names });
  assert.deepEqual([look.files.size, look.modifiedUtcUs], [count, 7]);
  assert.match(gapIn(look)?.fact ?? "", /^no sequence 1, 3, .* and more between 0 and 299998$/);
});

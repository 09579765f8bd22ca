// The power goes between any two calls of a recording: the data directory is made again as a medium may have kept it, and
// opened. What was told is there and whole, in its manifest and in the catalogue, and the next batch has a number of its own.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { test, type TestContext } from "node:test";
import { SILENT } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { DataDirectory } from "../../src/datadir/data-directory.ts";
import { Random } from "../../src/emulator/random.ts";
import { SEED } from "../support/seed.ts";
import { FailingDisk } from "./disk/failing-disk.ts";
import { openDirectory, temporaryFolder } from "./folder.ts";
import { type Kept, PowerCutDisk } from "./disk/power-cut-disk.ts";
import { assertWhole, recordBatch } from "./recorded-batch.ts";

const RUN = "run";

for (const forgetsSize of [false, true]) {
  const medium = forgetsSize ? "as vfat" : "with a journal";
  test(`a recording survives a power cut between any two calls, on a medium ${medium}`, async (t) => {
    t.diagnostic(`VSCOPE_SEED=${SEED}`);
    const random = new Random(SEED);
    const cut = new PowerCutDisk({ forgetsSize });
    const path = await recorded(t, cut);
    const some: Kept = () => random.uniform();
    const seen = new Set<string>();
    for (let count = 0; count <= cut.steps.length; count++) {
      const told = new Set(cut.marked(count).map((file) => basename(file)));
      for (const kept of ["none", "all", ...(count % 3 === 0 ? [some] : [])] satisfies Kept[]) {
        const files = cut.after(count, kept);
        const state = `${[...told].join()} ${sumOf(files)}`;
        if (seen.has(state)) continue;
        seen.add(state);
        await assertSurvives(t, { path, files, told });
      }
    }
    t.diagnostic(`${cut.steps.length} calls, ${seen.size} different remains`);
  });
}

/** Records two batches into a data directory that is made for them on a fresh medium; returns the path. */
async function recorded(t: TestContext, cut: PowerCutDisk): Promise<string> {
  const path = join(await temporaryFolder(t), "field", "data");
  const directory = await openDirectory(t, path, { disk: cut.disk });
  const told = (file: string): void => cut.mark(join(path, RUN, file));
  for (let batch = 0; batch < 2; batch++) await recordBatch(directory, RUN, { add: told });
  await directory.close();
  return path;
}

interface Remains {
  /** Of the undisturbed recording. */
  readonly path: string;
  readonly files: ReadonlyMap<string, Buffer>;
  readonly told: ReadonlySet<string>;
}

async function assertSurvives(t: TestContext, { path, files, told }: Remains): Promise<void> {
  const remains = await temporaryFolder(t);
  for (const [name, bytes] of files) {
    const copy = join(remains, relative(path, name));
    await mkdir(dirname(copy), { recursive: true });
    await writeFile(copy, bytes);
  }
  const { disk } = new FailingDisk();
  const directory = await DataDirectory.open({ path: remains, disk, clock: new VirtualClock(), log: SILENT });
  try {
    if (told.size > 0) await assertWhole(directory, RUN, told);
    const next = new Set<string>();
    await recordBatch(directory, RUN, next);
    assert.ok([...next].every((file) => !told.has(file)));
    await assertWhole(directory, RUN, new Set([...told, ...next]));
  } finally {
    await directory.close();
    await rm(remains, { recursive: true });
  }
}

function sumOf(files: ReadonlyMap<string, Buffer>): string {
  const hash = createHash("sha256");
  for (const [name, bytes] of [...files].sort(([a], [b]) => (a < b ? -1 : 1)))
    hash.update(name).update(bytes);
  return hash.digest("hex");
}

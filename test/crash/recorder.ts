// A little program for the crash test: records batches without end onto a disk whose flushes take 0 to 50 ms, and prints
// each file once it is acknowledged. Arguments: data directory, run, seed.

import { writeSync } from "node:fs";
import { MS, SystemClock } from "../../src/base/clock.ts";
import { SILENT } from "../../src/base/log.ts";
import { DataDirectory } from "../../src/datadir/data-directory.ts";
import { type Disk, type DiskFile, SYSTEM_DISK } from "../../src/datadir/disk/disk.ts";
import { Random } from "../../src/emulator/random.ts";
import type { SpectraSet } from "../../src/spectra/spectrum.ts";
import { spectraSet, spectrum } from "../spectra/sample.ts";
import { NEVER } from "../datadir/folder.ts";

const SLOWEST_MS = 50;
const LIGHTS = 5;
const PIXELS = 256;

const [path = "", run = "", seed = "0"] = process.argv.slice(2);
const clock = new SystemClock();
const random = new Random(Number(seed));
const counts = Uint32Array.from({ length: PIXELS }, (_, pixel) => pixel);
const spectra = ["a", "b", "c", "d"].map((channel) => spectrum({ counts, channel }));

async function slowly<T>(flush: () => Promise<T>): Promise<T> {
  await clock.delay(random.uniform() * SLOWEST_MS * MS, NEVER);
  return flush();
}

const slow = (file: DiskFile): DiskFile => ({ ...file, sync: () => slowly(() => file.sync()) });
const disk: Disk = {
  ...SYSTEM_DISK,
  create: async (name) => slow(await SYSTEM_DISK.create(name)),
  extend: async (name) => slow(await SYSTEM_DISK.extend(name)),
  syncFolder: (folder) => slowly(() => SYSTEM_DISK.syncFolder(folder)),
  hastenSyncs: (folder) => slowly(() => SYSTEM_DISK.hastenSyncs(folder)),
};

// Synchronous, so that the line is in the pipe before anything else happens.
const tell = (line: string): number => writeSync(1, `${line}\n`);

const directory = await DataDirectory.open({ path, clock, disk, log: SILENT });
for (;;) {
  const batch = await directory.startBatch(run);
  tell(`batch ${batch.number}`);
  const write = async (set: Partial<SpectraSet>): Promise<void> => {
    const { file } = await batch.write(spectraSet({ ...set, spectra }));
    tell(`file ${file}`);
  };
  await write({ kind: "dark" });
  await Promise.all(Array.from({ length: LIGHTS }, (_, sequence) => write({ sequence })));
  await batch.finish();
}

// A batch as the server records it into a data directory, and what holds of it whatever happened: for tests of faults and
// power cuts.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { DataDirectory } from "../../src/datadir/data-directory.ts";
import { parsePico } from "../../src/spectra/pico-reader.ts";
import type { SpectraSet } from "../../src/spectra/spectrum.ts";
import { spectraSet } from "../spectra/sample.ts";
import { manifestLines, readText } from "./folder.ts";

const NOTE = ".batch-under-way-1.json";
const DARK = spectraSet({ kind: "dark" });
const LIGHTS = [0, 1, 2].map((sequence) => spectraSet({ sequence }));
export const FILES_OF_BATCH = 1 + LIGHTS.length;

/** Its number, a note, a dark, a group of three lights, an event, and the number of a batch without files. Adds what it was told is safe. */
export async function recordBatch(
  directory: DataDirectory,
  run: string,
  acknowledged: { add(file: string): unknown },
): Promise<void> {
  const batch = await directory.startBatch(run);
  try {
    await directory.notes.write(NOTE, `${batch.number}`);
    const write = async (set: SpectraSet): Promise<void> =>
      void acknowledged.add((await batch.write(set)).file);
    await write(DARK);
    const written = await Promise.allSettled(LIGHTS.map(write));
    const failed = written.find(({ status }) => status === "rejected");
    if (failed?.status === "rejected") throw failed.reason;
    await directory.notes.addEvent(run, { event: "recorded" });
    await (await directory.startBatch(run)).finish();
  } finally {
    await batch.finish();
    await directory.notes.remove(NOTE);
  }
}

/** What was told is whole, and listed, catalogued and in its manifest once, as is everything else. Returns the number of files. */
export async function assertWhole(
  directory: DataDirectory,
  run: string,
  acknowledged: ReadonlySet<string>,
): Promise<number> {
  await directory.indexed();
  const names = (await directory.shelf.run(run, { limit: 1000 })).files.map(({ file }) => file);
  for (const file of acknowledged) assert.ok(names.includes(file), file);
  const sums = new Map<string, string>();
  for (const name of names) {
    const text = await readText(directory, run, name);
    assert.equal(parsePico(text, name).spectra.length, 1);
    sums.set(name, createHash("sha256").update(text).digest("hex"));
  }
  assert.deepEqual(await manifestLines(directory, run), sums);
  const { spectra } = await directory.shelf.search({ run: [run], limit: 1000 });
  assert.deepEqual(spectra.map(({ file }) => file).sort(), [...names].sort());
  return names.length;
}

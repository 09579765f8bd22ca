// Temporary folders and data directories for tests.

import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { NEVER } from "../../src/base/abort.ts";
import { SILENT } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { DataDirectory, type DataDirectoryOptions } from "../../src/datadir/data-directory.ts";
import { isManifest, readManifest } from "../../src/datadir/checksums/manifest.ts";

/** A new folder that is removed after the test. */
export async function temporaryFolder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "vscope-datadir-"));
  // What is still open there may write meanwhile.
  t.after(() => rm(path, { recursive: true, force: true, maxRetries: 20 }));
  return path;
}

/** A data directory that is closed after the test. */
export async function openDirectory(
  t: TestContext,
  path: string,
  options: Partial<DataDirectoryOptions> = {},
): Promise<DataDirectory> {
  const directory = await DataDirectory.open({ path, clock: new VirtualClock(), log: SILENT, ...options });
  t.after(() => directory.close());
  return directory;
}

/** Every row of the catalogue. */
export async function allSpectra(directory: DataDirectory) {
  await directory.indexed();
  return (await directory.shelf.slice({}, { limit: 100_000, offset: 0 })).spectra;
}

/** The text of a spectra file. */
export async function readText(directory: DataDirectory, run: string, file: string): Promise<string> {
  const opened = await directory.shelf.openFile(run, file);
  return Buffer.from(await opened.read(0, opened.size, NEVER)).toString("utf8");
}

/** The sums in all manifests of a run, by file, in hexadecimal digits and in order of the names. */
export async function manifestLines(directory: DataDirectory, run: string): Promise<Map<string, string>> {
  const folder = join(directory.path, run);
  const sums: [string, string][] = [];
  for (const manifest of (await readdir(folder)).filter(isManifest)) {
    const { lines } = readManifest(await readFile(join(folder, manifest), "utf8"));
    for (const { name, sha256 } of lines) sums.push([name, Buffer.from(sha256).toString("hex")]);
  }
  assert.equal(new Set(sums.map(([name]) => name)).size, sums.length, "a file has two lines");
  return new Map(sums);
}

export const IGNORE = (): void => undefined;
export { NEVER };

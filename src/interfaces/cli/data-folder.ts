// Which data directory a command means: a folder on this machine, or that of the server.

import { readdir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { isManifest } from "../../datadir/checksums/manifest.ts";
import { ID_FILE } from "../../datadir/medium/identity.ts";
import { isRunFolderName } from "../../datadir/run-name.ts";
import { isSpectraFile } from "../../datadir/spectra-file-name.ts";
import { usageError } from "./exit-codes.ts";

/**
 * The folder, or undefined for the server's. Throws usage errors: opening a data directory makes it, and a mistyped path
 * must neither become one nor pass as one in which nothing is wrong.
 */
export async function localFolder(path: string | undefined, isServer: boolean): Promise<string | undefined> {
  if (path === undefined) {
    if (isServer) return undefined;
    throw usageError("which data directory? give its folder here, or --server");
  }
  if (isServer) throw usageError(`${path}, --server: one of them, a folder here or the server's`);
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() !== true) throw usageError(`${path}: no such folder`);
  await requireDataDirectory(path);
  return path;
}

// A folder that may not be read is told by whoever reads it.
async function requireDataDirectory(path: string): Promise<void> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => undefined);
  if (entries === undefined) return;
  for (const entry of entries)
    if (
      entry.isDirectory() &&
      isRunFolderName(entry.name) &&
      holdsSpectra(await namesIn(join(path, entry.name)))
    )
      return;
  const names = entries.map(({ name }) => name);
  if (holdsSpectra(names))
    throw usageError(`${path}: is a run, not a data directory; that is ${dirname(resolve(path))}`);
  if (!names.includes(ID_FILE)) throw usageError(`${path}: no data directory, there is no run in it`);
}

function namesIn(path: string): Promise<readonly string[]> {
  return readdir(path).catch(() => []);
}

function holdsSpectra(names: readonly string[]): boolean {
  return names.some((name) => isSpectraFile(name) || isManifest(name));
}

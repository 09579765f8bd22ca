// Exports that hold the files of a run as they are: those that are wanted, or all that belongs to the run in one zip file.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { VscopeError } from "../base/errors.ts";
import { CONFIGURATION_FILE } from "../datadir/instrument-archive.ts";
import { isSegment } from "../datadir/run-name.ts";
import { isSpectraFile } from "../datadir/spectra-file-name.ts";
import type { Sink } from "../formats/format.ts";
import { compareText } from "../spectra/pico.ts";
import { checksumsOf, hashOf } from "./input-run.ts";
import type { BrokenFile, RunChecksums } from "./run-checksums.ts";
import { writeZip, type ZipEntry } from "./zip-file.ts";

type OnProgress = (done: number, of: number, text: string) => void;

/** What is being written has no name yet. */
const UNFINISHED = ".part";

/**
 * Copies these files, or all spectra files, as they are. Returns which of them are not what was recorded. Throws
 * RESOURCE_NOT_FOUND when there is none.
 */
export async function copyFiles(
  folder: string,
  wanted: readonly string[] | undefined,
  sink: Sink,
  onProgress: OnProgress,
): Promise<readonly BrokenFile[]> {
  const checksums = await checksumsOf(folder);
  const names = wanted ?? namesIn(folder).filter(isSpectraFile);
  if (names.length === 0)
    throw new VscopeError("RESOURCE_NOT_FOUND", `${nameOf(folder)}: no spectra file fits the selection`);
  const sums = new Map<string, string>();
  for (const [index, name] of names.entries()) {
    const bytes = readFileSync(join(folder, name));
    sums.set(name, hashOf(bytes));
    const file = sink.file(name);
    file.append(bytes);
    file.close();
    onProgress(index + 1, names.length, "files copied");
  }
  return [...(wanted === undefined ? checksums.missing(names) : []), ...changedIn(sums, checksums)];
}

/**
 * The run with its manifests and events, and the instrument configuration beside them. Returns which files are not what was
 * recorded: they are in it as they are.
 */
export async function zipRun(
  { folder, configuration }: { readonly folder: string; readonly configuration?: string },
  sink: Sink,
  onProgress: OnProgress,
): Promise<readonly BrokenFile[]> {
  const run = nameOf(folder);
  const checksums = await checksumsOf(folder);
  const names = namesIn(folder);
  const own = names.map((name) => ({ name: `${run}/${name}`, path: join(folder, name) }));
  const entries = [...own, ...configurationOf(run, own, configuration)];
  const tell = (done: number, of: number): void => onProgress(done, of, "files packed");
  const packed = await writeZip(entries, sink.file(`${run}.zip`), tell);
  const sums = new Map(names.map((name) => [name, packed.get(`${run}/${name}`) ?? ""]));
  return [...checksums.missing(names), ...changedIn(sums, checksums)];
}

function changedIn(sums: ReadonlyMap<string, string>, checksums: RunChecksums): readonly BrokenFile[] {
  return [...sums].flatMap(([file, sum]) => {
    const problem = checksums.problemOf(file, sum);
    return problem === undefined ? [] : [{ file, problem }];
  });
}

// A run that was brought home can have its own.
function configurationOf(
  run: string,
  own: readonly ZipEntry[],
  path: string | undefined,
): readonly ZipEntry[] {
  if (path === undefined || !existsSync(path)) return [];
  const name = `${run}/${CONFIGURATION_FILE}`;
  return own.some((one) => one.name === name) ? [] : [{ name, path }];
}

/** All files that are whole, in order. */
function namesIn(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && isSegment(entry.name) && !entry.name.endsWith(UNFINISHED))
    .map(({ name }) => name)
    .sort(compareText);
}

function nameOf(folder: string): string {
  return basename(resolve(folder));
}

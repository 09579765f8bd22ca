// Exports that hold the files of a run as they are: those that are wanted, or all that belongs to the run in one zip file.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { messageOf, VscopeError } from "../base/errors.ts";
import { CONFIGURATION_FILE } from "../datadir/instrument-archive.ts";
import { isSegment } from "../datadir/run-name.ts";
import { isSpectraFile } from "../datadir/spectra-file-name.ts";
import type { Sink } from "../formats/format.ts";
import { compareText } from "../spectra/pico.ts";
import { writeZip, type ZipEntry } from "./zip-file.ts";

type OnProgress = (done: number, of: number, text: string) => void;

/** What is being written has no name yet. */
const UNFINISHED = ".part";

/** Copies these files, or all spectra files. Throws RESOURCE_NOT_FOUND when there is none. */
export function copyFiles(
  folder: string,
  wanted: readonly string[] | undefined,
  sink: Sink,
  onProgress: OnProgress,
): void {
  const names = wanted ?? namesIn(folder).filter(isSpectraFile);
  if (names.length === 0)
    throw new VscopeError("RESOURCE_NOT_FOUND", `${nameOf(folder)}: no spectra file fits the selection`);
  for (const [index, name] of names.entries()) {
    const file = sink.file(name);
    file.append(readFileSync(join(folder, name)));
    file.close();
    onProgress(index + 1, names.length, "files copied");
  }
}

/** The run with its manifests and events, and the instrument configuration beside them. */
export async function zipRun(
  { folder, configuration }: { readonly folder: string; readonly configuration?: string },
  sink: Sink,
  onProgress: OnProgress,
): Promise<void> {
  const run = nameOf(folder);
  const own = namesIn(folder).map((name) => ({ name: `${run}/${name}`, path: join(folder, name) }));
  const entries = [...own, ...configurationOf(run, own, configuration)];
  await writeZip(entries, sink.file(`${run}.zip`), (done, of) => onProgress(done, of, "files packed"));
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
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isFile() && isSegment(entry.name) && !entry.name.endsWith(UNFINISHED))
      .map(({ name }) => name)
      .sort(compareText);
  } catch (error) {
    const fact = `${nameOf(folder)}: cannot be read (${messageOf(error)})`;
    throw new VscopeError("RESOURCE_NOT_FOUND", fact, { cause: error });
  }
}

function nameOf(folder: string): string {
  return basename(resolve(folder));
}

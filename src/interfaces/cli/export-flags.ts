// The options that `vscope export` and `vscope process` share, and the request that they make up.

import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { type Command, Option } from "commander";
import { definedOnly } from "../../base/defined-only.ts";
import { isVscopeError } from "../../base/errors.ts";
import { isSegment } from "../../datadir/run-name.ts";
import { isSpectraFile } from "../../datadir/spectra-file-name.ts";
import type { ExportFormat, ExportRequest } from "../../export/request.ts";
import { type Level, LEVELS } from "../../spectra/level.ts";
import { DARK_WAYS, type DarkWay } from "../../spectra/processing/dark-choice.ts";
import { usageError } from "./exit-codes.ts";
import { timeOption } from "./time-option.ts";
import { listOption } from "./value.ts";

export interface ExportFlags {
  readonly output: string;
  readonly level: Level;
  readonly format: ExportFormat;
  readonly dark: DarkWay;
  readonly index?: readonly string[];
  readonly uncertainty?: true;
  readonly calibration: readonly string[];
  readonly panel?: string;
  readonly serial?: string;
  readonly channel?: string;
  readonly from?: number;
  readonly to?: number;
  readonly dataDir?: string;
  readonly server?: true;
}

/** The rest of the options is the same for both. */
export function addExportOptions(
  command: Command,
  {
    formats,
    format,
    level,
  }: { readonly formats: readonly ExportFormat[] } & Pick<ExportFlags, "format" | "level">,
): Command {
  return command
    .requiredOption("-o, --output <dir>", "folder for the files; those that are there are not replaced")
    .addOption(new Option("--level <level>", "what to make").choices(LEVELS).default(level))
    .addOption(new Option("--format <format>", "of the files").choices(formats).default(format))
    .addOption(new Option("--dark <way>", "which darks to subtract").choices(DARK_WAYS).default("nearest"))
    .option(
      "--index <indices>",
      "with --level reflectance: NDVI, PRI or NAME=EXPRESSION, with commas between",
      listOption,
    )
    .option(
      "--uncertainty",
      "standard errors by the noise that the run itself shows, and those of calibrations",
    )
    .option(
      "--calibration <file>",
      "with --level radiance or reflectance: a calibration; can be given several times",
      (file: string, before: readonly string[]) => [...before, file],
      [],
    )
    .option(
      "--panel <file or name>",
      "with --level reflectance: by the white panel of this calibration, with --server the name there; vscope white records it",
    )
    .option("--serial <number>", "only the spectrometer with this serial number")
    .option("--channel <name>", "only this channel")
    .option(
      "--from <time>",
      "only exposures that began then or later: a day, or date, time and zone",
      timeOption("--from"),
    )
    .option("--to <time>", "only exposures that began before", timeOption("--to"))
    .option("--data-dir <dir>", "data directory of this machine that has the run")
    .option("--server", "of the server's data directory, by its calibrations; the files come here");
}

export function requestOf(run: string, files: readonly string[], flags: ExportFlags): ExportRequest {
  const { format, level, dark, index: indices, uncertainty, serial, channel, from, to, panel } = flags;
  return {
    run,
    format,
    level,
    dark,
    ...definedOnly({ indices, uncertainty, panel, serial, channel, fromUtcUs: from, toUtcUs: to }),
    ...(files.length > 0 && { files }),
  };
}

/** The folder of a run of this machine, and the files that are meant; none means all. Throws usage errors. */
export async function placeOf(what: string, files: readonly string[], dataDir: string | undefined) {
  const path = resolve(dataDir === undefined ? what : join(dataDir, what));
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() === true) {
    await requireRun(path);
    return { folder: path, files };
  }
  if (found?.isFile() === true && path.endsWith(".pico") && files.length === 0)
    return { folder: dirname(path), files: [basename(path)] };
  throw usageError(`${path}: no folder of a run here, and no .pico file`);
}

// Of a data directory the folders have spectra files, not itself.
async function requireRun(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  if (entries.some(({ name }) => isSpectraFile(name))) return;
  for (const entry of entries.filter((one) => one.isDirectory() && isSegment(one.name))) {
    const names = await readdir(join(folder, entry.name)).catch(() => []);
    if (names.some(isSpectraFile))
      throw usageError(
        `${folder}: is a data directory: give a run, such as ${entry.name} --data-dir ${folder}`,
      );
  }
}

/** What the request itself has wrong is a mistake on the command line. */
export function usageOf(error: unknown): unknown {
  return isVscopeError(error, "VALUE_INVALID") ? usageError(error.message) : error;
}

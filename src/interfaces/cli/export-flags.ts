// The options that `vscope export` and `vscope process` share, and the request that they make up.

import { stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { type Command, Option } from "commander";
import { MS } from "../../base/clock.ts";
import { definedOnly } from "../../base/defined-only.ts";
import { isVscopeError } from "../../base/errors.ts";
import type { ExportFormat, ExportRequest } from "../../export/request.ts";
import { isoTime } from "../../resources/iso-time.ts";
import { type Level, LEVELS } from "../../spectra/level.ts";
import { DARK_WAYS, type DarkWay } from "../../spectra/processing/dark-choice.ts";
import { usageError } from "./exit-codes.ts";
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
    .option("--from <time>", "only exposures that began at this time or later", timeOption("--from"))
    .option("--to <time>", "only exposures that began before this time", timeOption("--to"))
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
  if (found?.isDirectory() === true) return { folder: path, files };
  if (found?.isFile() === true && path.endsWith(".pico") && files.length === 0)
    return { folder: dirname(path), files: [basename(path)] };
  throw usageError(`${path}: no folder of a run here, and no .pico file`);
}

/** What the request itself has wrong is a mistake on the command line. */
export function usageOf(error: unknown): unknown {
  return isVscopeError(error, "VALUE_INVALID") ? usageError(error.message) : error;
}

function timeOption(name: string): (text: string) => number {
  return (text) => {
    const time = isoTime.safeParse(text);
    if (time.success) return Date.parse(time.data) * MS;
    throw usageError(`${name}: "${text}" is not a date, time and zone such as 2026-06-21T12:00:00Z`);
  };
}

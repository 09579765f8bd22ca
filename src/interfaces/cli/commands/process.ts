// vscope process: the spectra of a run on this machine as corrected counts, radiances or reflectances, in files for other
// programs, with band indices. Needs no server.

import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type Command, Option } from "commander";
import { messageOf, VscopeError } from "../../../base/errors.ts";
import { grouped } from "../../../base/grouped.ts";
import { FORMAT_NAMES, type FormatName } from "../../../formats/format.ts";
import { type Level, LEVELS } from "../../../spectra/level.ts";
import { type BandIndex, parseIndex } from "../../../spectra/processing/band-index.ts";
import { DARK_WAYS, type DarkWay } from "../../../spectra/processing/dark-choice.ts";
import { usageError } from "../exit-codes.ts";
import { command } from "../help.ts";
import { type ProcessReport, processRun } from "../process-run.ts";
import { startProgress } from "../progress.ts";
import type { Session } from "../session.ts";
import { printable } from "../value-text.ts";

interface Flags {
  readonly output: string;
  readonly level: Level;
  readonly format: FormatName;
  readonly dark: DarkWay;
  readonly index?: string;
  readonly uncertainty?: true;
  readonly calibration: readonly string[];
  readonly serial?: string;
  readonly channel?: string;
  readonly dataDir?: string;
}

export function processCommand(session: Session): Command {
  return command({
    name: "process",
    summary: "make reflectances, radiances or corrected counts of a local run",
    details:
      "a folder of a run, or .pico files of it; darks and downwelling lights are searched in the whole folder",
    examples: [
      "vscope process /data/plot10 --level reflectance --index NDVI,PRI --uncertainty -o plot10-reflectance",
      "vscope process plot10 --data-dir /data --level corrected --dark interpolated --format netcdf -o out",
      "vscope process plot10/b000001_s000000_light.pico --level radiance --calibration up.csv -o out",
      "vscope process plot10 --level reflectance --index 'red_edge=R750/R710w4' -o out",
    ],
  })
    .argument("<run>", "folder of a run, its name with --data-dir, or a .pico file")
    .argument("[file...]", "only these files of the run")
    .requiredOption("-o, --output <dir>", "folder for the products; files that are there are not replaced")
    .addOption(new Option("--level <level>", "what to make").choices(LEVELS).default("corrected"))
    .addOption(new Option("--format <format>", "of the products").choices(FORMAT_NAMES).default("csv"))
    .addOption(new Option("--dark <way>", "which darks to subtract").choices(DARK_WAYS).default("nearest"))
    .option(
      "--index <indices>",
      "with --level reflectance: NDVI, PRI or NAME=EXPRESSION, with commas between",
    )
    .option("--uncertainty", "standard errors by the noise that the run itself shows")
    .option(
      "--calibration <file>",
      "with --level radiance: a calibration; can be given several times",
      collect,
      [],
    )
    .option("--serial <number>", "only the spectrometer with this serial number")
    .option("--channel <name>", "only this channel")
    .option("--data-dir <dir>", "data directory of this machine that has the run")
    .action(async (run: string, files: readonly string[], flags: Flags) =>
      process(session, run, files, flags),
    );
}

function collect(file: string, before: readonly string[]): readonly string[] {
  return [...before, file];
}

async function process(
  session: Session,
  what: string,
  files: readonly string[],
  flags: Flags,
): Promise<void> {
  const request = {
    ...flags,
    ...(await placeOf(what, files, flags.dataDir)),
    indices: indicesOf(flags),
    calibrationFiles: flags.calibration,
    isUncertaintyWanted: flags.uncertainty === true,
  };
  const { clock, terminal, isJson } = session;
  const progress = startProgress({ terminal, clock, label: "process", isQuiet: isJson });
  try {
    const report = await processRun(session, request, progress);
    progress.finish();
    tell(session, report);
    if (report.products.length === 0)
      throw new VscopeError("RESOURCE_NOT_FOUND", `${what}: no spectrum could be processed`);
  } finally {
    progress.finish();
  }
}

function indicesOf({ index, level }: Flags): readonly BandIndex[] {
  if (index === undefined) return [];
  if (level !== "reflectance")
    throw usageError("--index: indices are of reflectance, give --level reflectance");
  const indices = index.split(",").map(indexOf);
  const names = new Set(indices.map(({ name }) => name));
  if (names.size < indices.length) throw usageError("--index: a name is given twice");
  return indices;
}

function indexOf(text: string): BandIndex {
  try {
    return parseIndex(text);
  } catch (error) {
    throw usageError(`--index: ${messageOf(error)}`);
  }
}

/** The folder of the run, and the files that are meant; none means all. */
async function placeOf(what: string, files: readonly string[], dataDir: string | undefined) {
  const path = dataDir === undefined ? what : join(dataDir, what);
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() === true) return { folder: path, files };
  if (found?.isFile() === true && path.endsWith(".pico") && files.length === 0)
    return { folder: dirname(path), files: [basename(path)] };
  throw usageError(`${path}: no folder of a run here, and no .pico file`);
}

function tell(session: Session, report: ProcessReport): void {
  const { products, leftOut, broken, files } = report;
  for (const { file, problem } of broken) session.say(`${printable(file)}: ${printable(problem)}`);
  for (const [reason, all] of grouped(leftOut, (one) => one.reason))
    session.say(`left out ${all.length}, such as ${printable(all[0]?.id ?? "")}: ${printable(reason)}`);
  session.print(report, () => {
    const spectra = products.reduce((sum, product) => sum + product.spectra, 0);
    return `${spectra} spectra in ${products.length} products, ${files} files, ${leftOut.length} left out`;
  });
}

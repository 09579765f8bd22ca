// What `vscope export` and `vscope process` do: an export here or on the server, its progress, and what became of it.

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { isoUtc } from "../../base/clock.ts";
import { definedOnly } from "../../base/defined-only.ts";
import { messageOf, systemCodeOf, VscopeError } from "../../base/errors.ts";
import { parseInstrumentConfig } from "../../config/instrument-config.ts";
import { SYSTEM_DISK } from "../../datadir/disk/disk.ts";
import {
  CONFIGURATION_FILE,
  INSTRUMENT_FOLDER,
  InstrumentArchive,
  usedName,
} from "../../datadir/instrument-archive.ts";
import { archivedCalibrations } from "../../export/archived-calibrations.ts";
import { runInThread } from "../../export/export-thread.ts";
import { hashOf } from "../../export/input-run.ts";
import { intoFolder } from "../../export/into-folder.ts";
import type { WhitePanel } from "../../export/panel-shelf.ts";
import { checkRequest, type OwnFacts, withOwnIndices } from "../../export/request.ts";
import type { ExportReport } from "../../export/pipeline.ts";
import { readCalibrationText, required } from "../../spectra/calibration-file.ts";
import { panelOf } from "../../spectra/panel.ts";
import { type RadiometricCalibration, radiometricCalibrationOf } from "../../spectra/radiometric.ts";
import { amount } from "./amount.ts";
import { usageError } from "./exit-codes.ts";
import { type ExportFlags, placeOf, requestOf, usageOf } from "./export-flags.ts";
import { exportThere } from "./export-there.ts";
import { startProgress } from "./progress.ts";
import type { Session } from "./session.ts";
import { printable } from "./value-text.ts";
import { packageVersion } from "./version.ts";

const NOTHING_OWN: OwnFacts = { indices: {}, dataset: {} };

export async function runExport(
  session: Session,
  what: string,
  files: readonly string[],
  flags: ExportFlags,
): Promise<void> {
  const { clock, terminal, isJson } = session;
  const progress = startProgress({ terminal, clock, label: "export", isQuiet: isJson });
  const onProgress = (done: number, of: number, text: string): void => progress.update(done, of, text);
  try {
    const make = flags.server === true ? exportThere : exportHere;
    const report = await make(session, { what, files, flags, onProgress });
    progress.finish();
    tell(session, report);
  } catch (error) {
    throw usageOf(error);
  } finally {
    progress.finish();
  }
}

interface Asked {
  readonly what: string;
  readonly files: readonly string[];
  readonly flags: ExportFlags;
  readonly onProgress: (done: number, of: number, text: string) => void;
}

/** Throws usage errors and why it failed; then nothing is here. */
export async function exportHere(
  session: Session,
  { what, files, flags, onProgress }: Asked,
): Promise<ExportReport> {
  const place = await placeOf(what, files, flags.dataDir);
  const archive = archiveAt(dirname(place.folder));
  const configuration = await configurationOf(dirname(place.folder), archive);
  const own = await readOwn(session, configuration);
  const request = withOwnIndices(requestOf(basename(place.folder), place.files, flags), own);
  checkRequest(request);
  const task = {
    request,
    folder: place.folder,
    calibrations: await calibrationsOf(session, flags, archive),
    ...definedOnly({ panel: await readPanel(flags) }),
    configuration,
    dataset: own.dataset,
    software: `vscope-server ${packageVersion()}`,
    madeUtc: isoUtc(session.clock.utcUs()),
  };
  return intoFolder(flags.output, (output, target) =>
    runInThread({ ...task, output, target }, onProgress, session.signal),
  );
}

function archiveAt(folder: string): InstrumentArchive {
  return new InstrumentArchive({ disk: SYSTEM_DISK, folder: async () => folder });
}

/** Of the data directory that the run lies in; in a copy the one that the server has used last. */
async function configurationOf(folder: string, archive: InstrumentArchive): Promise<string> {
  const own = join(folder, CONFIGURATION_FILE);
  if (existsSync(own)) return own;
  const newest = (await archive.whole().catch(() => [])).at(-1);
  const lines = newest === undefined ? [] : await archive.lines(newest);
  const used = lines.find(({ name }) => usedName(name) === CONFIGURATION_FILE);
  return used === undefined ? own : join(folder, INSTRUMENT_FOLDER, used.name);
}

// A folder of a run alone has none.
async function readOwn(session: Session, path: string): Promise<OwnFacts> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return NOTHING_OWN;
  try {
    return parseInstrumentConfig(text, CONFIGURATION_FILE).config;
  } catch (error) {
    session.say(`not used: ${printable(messageOf(error))}`);
    return NOTHING_OWN;
  }
}

/** Those that are given, or those that the data directory was recorded with. */
async function calibrationsOf(
  session: Session,
  { calibration: files, level, panel }: ExportFlags,
  archive: InstrumentArchive,
): Promise<readonly RadiometricCalibration[]> {
  const mayHave = level === "radiance" || (level === "reflectance" && panel === undefined);
  if (files.length > 0 && panel !== undefined)
    throw usageError("--calibration: a reflectance by --panel needs none");
  if (files.length > 0 && !mayHave) throw usageError("--calibration: give --level radiance or reflectance");
  if (files.length > 0 || !mayHave) return readCalibrations(files);
  const kept = await archivedCalibrations(archive);
  if (kept.length > 0)
    session.say(`calibrations: those in use at the time of each spectrum, from ${INSTRUMENT_FOLDER}`);
  else if (level === "radiance") {
    const fact = `needs --calibration FILE, one of each spectrometer and channel; none is in ${INSTRUMENT_FOLDER}`;
    throw usageError(`--level radiance: ${fact}`);
  }
  return kept;
}

async function readCalibrations(files: readonly string[]): Promise<readonly RadiometricCalibration[]> {
  const found: RadiometricCalibration[] = [];
  for (const file of files) {
    const read = await readCalibration(file);
    if (found.some(({ serial, channel }) => serial === read.serial && channel === read.channel))
      throw usageError(`--calibration ${file}: there is one of ${read.serial} ${read.channel} already`);
    found.push(read);
  }
  return found;
}

async function readCalibration(file: string): Promise<RadiometricCalibration> {
  const { text, sha256 } = await readText(file);
  const of = { serial: required(text, "serial"), channel: required(text, "channel") };
  return { ...radiometricCalibrationOf(text, of), sha256 };
}

async function readPanel({ panel: file }: ExportFlags): Promise<WhitePanel | undefined> {
  if (file === undefined) return undefined;
  const { text, sha256 } = await readText(file);
  const serial = required(text, "serial");
  return { ...panelOf(text, { name: text.fileName, serial, validDays: 0 }), sha256 };
}

async function readText(file: string) {
  const bytes = await readFile(file).catch((error: unknown) => {
    const why = systemCodeOf(error) === "ENOENT" ? "is not there" : `cannot be read: ${messageOf(error)}`;
    throw new VscopeError("CONFIG_INVALID", `${file}: ${why}`, { cause: error });
  });
  return { text: readCalibrationText(bytes.toString(), basename(file)), sha256: hashOf(bytes) };
}

function tell(session: Session, report: ExportReport): void {
  const { products, leftOut, broken, files } = report;
  for (const { file, problem } of broken) session.say(`${printable(file)}: ${printable(problem)}`);
  for (const { reason, spectra, first } of leftOut)
    session.say(`left out ${spectra}, such as ${printable(first)}: ${printable(reason)}`);
  session.print(report, () => {
    const written = amount(files.length, "file");
    if (products.length === 0) return written;
    const made = `${amount(sum(products), "spectrum", "spectra")} in ${amount(products.length, "product")}`;
    return `${made}, ${written}, ${sum(leftOut)} left out`;
  });
  if (broken.length === 0) return;
  const fact = `${amount(broken.length, "file")} of the run cannot be read, changed, or missing`;
  throw new VscopeError("DATADIR_IO", `${fact}: see above`);
}

function sum(parts: readonly { readonly spectra: number }[]): number {
  return parts.reduce((total, { spectra }) => total + spectra, 0);
}

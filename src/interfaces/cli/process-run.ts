// A run from its files to products: read, plan, noise, write.

import { mkdir, readFile } from "node:fs/promises";
import { basename } from "node:path";
import { type Clock, isoUtc } from "../../base/clock.ts";
import { messageOf, VscopeError } from "../../base/errors.ts";
import { folderSink } from "../../formats/folder-sink.ts";
import type { FormatName, Sink } from "../../formats/format.ts";
import { readCalibrationText, required } from "../../spectra/calibration-file.ts";
import type { Level } from "../../spectra/level.ts";
import type { BandIndex } from "../../spectra/processing/band-index.ts";
import type { DarkWay } from "../../spectra/processing/dark-choice.ts";
import type { ProductHead } from "../../spectra/processing/product.ts";
import { type RadiometricCalibration, radiometricCalibrationOf } from "../../spectra/radiometric.ts";
import { usageError } from "./exit-codes.ts";
import { IndexTable } from "./process-indices.ts";
import { hashOf, type Indexed, InputRun } from "./process-inputs.ts";
import { noiseOfRun } from "./process-noise.ts";
import { type LeftOut, planOf } from "./process-plan.ts";
import { type ProductParts, writeProduct } from "./process-products.ts";
import type { Progress } from "./progress.ts";
import { packageVersion } from "./version.ts";

export interface ProcessRequest {
  /** Of the run, and the files of it that are meant; none means all. */
  readonly folder: string;
  readonly files: readonly string[];
  readonly output: string;
  readonly level: Level;
  readonly format: FormatName;
  readonly dark: DarkWay;
  readonly indices: readonly BandIndex[];
  readonly isUncertaintyWanted: boolean;
  readonly calibrationFiles: readonly string[];
  readonly serial?: string;
  readonly channel?: string;
}

export interface ProcessReport {
  readonly products: readonly {
    readonly serial: string;
    readonly channel: string;
    readonly level: Level;
    readonly spectra: number;
    readonly hasUncertainty: boolean;
  }[];
  /** Number of files written. */
  readonly files: number;
  readonly leftOut: readonly LeftOut[];
  /** Files of the run that cannot be read. */
  readonly broken: InputRun["broken"];
}

interface Surroundings {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Throws usage errors before there is any file. */
export async function processRun(
  { clock, signal }: Surroundings,
  request: ProcessRequest,
  progress: Progress,
): Promise<ProcessReport> {
  const { level, dark } = request;
  const format = await formatFor(request);
  if (request.isUncertaintyWanted && level === "counts")
    throw usageError("--uncertainty: raw counts have no standard errors, give another --level");
  const calibrations = await readCalibrations(request);
  const onRead = (done: number, of: number): void => progress.update(done, of, "files read");
  const run = await InputRun.read(request.folder, onRead, signal);
  const isWanted = wantedBy(request, run);
  const plan = planOf(run, { level, dark, isWanted, calibrations: calibrations.map(({ made }) => made) });
  const noise = request.isUncertaintyWanted ? await noiseOfRun(run, dark, signal) : "nobody asked for it";
  await mkdir(request.output, { recursive: true });
  const sink = countedSink(request.output);
  const rows = new Map<ProductHead, number>();
  const leftOut = [...plan.leftOut];
  const table = new IndexTable(request.indices, sink);
  const all = plan.products.reduce((sum, product) => sum + product.rows.length, 0);
  let done = 0;
  const parts: ProductParts = {
    run,
    level,
    format,
    sink,
    noise,
    signal,
    calibrationHashes: new Map(calibrations.map(({ made, sha256 }) => [made.source, sha256])),
    software: `vscope-server ${packageVersion()}`,
    madeUtc: isoUtc(clock.utcUs()),
    onRow: (head, row) => {
      table.add(head, row);
      rows.set(head, (rows.get(head) ?? 0) + 1);
      done += 1;
      progress.update(done, all, "spectra");
    },
    onLeftOut: (left) => leftOut.push(left),
  };
  for (const product of plan.products) await writeProduct(product, parts);
  table.end();
  return { products: [...rows].map(productFacts), files: sink.files, leftOut, broken: run.broken };
}

function productFacts([{ serial, channel, level, hasUncertainty }, spectra]: readonly [ProductHead, number]) {
  return { serial, channel, level, spectra, hasUncertainty };
}

// The libraries of the formats are loaded by this command only.
async function formatFor({ format: name, level }: ProcessRequest) {
  const { FORMATS } = await import("../../formats/formats.ts");
  const format = FORMATS[name];
  if (format.levels.includes(level)) return format;
  throw usageError(`--format ${name}: holds ${format.levels.join(" and ")} only, not ${level}`);
}

function countedSink(folder: string): Sink & { readonly files: number } {
  const sink = folderSink(folder);
  let files = 0;
  return {
    file(name) {
      const file = sink.file(name);
      files += 1;
      return file;
    },
    get files() {
      return files;
    },
  };
}

function wantedBy({ files, serial, channel }: ProcessRequest, run: InputRun): (one: Indexed) => boolean {
  for (const file of files) {
    const isKnown = run.hashes.has(file) || run.broken.some((one) => one.file === file);
    if (!isKnown) throw usageError(`${file}: no such file in ${run.name}`);
  }
  return (one) =>
    (files.length === 0 || files.includes(one.file)) &&
    (serial === undefined || one.serial === serial) &&
    (channel === undefined || one.channel === channel);
}

interface CalibrationFile {
  readonly made: RadiometricCalibration;
  readonly sha256: string;
}

async function readCalibrations({
  calibrationFiles,
  level,
}: ProcessRequest): Promise<readonly CalibrationFile[]> {
  if (calibrationFiles.length > 0 && level !== "radiance")
    throw usageError("--calibration: is of radiances and irradiances, give --level radiance");
  if (calibrationFiles.length === 0 && level === "radiance")
    throw usageError("--level radiance: needs --calibration FILE, one of each spectrometer and channel");
  const found: CalibrationFile[] = [];
  for (const file of calibrationFiles) {
    const read = await readCalibration(file);
    const { serial, channel } = read.made;
    if (found.some(({ made }) => made.serial === serial && made.channel === channel))
      throw usageError(`--calibration ${file}: there is one of ${serial} ${channel} already`);
    found.push(read);
  }
  return found;
}

async function readCalibration(file: string): Promise<CalibrationFile> {
  const bytes = await readFile(file).catch((error: unknown) => {
    throw new VscopeError("CONFIG_INVALID", `${file}: cannot be read: ${messageOf(error)}`, { cause: error });
  });
  const text = readCalibrationText(bytes.toString(), basename(file));
  const of = { serial: required(text, "serial"), channel: required(text, "channel") };
  return { made: radiometricCalibrationOf(text, of), sha256: hashOf(bytes) };
}

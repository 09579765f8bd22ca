// A run from its files to files of a format: read, plan, noise, write. In a worker thread, for everything that computes
// or writes is synchronous.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { definedOnly } from "../base/defined-only.ts";
import { grouped } from "../base/grouped.ts";
import { VscopeError } from "../base/errors.ts";
import type { Sink } from "../formats/format.ts";
import { FORMATS } from "../formats/formats.ts";
import { parseIndex } from "../spectra/processing/band-index.ts";
import type { ProductHead } from "../spectra/processing/product.ts";
import type { GivenCalibration } from "./calibration-shelf.ts";
import { copyFiles, zipRun } from "./copies.ts";
import { type FileFacts, type OutputFolder, outputFolder } from "./output-folder.ts";
import { IndexTable } from "./index-table.ts";
import { type Indexed, InputRun } from "./input-run.ts";
import type { BrokenFile } from "./run-checksums.ts";
import type { WhitePanel } from "./panel-shelf.ts";
import { type LeftOut, type Plan, planOf } from "./product-plan.ts";
import { type ProductParts, writeProduct } from "./products.ts";
import { checkRequest, type ExportFormat, type ExportRequest, isCopy, isSelective } from "./request.ts";
import { noiseOfRun } from "./run-noise.ts";

/** All that an export needs; plain data, so that it can go to a thread. */
export interface ExportTask {
  readonly request: ExportRequest;
  /** Of the run. */
  readonly folder: string;
  /** Empty: all that is in there at the end is the export. */
  readonly output: string;
  /** Where the files go afterwards; names that are taken there are refused. */
  readonly target?: string;
  readonly calibrations: readonly GivenCalibration[];
  /** By which reflectance is made. */
  readonly panel?: WhitePanel;
  /** What the owner says of all data, by names of ACDD. */
  readonly dataset?: ProductHead["dataset"];
  /** The instrument configuration, for a copy of the whole run. */
  readonly configuration?: string;
  /** Whether several files come in one, too. */
  readonly isBundled?: boolean;
  readonly software: string;
  readonly madeUtc: string;
}

export interface ExportReport {
  readonly products: readonly {
    readonly serial: string;
    readonly channel: string;
    readonly level: string;
    readonly spectra: number;
    readonly hasUncertainty: boolean;
  }[];
  readonly files: readonly FileFacts[];
  /** Spectra without product, by reason. */
  readonly leftOut: readonly { readonly reason: string; readonly spectra: number; readonly first: string }[];
  /** Files of the run that cannot be read, are not what was recorded, or are gone. Copies have them as they are, products not. */
  readonly broken: readonly BrokenFile[];
}

/** All files of an export in one. */
export const BUNDLE = "all.zip";

export type OnProgress = (done: number, of: number, text: string) => void;

/** Throws VALUE_INVALID, RESOURCE_NOT_FOUND and STATE_CONFLICT before there is a file; then DATADIR_FULL, DATADIR_IO. */
export async function exportRun(task: ExportTask, onProgress: OnProgress): Promise<ExportReport> {
  const { request, output, target, isBundled = false } = task;
  checkRequest(request);
  const sink = outputFolder(output, target);
  const made = isCopy(request.format)
    ? await copied(task, request.format, sink, onProgress)
    : await processed(task, sink, onProgress);
  if (isBundled && sink.names.length > 1) await sink.bundle(BUNDLE, onProgress);
  return { ...made, files: sink.facts() };
}

type Made = Omit<ExportReport, "files">;

async function copied(
  task: ExportTask,
  format: Extract<ExportFormat, "pico" | "zip">,
  sink: OutputFolder,
  onProgress: OnProgress,
): Promise<Made> {
  const { request, folder } = task;
  if (format === "zip") return copy(await zipRun(task, sink, onProgress));
  // Without a selection nothing has to be understood.
  const run = isSelective(request) ? await InputRun.read(folder, told(onProgress, "files read")) : undefined;
  const wanted = run && new Set(run.spectra.filter(wantedBy(request, run)).map(({ file }) => file));
  const named = wanted && [...wanted, ...brokenNamed(run, request, folder)];
  const changed = await copyFiles(folder, named, sink, onProgress);
  const others = (run?.broken ?? []).filter(({ file }) => !changed.some((one) => one.file === file));
  return copy([...others, ...changed]);
}

/** Who names a file wants it as it is. */
function brokenNamed(
  run: InputRun | undefined,
  { files = [] }: ExportRequest,
  folder: string,
): readonly string[] {
  const names = (run?.broken ?? []).map(({ file }) => file).filter((file) => files.includes(file));
  return names.filter((file) => existsSync(join(folder, file)));
}

function copy(broken: Made["broken"]): Made {
  return { products: [], leftOut: [], broken };
}

async function processed(task: ExportTask, sink: Sink, onProgress: OnProgress): Promise<Made> {
  const { request, calibrations, panel } = task;
  const { level, dark = "nearest", uncertainty = false } = request;
  const run = await InputRun.read(task.folder, told(onProgress, "files read"));
  const isWanted = wantedBy(request, run);
  const plan = planOf(run, { level, dark, isWanted, calibrations, ...definedOnly({ panel }) });
  if (plan.products.length === 0) throw nothingMade(run.name, plan.leftOut, whyNone(run, level, isWanted));
  const noise = uncertainty ? await noiseOfRun(run, dark) : "nobody asked for it";
  const { rows, leftOut } = await written(plan, { ...partsOf(task), run, noise, sink }, onProgress);
  if (rows.size === 0) throw nothingMade(run.name, leftOut);
  return { products: [...rows].map(productFacts), leftOut: summaryOf(leftOut), broken: run.broken };
}

async function written(
  plan: Plan,
  parts: Omit<ProductParts, "onRow" | "onLeftOut"> & { readonly indices: readonly string[] },
  onProgress: OnProgress,
) {
  const rows = new Map<ProductHead, number>();
  const leftOut: LeftOut[] = [...plan.leftOut];
  const table = new IndexTable(parts.indices.map(parseIndex), parts.sink);
  const all = plan.products.reduce((sum, product) => sum + product.rows.length, 0);
  let done = 0;
  const step = (): void => onProgress((done += 1), all, "spectra");
  for (const product of plan.products)
    await writeProduct(product, {
      ...parts,
      onRow: (head, row) => {
        table.add(head, row);
        rows.set(head, (rows.get(head) ?? 0) + 1);
        step();
      },
      onLeftOut: (left) => {
        leftOut.push(left);
        step();
      },
    });
  table.end();
  return { rows, leftOut };
}

function partsOf({ request, dataset, panel, software, madeUtc }: ExportTask) {
  const { level, format, indices = [] } = request;
  if (isCopy(format)) throw new VscopeError("INTERNAL", `${format}: is copied, not processed`);
  return { level, format: FORMATS[format], indices, dataset, panel, software, madeUtc };
}

function told(onProgress: OnProgress, text: string): (done: number, of: number) => void {
  return (done, of) => onProgress(done, of, text);
}

function wantedBy(request: ExportRequest, run: InputRun): (one: Indexed) => boolean {
  const { serial, channel, kind, batches, fromUtcUs = -Infinity, toUtcUs = Infinity, files } = request;
  for (const file of files ?? []) {
    const isKnown = run.hashes.has(file) || run.broken.some((one) => one.file === file);
    if (!isKnown) throw new VscopeError("VALUE_INVALID", `${file}: no such file in ${run.name}`);
  }
  const names = files && new Set(files);
  const [firstBatch, lastBatch] = batches ?? [-Infinity, Infinity];
  return (one) =>
    (serial === undefined || one.serial === serial) &&
    (channel === undefined || one.channel === channel) &&
    (kind === undefined || one.kind === kind) &&
    (names === undefined || names.has(one.file)) &&
    (batches === undefined || ((one.batch ?? -1) >= firstBatch && (one.batch ?? -1) <= lastBatch)) &&
    one.exposureStartUtcUs >= fromUtcUs &&
    one.exposureStartUtcUs < toUtcUs;
}

function productFacts([{ serial, channel, level, hasUncertainty }, spectra]: readonly [ProductHead, number]) {
  return { serial, channel, level, spectra, hasUncertainty };
}

function summaryOf(leftOut: readonly LeftOut[]): ExportReport["leftOut"] {
  const byReason = grouped(leftOut, ({ reason }) => reason);
  return [...byReason].map(([reason, all]) => ({ reason, spectra: all.length, first: all[0]?.id ?? "" }));
}

function whyNone(run: InputRun, level: string, isWanted: (one: Indexed) => boolean): string {
  if (!run.spectra.some(isWanted)) return "none fits the selection";
  const others = level === "reflectance" ? ", of downwelling light or of a panel" : "";
  return `all that fit are dark${others}`;
}

function nothingMade(run: string, leftOut: readonly LeftOut[], none = "there is none"): VscopeError {
  const reasons = summaryOf(leftOut).map(({ reason, spectra }) => `${reason} (${spectra})`);
  const why = reasons.length === 0 ? none : reasons.slice(0, 3).join("; ");
  return new VscopeError("RESOURCE_NOT_FOUND", `${run}: no spectrum could be processed, ${why}`);
}

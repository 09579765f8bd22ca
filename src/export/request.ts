// What an export is asked for, and what is refused before anything is read or written.

import { VscopeError } from "../base/errors.ts";
import { FORMAT_NAMES, type FormatName } from "../formats/format.ts";
import { FORMATS } from "../formats/formats.ts";
import type { Level } from "../spectra/level.ts";
import { parseIndex } from "../spectra/processing/band-index.ts";
import type { DarkWay } from "../spectra/processing/dark-choice.ts";
import type { SpectrumKind } from "../spectra/spectrum.ts";

/** Of `pico` the files that have what is wanted, as they are; of `zip` the whole run in one file. */
export const EXPORT_FORMATS = [...FORMAT_NAMES, "pico", "zip"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** Which spectra are meant; all when nothing is given. */
export interface Selection {
  readonly serial?: string;
  readonly channel?: string;
  readonly kind?: SpectrumKind;
  /** First and last. */
  readonly batches?: readonly [number, number];
  /** Of the start of the exposure: from the first moment on, before the second. */
  readonly fromUtcUs?: number;
  readonly toUtcUs?: number;
  /** Of the run, by name. */
  readonly files?: readonly string[];
}

export interface ExportRequest extends Selection {
  readonly run: string;
  readonly format: ExportFormat;
  readonly level: Level;
  /** `nearest` when absent. */
  readonly dark?: DarkWay;
  /** Of reflectance: names, or NAME=EXPRESSION. */
  readonly indices?: readonly string[];
  /** Standard errors, and systematic ones where the calibrations tell them. */
  readonly uncertainty?: boolean;
  /** Of reflectance: by this white panel, which the server has configured, or the command line has a file of. */
  readonly panel?: string;
}

/** Throws VALUE_INVALID with the reason. */
export function checkRequest(request: ExportRequest): void {
  const { format, level, uncertainty = false, indices = [], panel } = request;
  if (isCopy(format)) checkCopy(request);
  else if (!FORMATS[format].levels.includes(level))
    throw invalid(`format ${format}: holds ${FORMATS[format].levels.join(" and ")} only, not ${level}`);
  if (uncertainty && level === "counts")
    throw invalid("uncertainty: raw counts have no standard errors, ask for another level");
  if (indices.length > 0 && level !== "reflectance")
    throw invalid("index: indices are of reflectance, ask for level reflectance");
  if (panel !== undefined && level !== "reflectance")
    throw invalid("panel: is of reflectances, ask for level reflectance");
  const names = new Set(indices.map((text) => parseIndex(text).name));
  if (names.size < indices.length) throw invalid("index: a name is given twice");
}

/** What the owner has configured: indices by name, and what is told of all data, by names of ACDD. */
export interface OwnFacts {
  readonly indices: Readonly<Record<string, string>>;
  readonly dataset: Readonly<Record<string, string>>;
}

/** With the expressions of indices that are asked for by the owner's names. */
export function withOwnIndices(request: ExportRequest, { indices: own }: OwnFacts): ExportRequest {
  const { indices } = request;
  if (indices === undefined) return request;
  return {
    ...request,
    indices: indices.map((name) => (Object.hasOwn(own, name) ? `${name}=${own[name]}` : name)),
  };
}

export function isCopy(format: ExportFormat): format is Exclude<ExportFormat, FormatName> {
  return format === "pico" || format === "zip";
}

export function isSelective(request: Selection): boolean {
  const { serial, channel, kind, batches, fromUtcUs, toUtcUs, files } = request;
  return [serial, channel, kind, batches, fromUtcUs, toUtcUs, files].some((one) => one !== undefined);
}

function checkCopy(request: ExportRequest): void {
  const { format, level } = request;
  if (level !== "counts") throw invalid(`format ${format}: holds counts only, not ${level}`);
  if (format === "zip" && isSelective(request))
    throw invalid("format zip: holds the whole run, no selection");
}

function invalid(message: string): VscopeError {
  return new VscopeError("VALUE_INVALID", message);
}

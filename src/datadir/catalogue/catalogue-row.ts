// Rows of the catalogue: everything about a spectrum but its counts, and how SQLite stores it.

import { type PicoFile, type PicoSpectrum, saturatedPixels } from "../../spectra/pico.ts";
import { peakCounts } from "../../spectra/spectrum.ts";
import { parseSpectraFileName } from "../spectra-file-name.ts";

/** A spectra file by run and name. */
export interface FileReference {
  readonly run: string;
  readonly file: string;
}

/** A spectra file as the catalogue knows it. */
export interface FileRow extends FileReference {
  readonly bytes: number;
  readonly modifiedUtcUs: number;
  /** Of the bytes; null when nobody has told. */
  readonly sha256: Uint8Array | null;
  readonly spectra: number;
  /** Spectra that should have been recorded and could not be. */
  readonly failures: number;
  /** Why the file cannot be read; null when all is well. */
  readonly problem: string | null;
}

/** A file with what the catalogue takes from it. */
export interface CataloguedFile {
  readonly file: FileRow;
  readonly spectra: readonly SpectrumRow[];
  /** Who began the recording; null where the file does not tell. */
  readonly origin: string | null;
  /** What can be searched as text beside the name of the run: the origin, and the failures. */
  readonly texts: readonly string[];
}

/** What only the file tells. */
type Uncatalogued =
  | "counts"
  | "origin"
  | "triggerMode"
  | "bracket"
  | "panel"
  | "startSkewUs"
  | "darkAgeS"
  | "darkFile"
  | "clockSource"
  | "place"
  | "sun"
  | "statistics"
  | "processing";

/** Everything about a spectrum but its counts. Null: the file does not tell. */
export interface SpectrumRow extends Omit<PicoSpectrum, Uncatalogued | "run">, FileReference {
  /** `run/file/position`: the same after the catalogue was rebuilt. */
  readonly id: string;
  /** Index within the file, from 0. */
  readonly position: number;
  readonly pixels: number;
  /** Largest counts and saturated pixels within the optical range. */
  readonly peakCounts: number;
  readonly saturatedPixels: number;
  readonly latitudeDeg: number | null;
  readonly longitudeDeg: number | null;
  readonly heightM: number | null;
  readonly sunElevationDeg: number | null;
  readonly sunAzimuthDeg: number | null;
}

type JsonColumn =
  | "flags"
  | "wavelengthCoefficients"
  | "channelWavelengthCoefficients"
  | "nonlinearityCoefficients"
  | "darkPixels"
  | "opticalPixelRange";

/** A spectrum as SQLite gives it: arrays as JSON, booleans as 0 and 1. */
export type StoredSpectrum = Omit<SpectrumRow, "id" | "tecEnabled" | "isSimulated" | JsonColumn> & {
  readonly tecEnabled: number;
  readonly isSimulated: number | null;
} & { readonly [column in JsonColumn]: string };

/** What the catalogue takes from a file that was read. */
export function cataloguedFile(
  file: Omit<FileRow, "spectra" | "failures" | "problem">,
  content: PicoFile,
): CataloguedFile {
  const spectra = spectrumRows(file, content);
  const counts = { spectra: spectra.length, failures: content.failures.length, problem: null };
  const origin = content.spectra[0]?.origin ?? null;
  const failures = content.failures.map(
    ({ serial, channel, code, message }) => `${serial} ${channel} ${code} ${message}`,
  );
  return {
    file: { ...file, ...counts },
    spectra,
    origin,
    texts: [...new Set(origin === null ? failures : [origin, ...failures])],
  };
}

/** What the catalogue takes from a file that cannot be read. */
export function brokenFile(
  file: Omit<FileRow, "spectra" | "failures" | "problem">,
  problem: string,
): CataloguedFile {
  return { file: { ...file, spectra: 0, failures: 0, problem }, spectra: [], origin: null, texts: [] };
}

/** The rows of a file. Run, batch and sequence come from where the file is and its name, if that tells them. */
function spectrumRows({ run, file }: FileReference, content: PicoFile): SpectrumRow[] {
  const named = parseSpectraFileName(file);
  return content.spectra.map((spectrum, position) => {
    const metadata = catalogued(spectrum);
    return {
      ...metadata,
      id: spectrumId({ run, file, position }),
      run,
      file,
      position,
      batch: named?.batch ?? metadata.batch,
      sequence: named?.sequence ?? metadata.sequence,
      pixels: spectrum.counts.length,
      peakCounts: peakCounts(spectrum.counts, metadata.opticalPixelRange),
      saturatedPixels: saturatedPixels(spectrum),
      latitudeDeg: spectrum.place?.latitudeDeg ?? null,
      longitudeDeg: spectrum.place?.longitudeDeg ?? null,
      heightM: spectrum.place?.heightM ?? null,
      sunElevationDeg: spectrum.sun?.elevationDeg ?? null,
      sunAzimuthDeg: spectrum.sun?.azimuthDeg ?? null,
    };
  });
}

function catalogued(spectrum: PicoSpectrum): Omit<PicoSpectrum, Uncatalogued> {
  const { counts: _c, origin: _g, triggerMode: _t, statistics: _s, processing: _p, ...rest } = spectrum;
  const { bracket: _b, startSkewUs: _k, darkAgeS: _a, darkFile: _f, panel: _n, ...others } = rest;
  const { clockSource: _o, place: _l, sun: _u, ...metadata } = others;
  return metadata;
}

/** The row of the view; without its further columns. */
export function fromStored(stored: StoredSpectrum): SpectrumRow {
  return {
    ...stored,
    id: spectrumId(stored),
    tecEnabled: stored.tecEnabled !== 0,
    isSimulated: stored.isSimulated === null ? null : stored.isSimulated !== 0,
    flags: JSON.parse(stored.flags),
    wavelengthCoefficients: JSON.parse(stored.wavelengthCoefficients),
    channelWavelengthCoefficients: JSON.parse(stored.channelWavelengthCoefficients),
    nonlinearityCoefficients: JSON.parse(stored.nonlinearityCoefficients),
    darkPixels: JSON.parse(stored.darkPixels),
    opticalPixelRange: JSON.parse(stored.opticalPixelRange),
  };
}

/** The parts of a spectrum's id, or undefined when it is none. */
export function parseSpectrumId(id: string): { run: string; file: string; position: number } | undefined {
  const match = /^([^/]+)\/([^/]+)\/(\d{1,9})$/.exec(id);
  if (match === null) return undefined;
  const [, run = "", file = "", position] = match;
  return { run, file, position: Number(position) };
}

function spectrumId({ run, file, position }: FileReference & { readonly position: number }): string {
  return `${run}/${file}/${position}`;
}

// Rows of the catalogue: everything about a spectrum but its counts, and how SQLite stores it.

import { type PicoFile, type PicoSpectrum, saturatedPixels } from "../spectra/pico.ts";
import { peakCounts } from "../spectra/spectrum.ts";
import { parseSpectraFileName } from "./spectra-file-name.ts";

/** A spectra file by run and name. */
export interface FileReference {
  readonly run: string;
  readonly file: string;
}

/** A spectra file as the catalogue knows it. */
export interface FileRow extends FileReference {
  readonly bytes: number;
  readonly modifiedUtcUs: number;
  readonly spectra: number;
  /** Spectra that should have been recorded and could not be. */
  readonly failures: number;
  /** Why the file cannot be read; null when all is well. */
  readonly problem: string | null;
}

/** What only the file tells. */
type Uncatalogued =
  | "counts"
  | "origin"
  | "triggerMode"
  | "bracket"
  | "startSkewUs"
  | "darkAgeS"
  | "darkFile"
  | "clockSource"
  | "clockErrorUs"
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
}

type JsonColumn =
  | "flags"
  | "wavelengthCoefficients"
  | "channelWavelengthCoefficients"
  | "nonlinearityCoefficients"
  | "darkPixels"
  | "opticalPixelRange";

/** A spectrum's row as SQLite stores it: arrays as JSON, booleans as 0 and 1. */
export type StoredSpectrum = Omit<SpectrumRow, "id" | "tecEnabled" | "isSimulated" | JsonColumn> & {
  readonly tecEnabled: number;
  readonly isSimulated: number | null;
} & { readonly [column in JsonColumn]: string };

/** The rows of a file. Run, batch and sequence come from where the file is and its name, if that tells them. */
export function spectrumRows({ run, file }: FileReference, content: PicoFile): SpectrumRow[] {
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
    };
  });
}

function catalogued(spectrum: PicoSpectrum): Omit<PicoSpectrum, Uncatalogued> {
  const { counts: _c, origin: _g, triggerMode: _t, statistics: _s, processing: _p, ...rest } = spectrum;
  const { bracket: _b, startSkewUs: _k, darkAgeS: _a, darkFile: _f, ...others } = rest;
  const { clockSource: _o, clockErrorUs: _e, place: _l, sun: _u, ...metadata } = others;
  return metadata;
}

export function toStored({ id: _, ...row }: SpectrumRow): StoredSpectrum {
  return {
    ...row,
    tecEnabled: Number(row.tecEnabled),
    isSimulated: row.isSimulated === null ? null : Number(row.isSimulated),
    flags: JSON.stringify(row.flags),
    wavelengthCoefficients: JSON.stringify(row.wavelengthCoefficients),
    channelWavelengthCoefficients: JSON.stringify(row.channelWavelengthCoefficients),
    nonlinearityCoefficients: JSON.stringify(row.nonlinearityCoefficients),
    darkPixels: JSON.stringify(row.darkPixels),
    opticalPixelRange: JSON.stringify(row.opticalPixelRange),
  };
}

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

// What a file format is: it writes the spectra of one product, one after the other, into files of a sink. Synchronous, for a
// worker thread: no format keeps more than a few spectra in memory, however long the run.

import type { Level } from "../spectra/level.ts";
import type { ProductHead, ProductRow } from "../spectra/processing/product.ts";

export const FORMAT_NAMES = ["csv", "netcdf", "oceanview", "envi", "jcamp"] as const;
export type FormatName = (typeof FORMAT_NAMES)[number];

export interface Format {
  readonly name: FormatName;
  /** Those that it can hold. */
  readonly levels: readonly Level[];
  /** Of the file with the spectra. */
  readonly mediaType: string;
  /** Throws VALUE_INVALID when the format cannot hold such a product, before there is a file. */
  open(head: ProductHead, sink: Sink): Promise<FormatWriter>;
}

export interface FormatWriter {
  /** Rows come in the order of their start. Throws the system's error, and DATADIR_FULL or DATADIR_IO where it is hidden. */
  write(row: ProductRow): void;
  /** Closes the files; before, none has its name. */
  end(): void;
}

export interface Sink {
  /** A new file of the export; the name has no folder. */
  file(name: string): SinkFile;
}

export interface SinkFile {
  /** Where its bytes go until it is closed, for a library that writes by itself. */
  readonly path: string;
  append(bytes: Uint8Array | string): void;
  /** From here on the file has its name, and is on the medium. */
  close(): void;
}

export function isFormatName(text: string): text is FormatName {
  return FORMAT_NAMES.some((name) => name === text);
}

// ENVI spectral library: `name.sli`, a line of 64 bit floats for each spectrum (means of scans and NaN need them), and `name.hdr`,
// a text that tells what they are. The text comes last; until then a name and a time of each spectrum are kept.

import { endianness } from "node:os";
import { isoUtc } from "../base/clock.ts";
import { LEVELS } from "../spectra/level.ts";
import { isOnPixels, type ProductHead, type ProductRow } from "../spectra/processing/product.ts";
import type { Format, FormatWriter, Sink, SinkFile } from "./format.ts";
import { curvesOf, headFacts, type ProductCurve } from "./head-facts.ts";
import { productName } from "./names.ts";
import { writeProvenance } from "./provenance-file.ts";

const FLOAT64 = 5;

export const ENVI: Format = {
  name: "envi",
  levels: LEVELS,
  mediaType: "application/octet-stream",
  async open(head, sink) {
    writeProvenance(head, sink);
    const libraries = curvesOf(head).map((curve) => ({
      curve,
      file: sink.file(productName(head, `${curve.suffix}.sli`)),
    }));
    return new EnviWriter(head, sink, libraries);
  },
};

class EnviWriter implements FormatWriter {
  readonly #head: ProductHead;
  readonly #sink: Sink;
  readonly #libraries: readonly { readonly curve: ProductCurve; readonly file: SinkFile }[];
  readonly #names: string[] = [];
  readonly #starts: string[] = [];
  readonly #flags: number[] = [];

  constructor(
    head: ProductHead,
    sink: Sink,
    libraries: readonly { readonly curve: ProductCurve; readonly file: SinkFile }[],
  ) {
    this.#head = head;
    this.#sink = sink;
    this.#libraries = libraries;
  }

  write(row: ProductRow): void {
    for (const { curve, file } of this.#libraries) {
      const { buffer, byteOffset, byteLength } = curve.valuesOf(row);
      file.append(new Uint8Array(buffer, byteOffset, byteLength));
    }
    this.#names.push(row.id);
    this.#starts.push(isoUtc(row.spectrum.exposureStartUtcUs));
    this.#flags.push(row.flagMask);
  }

  end(): void {
    for (const { curve, file } of this.#libraries) {
      file.close();
      const header = this.#sink.file(productName(this.#head, `${curve.suffix}.hdr`));
      header.append(this.#header(curve));
      header.close();
    }
  }

  #header({ what }: ProductCurve): string {
    const { wavelengthsNm, instrument, serial } = this.#head;
    const facts = headFacts(this.#head).map(([name, text]) => `${name}: ${text}`);
    const entries: readonly (readonly [string, string])[] = [
      ["description", list([what, ...facts], ";\n ")],
      ["samples", String(wavelengthsNm.length)],
      ["lines", String(this.#names.length)],
      ["bands", "1"],
      ["header offset", "0"],
      ["file type", "ENVI Spectral Library"],
      ["data type", String(FLOAT64)],
      ["interleave", "bsq"],
      ["sensor type", plain(`${instrument.model ?? "spectrometer"} ${serial}`)],
      ["byte order", endianness() === "LE" ? "0" : "1"],
      ["wavelength units", isOnPixels(this.#head) ? "Index" : "Nanometers"],
      ["spectra names", list(this.#names)],
      ["exposure start", list(this.#starts)],
      ["quality flag masks", list(this.#flags.map(String))],
      ["wavelength", list(Array.from(wavelengthsNm, String))],
    ];
    return `ENVI\n${entries.map(([name, value]) => `${name} = ${value}\n`).join("")}`;
  }
}

function list(items: readonly string[], separator = ",\n "): string {
  return `{${items.map(plain).join(separator)}}`;
}

// Nothing is quoted in such a header.
function plain(text: string): string {
  return text.replaceAll(/[,{}\n\r]/g, ";");
}

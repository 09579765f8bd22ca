// CSV (RFC 4180, but lines end with LF; UTF-8): lines "# name: value", a line of headings, then one line a spectrum. Numbers have
// the fewest digits that read back to the same double; where there is no value there is nothing.

import { isoUtc } from "../base/clock.ts";
import { LEVELS } from "../spectra/level.ts";
import {
  exposureEndUtcUs,
  type ProductHead,
  type ProductRow,
  scansOf,
} from "../spectra/processing/product.ts";
import type { Format, FormatWriter, SinkFile } from "./format.ts";
import { curvesOf, headFacts, type ProductCurve } from "./head-facts.ts";
import { productName } from "./names.ts";
import { writeProvenance } from "./provenance-file.ts";

export const CSV: Format = {
  name: "csv",
  levels: LEVELS,
  mediaType: "text/csv",
  async open(head, sink) {
    writeProvenance(head, sink);
    const tables = curvesOf(head).map((curve) => ({
      curve,
      file: sink.file(productName(head, `${curve.suffix}.csv`)),
    }));
    for (const { file } of tables) file.append(heading(head));
    return new CsvWriter(tables);
  },
};

class CsvWriter implements FormatWriter {
  readonly #tables: readonly { readonly curve: ProductCurve; readonly file: SinkFile }[];

  constructor(tables: readonly { readonly curve: ProductCurve; readonly file: SinkFile }[]) {
    this.#tables = tables;
  }

  write(row: ProductRow): void {
    const facts = FACTS.map(([, valueOf]) => cell(valueOf(row)));
    for (const { curve, file } of this.#tables) {
      const values = Array.from(curve.valuesOf(row), cell);
      file.append(`${facts.join(",")},${values.join(",")}\n`);
    }
  }

  end(): void {
    for (const { file } of this.#tables) file.close();
  }
}

type Cell = string | number | null | undefined;

const FACTS: readonly (readonly [string, (row: ProductRow) => Cell])[] = [
  ["id", ({ id }) => id],
  ["exposure_start", ({ spectrum }) => isoUtc(spectrum.exposureStartUtcUs)],
  ["exposure_end", ({ spectrum }) => isoUtc(exposureEndUtcUs(spectrum))],
  ["kind", ({ spectrum }) => spectrum.kind],
  ["batch", ({ spectrum }) => spectrum.batch],
  ["sequence", ({ spectrum }) => spectrum.sequence],
  ["bracket", ({ spectrum }) => spectrum.bracket],
  ["integration_time_us", ({ spectrum }) => spectrum.integrationTimeUs],
  ["scans", ({ spectrum }) => scansOf(spectrum)],
  ["detector_temperature_c", ({ spectrum }) => spectrum.detectorTemperatureC],
  ["flags", ({ spectrum }) => spectrum.flags.join("|")],
  ["flag_mask", ({ flagMask }) => flagMask],
  ["sun_elevation_deg", ({ spectrum }) => spectrum.sun?.elevationDeg],
  ["sun_azimuth_deg", ({ spectrum }) => spectrum.sun?.azimuthDeg],
  ["latitude", ({ spectrum }) => spectrum.place?.latitudeDeg],
  ["longitude", ({ spectrum }) => spectrum.place?.longitudeDeg],
  ["altitude_m", ({ spectrum }) => spectrum.place?.heightM],
];

function heading(head: ProductHead): string {
  const comments = headFacts(head).map(([name, text]) => `# ${name}: ${text}\n`);
  const names = [...FACTS.map(([name]) => name), ...Array.from(head.wavelengthsNm, String)];
  return `${comments.join("")}${names.join(",")}\n`;
}

function cell(value: Cell): string {
  if (typeof value === "number") return Number.isNaN(value) ? "" : String(value);
  const text = value ?? "";
  // "#" begins a comment for many readers, but not in quotes.
  return /[",\n\r#]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

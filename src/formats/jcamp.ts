// JCAMP-DX 5.01: a file for each spectrum, with its pixels as pairs of wavelength and value (XYPOINTS), because the wavelengths
// are not evenly spaced. Pixels without a value are left out: the format knows no number for them. ASCII only.

import { isoUtc, SECOND } from "../base/clock.ts";
import { LEVELS } from "../spectra/level.ts";
import {
  exposureEndUtcUs,
  isOnPixels,
  type ProductHead,
  type ProductRow,
  scansOf,
} from "../spectra/processing/product.ts";
import { stepsText } from "../spectra/processing/provenance.ts";
import type { Format, FormatWriter, Sink } from "./format.ts";
import { curvesOf, oneLine, type ProductCurve } from "./head-facts.ts";
import { spectrumName } from "./names.ts";
import { writeProvenance } from "./provenance-file.ts";

export const JCAMP: Format = {
  name: "jcamp",
  levels: LEVELS,
  mediaType: "chemical/x-jcamp-dx",
  async open(head, sink) {
    writeProvenance(head, sink);
    return new JcampWriter(head, sink);
  },
};

type Label = readonly [string, string | number | null];

class JcampWriter implements FormatWriter {
  readonly #head: ProductHead;
  readonly #sink: Sink;
  readonly #curves: readonly ProductCurve[];

  constructor(head: ProductHead, sink: Sink) {
    this.#head = head;
    this.#sink = sink;
    this.#curves = curvesOf(head);
  }

  write(row: ProductRow): void {
    for (const { suffix, what, valuesOf } of this.#curves) {
      const file = this.#sink.file(spectrumName(this.#head, row, `_${this.#head.level}${suffix}.jdx`));
      file.append(recordsOf(labelsOf(this.#head, row, suffix === "" ? "" : `, ${what}`)));
      file.append(table(this.#head.wavelengthsNm, valuesOf(row)));
      file.close();
    }
  }

  end(): void {
    // Each spectrum is a file of its own.
  }
}

function labelsOf(head: ProductHead, row: ProductRow, what: string): readonly Label[] {
  const { instrument, provenance, dataset } = head;
  const { spectrum } = row;
  return [
    ["TITLE", `${row.id}: ${head.serial} ${head.channel}, ${head.level}${what}`],
    ["JCAMP-DX", "5.01"],
    ["DATA TYPE", "UV/VIS SPECTRUM"],
    ["ORIGIN", dataset?.["institution"] ?? provenance.software],
    ["OWNER", dataset?.["creator_name"] ?? "unknown"],
    ["LONGDATE", longDate(spectrum.exposureStartUtcUs)],
    ["SPECTROMETER/DATA SYSTEM", `${instrument.model ?? "spectrometer"} ${head.serial}`],
    ["DATA PROCESSING", stepsText(provenance)],
    ["XUNITS", isOnPixels(head) ? "ARBITRARY UNITS" : "NANOMETERS"],
    ["YUNITS", yUnits(head)],
    ["$RUN", head.run],
    ["$CHANNEL", head.channel],
    ["$LEVEL", head.level],
    ["$METHOD", head.method ?? null],
    ["$KIND", spectrum.kind],
    ["$BATCH", spectrum.batch],
    ["$SEQUENCE", spectrum.sequence],
    ["$EXPOSURE START", isoUtc(spectrum.exposureStartUtcUs)],
    ["$EXPOSURE END", isoUtc(exposureEndUtcUs(spectrum))],
    ["$INTEGRATION TIME S", spectrum.integrationTimeUs / SECOND],
    ["$SCANS", scansOf(spectrum)],
    ["$DETECTOR TEMPERATURE C", spectrum.detectorTemperatureC],
    ["$QUALITY FLAGS", spectrum.flags.join(" ")],
    ["$QUALITY FLAG MASK", row.flagMask],
    ["$SIMULATED", String(head.isSimulated)],
  ];
}

function yUnits({ quantity, level, units }: ProductHead): string {
  if (level === "corrected") return "COUNTS PER SECOND";
  return quantity === "counts" || quantity === "reflectance" ? quantity.toUpperCase() : units;
}

function recordsOf(labels: readonly Label[]): string {
  return labels
    .map(([name, value]) => (value === null ? "" : `##${name}=${ascii(String(value))}\n`))
    .join("");
}

/** The numbers of a spectrum, and what readers check them against. */
function table(wavelengthsNm: Float64Array, values: Float64Array): string {
  const x = wavelengthsNm.filter((_, pixel) => !Number.isNaN(values[pixel] ?? Number.NaN));
  const y = values.filter((value) => !Number.isNaN(value));
  const ends: readonly Label[] =
    x.length === 0
      ? []
      : [
          ["FIRSTX", numberText(x.at(0))],
          ["LASTX", numberText(x.at(-1))],
          ["FIRSTY", numberText(y.at(0))],
          ["LASTY", numberText(y.at(-1))],
          ["MINY", numberText(y.reduce((least, value) => Math.min(least, value)))],
          ["MAXY", numberText(y.reduce((most, value) => Math.max(most, value)))],
        ];
  const head = recordsOf([
    ["XFACTOR", 1],
    ["YFACTOR", 1],
    ...ends,
    ["NPOINTS", x.length],
    ["XYPOINTS", "(XY..XY)"],
  ]);
  const pairs = Array.from(x, (nm, index) => `${numberText(nm)}, ${numberText(y[index])}\n`);
  return `${head}${pairs.join("")}##END=\n`;
}

function numberText(value: number | undefined): string {
  return String(value ?? 0).replace("e", "E");
}

/** `2026/11/21 19:00:00.123456 +0000`. */
function longDate(utcUs: number): string {
  return isoUtc(utcUs).replaceAll("-", "/").replace("T", " ").replace("Z", " +0000");
}

// Accents are dropped; what is no letter of the Latin alphabet becomes a question mark. Two dollars would begin a comment.
function ascii(text: string): string {
  return oneLine(text)
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .replaceAll(/[^\x20-\x7e]/gu, "?")
    .replaceAll("$$", "$ $");
}

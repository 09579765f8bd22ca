// The text that OceanView saves, byte for byte: a header of fixed lines, a marker, then wavelength, tab, intensity; a file for
// each spectrum. Three decimals of the wavelength, two of the intensity, as in the files that its users have published. That is
// too little for radiances and reflectances, so counts and corrected counts only.

import { MS, SECOND } from "../base/clock.ts";
import { VscopeError } from "../base/errors.ts";
import { isOnPixels, type ProductHead, type ProductRow, scansOf } from "../spectra/processing/product.ts";
import { hasStep } from "../spectra/processing/provenance.ts";
import { scientific, withDecimals } from "./decimal-text.ts";
import type { Format, FormatWriter, Sink } from "./format.ts";
import { oneLine } from "./head-facts.ts";
import { spectrumName, timeOfDay } from "./names.ts";
import { writeProvenance } from "./provenance-file.ts";

const WAVELENGTH_DECIMALS = 3;
const INTENSITY_DECIMALS = 2;

export const OCEANVIEW: Format = {
  name: "oceanview",
  levels: ["counts", "corrected"],
  mediaType: "text/plain",
  async open(head, sink) {
    if (isOnPixels(head)) {
      const fact = "has no wavelength calibration, without which there is no OceanView file";
      throw new VscopeError("VALUE_INVALID", `${head.serial} ${head.channel}: ${fact}`);
    }
    writeProvenance(head, sink);
    return new OceanviewWriter(head, sink);
  },
};

class OceanviewWriter implements FormatWriter {
  readonly #head: ProductHead;
  readonly #sink: Sink;
  readonly #wavelengths: readonly string[];

  constructor(head: ProductHead, sink: Sink) {
    this.#head = head;
    this.#sink = sink;
    this.#wavelengths = Array.from(head.wavelengthsNm, (nm) => withDecimals(nm, WAVELENGTH_DECIMALS));
  }

  write(row: ProductRow): void {
    const name = spectrumName(this.#head, row, `_${timeOfDay(row)}.txt`);
    const lines = this.#wavelengths.map((nm, pixel) => {
      return `${nm}\t${withDecimals(row.values[pixel] ?? Number.NaN, INTENSITY_DECIMALS)}\n`;
    });
    const file = this.#sink.file(name);
    file.append(`${headerOf(this.#head, row, name)}${lines.join("")}`);
    file.close();
  }

  end(): void {
    // Each spectrum is a file of its own.
  }
}

function headerOf(head: ProductHead, { spectrum }: ProductRow, name: string): string {
  const { instrument, provenance, dataset } = head;
  const isDarkCorrected = hasStep(provenance, "electric-dark");
  const lines = [
    `Data from ${name} Node`,
    "",
    `Date: ${javaDate(spectrum.exposureStartUtcUs)}`,
    `User: ${oneLine(dataset?.["creator_name"] ?? "vscope-server")}`,
    `Spectrometer: ${head.serial}`,
    // 0 is free-running; the numbers of the others differ from model to model, their names do not.
    `Trigger mode: ${spectrum.triggerMode ?? 0}`,
    `Integration Time (sec): ${scientific(spectrum.integrationTimeUs / SECOND)}`,
    `Scans to average: ${scansOf(spectrum)}`,
    ...(instrument.hasDarkPixels ? [`Electric dark correction enabled: ${isDarkCorrected}`] : []),
    `Nonlinearity correction enabled: ${hasStep(provenance, "nonlinearity")}`,
    `Boxcar width: ${spectrum.processing?.boxcarHalfWidth ?? 0}`,
    "XAxis mode: Wavelengths",
    `Number of Pixels in Spectrum: ${head.wavelengthsNm.length}`,
    ">>>>>Begin Spectral Data<<<<<",
  ];
  return `${lines.join("\n")}\n`;
}

/** `Sat Nov 17 14:36:15 UTC 2018`. */
function javaDate(utcUs: number): string {
  const [day, date, month, year, time] = new Date(Math.floor(utcUs / MS)).toUTCString().split(/,? /);
  return `${day} ${month} ${date} ${time} UTC ${year}`;
}

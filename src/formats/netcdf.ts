// CF-NetCDF-4: one file for the spectra of a spectrometer and channel at one level. Rows go to the file in blocks.

import { isoUtc } from "../base/clock.ts";
import { LEVELS } from "../spectra/level.ts";
import { exposureEndUtcUs, type ProductHead, type ProductRow } from "../spectra/processing/product.ts";
import { stepsText } from "../spectra/processing/provenance.ts";
import type { Format, FormatWriter, SinkFile } from "./format.ts";
import { productName } from "./names.ts";
import { type Attributes, NetcdfFile, type Numbers, sameType } from "./netcdf-file.ts";
import { axes, type Column, columns } from "./netcdf-variables.ts";

/** Rows that wait in memory: four chunks. */
const BLOCK = 64;

export const NETCDF: Format = {
  name: "netcdf",
  levels: LEVELS,
  mediaType: "application/x-netcdf",
  async open(head, sink) {
    const name = productName(head, ".nc");
    const target = sink.file(name);
    const program = head.provenance.software.replaceAll(" ", "=");
    const file = await NetcdfFile.create(target.path, name, program);
    file.describe(globalAttributes(head));
    for (const axis of axes(head)) file.addVariable(axis);
    file.addDimension("bnds", 2);
    const growing = columns(head);
    for (const column of growing) if (column.name !== "time") file.addVariable(column);
    return new NetcdfWriter(file, target, growing);
  },
};

class NetcdfWriter implements FormatWriter {
  readonly #file: NetcdfFile;
  readonly #target: SinkFile;
  readonly #columns: readonly { readonly column: Column; readonly block: Numbers }[];
  readonly #extent = new Extent();
  /** Rows in the file, and rows that wait. */
  #written = 0;
  #waiting = 0;

  constructor(file: NetcdfFile, target: SinkFile, growing: readonly Column[]) {
    this.#file = file;
    this.#target = target;
    this.#columns = growing.map((column) => ({
      column,
      block: sameType(column.values, new Float64Array(BLOCK * column.width)),
    }));
  }

  write(row: ProductRow): void {
    for (const { column, block } of this.#columns) column.put(row, block, this.#waiting * column.width);
    this.#extent.add(row);
    this.#waiting += 1;
    if (this.#waiting === BLOCK) this.#flush();
  }

  end(): void {
    if (this.#waiting > 0) this.#flush();
    this.#file.describe(this.#extent.attributes());
    this.#file.close();
    this.#target.close();
  }

  #flush(): void {
    for (const { column, block } of this.#columns)
      this.#file.append(column.name, this.#written, block.subarray(0, this.#waiting * column.width));
    this.#written += this.#waiting;
    this.#waiting = 0;
  }
}

function globalAttributes(head: ProductHead): Attributes {
  const { run, serial, channel, level, method, provenance, dataset, instrument } = head;
  const { model, firmware, opticalConfiguration } = instrument;
  return {
    Conventions: "CF-1.8 ACDD-1.3",
    standard_name_vocabulary: "CF Standard Name Table",
    title: `${run}: ${serial} ${channel}, ${level}`,
    source: `spectrometer ${model ?? ""} ${serial}, ${channel}`.replaceAll("  ", " "),
    history: `${provenance.madeUtc} ${provenance.software}: ${stepsText(provenance) || "copied"}`,
    ...dataset,
    date_created: provenance.madeUtc,
    run,
    serial,
    channel,
    level,
    processing_level: method === undefined ? level : `${level}: ${method}`,
    ...(model === null ? {} : { model }),
    ...(firmware === null ? {} : { firmware }),
    ...(opticalConfiguration === null ? {} : { optical_configuration: opticalConfiguration }),
    ...coefficients("wavelength_coefficients", instrument.wavelengthCoefficients),
    ...coefficients("nonlinearity_coefficients", instrument.nonlinearityCoefficients),
    saturation_level: Float64Array.of(instrument.saturationLevel),
    simulated: head.isSimulated ? "true" : "false",
    provenance: JSON.stringify(provenance),
  };
}

function coefficients(name: string, values: readonly number[]): Attributes {
  return values.length === 0 ? {} : { [name]: Float64Array.from(values) };
}

/** What the spectra cover in time and space, as ACDD wants it told. */
class Extent {
  #startUtcUs = Number.POSITIVE_INFINITY;
  #endUtcUs = Number.NEGATIVE_INFINITY;
  readonly #ranges = new Map<string, readonly [number, number]>();

  add({ spectrum }: ProductRow): void {
    this.#startUtcUs = Math.min(this.#startUtcUs, spectrum.exposureStartUtcUs);
    this.#endUtcUs = Math.max(this.#endUtcUs, exposureEndUtcUs(spectrum));
    const { place } = spectrum;
    if (place === null) return;
    this.#widen("lat", place.latitudeDeg);
    this.#widen("lon", place.longitudeDeg);
    this.#widen("vertical", place.heightM);
  }

  attributes(): Attributes {
    if (this.#endUtcUs < this.#startUtcUs) return {};
    const ranges = [...this.#ranges].flatMap(([axis, [min, max]]) => [
      [`geospatial_${axis}_min`, Float64Array.of(min)] as const,
      [`geospatial_${axis}_max`, Float64Array.of(max)] as const,
    ]);
    return {
      ...(this.#ranges.size === 0 ? {} : { geospatial_vertical_positive: "up" }),
      time_coverage_start: isoUtc(this.#startUtcUs),
      time_coverage_end: isoUtc(this.#endUtcUs),
      ...Object.fromEntries(ranges),
    };
  }

  #widen(axis: string, value: number): void {
    const [min, max] = this.#ranges.get(axis) ?? [value, value];
    this.#ranges.set(axis, [Math.min(min, value), Math.max(max, value)]);
  }
}

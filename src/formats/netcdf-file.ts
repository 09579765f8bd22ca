// A NetCDF-4 file: an HDF5 file in which dimensions are datasets that others are attached to (the attributes that begin with an
// underscore are those of the netCDF library). Variables along the unlimited dimension grow block by block.
// h5wasm ignores that a write has failed, and so would leave zeros on a full disk, unless its errors are made exceptions.

import type { Dataset, File } from "h5wasm/node";
import { messageOf, VscopeError } from "../base/errors.ts";

export type Numbers = Int8Array | Int32Array | Float32Array | Float64Array;

export type Attributes = Readonly<Record<string, string | Numbers>>;

export interface Variable {
  readonly name: string;
  /** One that has the name of its only dimension defines it. */
  readonly dimensions: readonly string[];
  /** All values along fixed dimensions; of a growing variable none, only their type. */
  readonly values: Numbers;
  readonly attributes: Attributes;
  /** What stands where there is no value. */
  readonly fill?: number;
}

/** Rows of a chunk: 16 spectra are decompressed to read one of them, 512 numbers are 4 kB. */
const CHUNK_OF_CURVES = 16;
const CHUNK_OF_NUMBERS = 512;
const COMPRESSION = 4;

export class NetcdfFile {
  readonly #file: File;
  readonly #name: string;
  /** Undefined: unlimited. */
  readonly #sizes = new Map<string, number | undefined>();
  readonly #datasets = new Map<string, Dataset>();

  private constructor(file: File, name: string) {
    this.#file = file;
    this.#name = name;
  }

  /** Replaces what is at the path. `properties` tells readers who wrote it. `name` is for messages. */
  static async create(path: string, name: string, properties: string): Promise<NetcdfFile> {
    // 4 MB of WASM, compiled in a second: only who exports NetCDF pays for it.
    const { default: hdf5 } = await import("h5wasm/node");
    const hdf5Module = await hdf5.ready;
    hdf5Module.activate_throwing_error_handler();
    return translated(name, () => {
      const file = new hdf5.File(path, "w", { track_order: true });
      file.create_attribute("_NCProperties", `version=2,${properties}`);
      return new NetcdfFile(file, name);
    });
  }

  /** Attributes of the file. */
  describe(attributes: Attributes): void {
    translated(this.#name, () => setAttributes(this.#file, attributes));
  }

  /** A dimension that has no variable. */
  addDimension(name: string, size: number): void {
    translated(this.#name, () => {
      const data = new Float32Array(size);
      const dataset = this.#file.create_dataset({
        name,
        data,
        shape: [size],
        dtype: "<f",
        track_order: true,
      });
      const text = "This is a netCDF dimension but not a netCDF variable.";
      this.#addScale(dataset, name, { size, label: `${text}${String(size).padStart(10)}` });
    });
  }

  /** Its dimensions must be there, or be itself. One without values has the unlimited dimension first. */
  addVariable({ name, dimensions, values, attributes, fill }: Variable): void {
    translated(this.#name, () => {
      const isGrowing = values.length === 0;
      const isDimension = dimensions[0] === name;
      if (isDimension) this.#sizes.set(name, isGrowing ? undefined : values.length);
      const sizes = dimensions.map((dimension) => this.#sizes.get(dimension) ?? 0);
      const dataset = this.#file.create_dataset({
        name,
        data: values,
        shape: sizes,
        dtype: dtypeOf(values),
        track_order: true,
        ...(isGrowing ? growing(sizes) : {}),
      });
      if (isDimension) this.#addScale(dataset, name, { size: sizes[0], label: name });
      else dimensions.forEach((dimension, index) => dataset.attach_scale(index, dimension));
      if (fill !== undefined)
        dataset.create_attribute("_FillValue", sameType(values, [fill]), [1], dtypeOf(values));
      setAttributes(dataset, attributes);
      this.#datasets.set(name, dataset);
    });
  }

  /** Rows from index `start` on of a growing variable. */
  append(name: string, start: number, values: Numbers): void {
    const dataset = this.#datasets.get(name);
    if (dataset === undefined) throw new VscopeError("INTERNAL", `${this.#name}: has no variable ${name}`);
    translated(this.#name, () => {
      const width = (dataset.shape ?? []).slice(1);
      const end = start + values.length / width.reduce((product, size) => product * size, 1);
      dataset.resize([end, ...width]);
      dataset.write_slice([[start, end], ...width.map((size): [number, number] => [0, size])], values);
    });
  }

  close(): void {
    translated(this.#name, () => {
      this.#file.flush();
      if (this.#file.close() < 0) throw new VscopeError("DATADIR_IO", "HDF5 cannot close it");
    });
  }

  #addScale(
    dataset: Dataset,
    name: string,
    { size, label }: { size: number | undefined; label: string },
  ): void {
    dataset.make_scale(label);
    if (!this.#sizes.has(name)) this.#sizes.set(name, size);
    const number = [...this.#sizes.keys()].indexOf(name);
    dataset.create_attribute("_Netcdf4Dimid", Int32Array.of(number), [], "<i");
  }
}

function growing([, width]: readonly number[]) {
  if (width === undefined) return { maxshape: [null], chunks: [CHUNK_OF_NUMBERS] };
  const isCurve = width > CHUNK_OF_CURVES;
  return {
    maxshape: [null, width],
    chunks: [isCurve ? CHUNK_OF_CURVES : CHUNK_OF_NUMBERS, width],
    ...(isCurve ? { compression: "gzip" as const, compression_opts: [COMPRESSION] } : {}),
  };
}

function setAttributes(target: Pick<File, "create_attribute">, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "string") target.create_attribute(name, value);
    else target.create_attribute(name, value, value.length === 1 ? [] : [value.length], dtypeOf(value));
  }
}

function dtypeOf(values: Numbers): "<b" | "<i" | "<f" | "<d" {
  if (values instanceof Int8Array) return "<b";
  if (values instanceof Int32Array) return "<i";
  return values instanceof Float32Array ? "<f" : "<d";
}

/** Numbers in the type of others. */
export function sameType(values: Numbers, numbers: ArrayLike<number>): Numbers {
  if (values instanceof Int8Array) return Int8Array.from(numbers);
  if (values instanceof Int32Array) return Int32Array.from(numbers);
  return values instanceof Float32Array ? Float32Array.from(numbers) : Float64Array.from(numbers);
}

// HDF5 tells a failure of the system in the middle of a page of text.
function translated<Result>(name: string, action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    const reason = /error message = '([^']*)'/.exec(messageOf(error))?.[1] ?? "HDF5 refused it";
    const code = /No space|quota/i.test(reason) ? "DATADIR_FULL" : "DATADIR_IO";
    throw new VscopeError(code, `${name}: cannot be written: ${reason}`, { cause: error });
  }
}

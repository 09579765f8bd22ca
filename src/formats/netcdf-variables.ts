// The variables of a NetCDF file: a table of what is told of each spectrum, with the names of the CF conventions (1.8) and of
// its table of standard names. Quantities without a standard name have a long one only: none is invented.

import { SECOND } from "../base/clock.ts";
import { FLAGS } from "../spectra/flags.ts";
import {
  exposureEndUtcUs,
  idParts,
  isOnPixels,
  type ProductHead,
  type ProductRow,
  scansOf,
} from "../spectra/processing/product.ts";
import { errorCurvesOf, type ProductCurve } from "./head-facts.ts";
import type { Attributes, Numbers, Variable } from "./netcdf-file.ts";

/** A variable that grows with the spectra. */
export interface Column extends Variable {
  /** Numbers of one spectrum. */
  readonly width: number;
  readonly put: (row: ProductRow, block: Numbers, at: number) => void;
}

/** One number a spectrum; null where there is none. */
type Value = (row: ProductRow) => number | null | undefined;

const FLAG_FACTS = Object.entries(FLAGS).sort(([, a], [, b]) => a.bit - b.bit);
const BRACKETS = ["none", "before", "after"] as const;
const KINDS = ["dark", "light"] as const;
const MISSING = -1;

// A light spectrum of a field of view that looks up or down. Other channels have names of the owner's, which tell no direction.
const STANDARD_NAMES: Readonly<Record<string, string>> = {
  "radiance upwelling": "surface_upwelling_radiance_per_unit_wavelength_in_air",
  "radiance downwelling": "downwelling_radiance_per_unit_wavelength_in_air",
  "irradiance upwelling": "surface_upwelling_radiative_flux_per_unit_wavelength_in_air",
  "irradiance downwelling": "surface_downwelling_radiative_flux_per_unit_wavelength_in_air",
};

const LONG_NAMES = {
  counts: "raw counts of the detector",
  signal: "counts per second, without dark signal and corrected for nonlinearity",
  radiance: "spectral radiance",
  irradiance: "spectral irradiance",
  reflectance: "reflectance factor",
} as const;

/** The axes: when, at what wavelength, and between what times. */
export function axes(head: ProductHead): readonly Variable[] {
  return [
    {
      name: "time",
      dimensions: ["time"],
      values: new Float64Array(0),
      attributes: {
        standard_name: "time",
        long_name: "start of the exposure",
        units: "seconds since 1970-01-01T00:00:00Z",
        calendar: "proleptic_gregorian",
        axis: "T",
        bounds: "time_bounds",
      },
    },
    {
      name: "wavelength",
      dimensions: ["wavelength"],
      values: head.wavelengthsNm,
      attributes: isOnPixels(head)
        ? { long_name: "pixel index: the instrument has no wavelength calibration", units: "1" }
        : { standard_name: "radiation_wavelength", long_name: "wavelength in air", units: "nm" },
    },
  ];
}

/** Everything that is told of a spectrum, the time first. */
export function columns(head: ProductHead): readonly Column[] {
  const data = curve(head);
  const errors = errorCurvesOf(head).map((curve) => errorColumn(head, data, curve));
  const others = [...QUALITY, ...ORIGIN, ...INSTRUMENT, ...SURROUNDINGS].map(columnOf);
  const ancillary = [
    ...errors.map(({ name }) => name),
    ...[...QUALITY, ...INSTRUMENT].map(([, name]) => name),
  ];
  const main = { ...data, attributes: { ...data.attributes, ancillary_variables: ancillary.join(" ") } };
  const time = columnOf([REAL, "time", {}, ({ spectrum }) => spectrum.exposureStartUtcUs / SECOND]);
  return [time, timeBounds(), main, ...errors, ...others];
}

function curve(head: ProductHead): Column {
  const name = valuesName(head);
  const standardName = STANDARD_NAMES[`${head.quantity} ${head.channel.toLowerCase()}`];
  return {
    name,
    dimensions: ["time", "wavelength"],
    // Means of scans are fractions of a count; processed values are not as good as seven digits.
    values: head.level === "counts" ? new Float64Array(0) : new Float32Array(0),
    fill: Number.NaN,
    attributes: {
      ...(standardName === undefined ? {} : { standard_name: standardName }),
      long_name: LONG_NAMES[name],
      units: head.units,
      ...(head.method === undefined ? {} : { comment: `made by: ${head.method}` }),
      coordinates: "latitude longitude altitude kind batch sequence position",
    },
    width: head.wavelengthsNm.length,
    put: ({ values }, block, at) => block.set(values, at),
  };
}

// Without a standard name: with the modifier standard_error CF means noise and systematic uncertainty together, here they
// are apart.
function errorColumn(
  { units }: ProductHead,
  { attributes, ...data }: Column,
  { suffix, what, valuesOf }: ProductCurve,
): Column {
  return {
    ...data,
    name: `${data.name}${suffix}`,
    values: new Float32Array(0),
    attributes: {
      long_name: `${what}, of ${data.name}`,
      units,
      coordinates: attributes["coordinates"] ?? "",
    },
    put: (row, block, at) => block.set(valuesOf(row), at),
  };
}

function valuesName({ level, quantity }: ProductHead): keyof typeof LONG_NAMES {
  return level === "corrected" ? "signal" : quantity;
}

function timeBounds(): Column {
  return {
    name: "time_bounds",
    dimensions: ["time", "bnds"],
    values: new Float64Array(0),
    attributes: {},
    width: 2,
    put({ spectrum }, block, at) {
      block[at] = spectrum.exposureStartUtcUs / SECOND;
      block[at + 1] = exposureEndUtcUs(spectrum) / SECOND;
    },
  };
}

const REAL = new Float64Array(0);
const WHOLE = new Int32Array(0);
const CODE = new Int8Array(0);

/** Type, name, attributes, and where the number comes from. */
type Row = readonly [Numbers, string, Attributes, Value];

// No fill value: flags that readers turn into floating point numbers could not be taken apart any more.
const QUALITY: readonly Row[] = [
  [
    WHOLE,
    "quality_flag",
    {
      standard_name: "quality_flag",
      long_name: "quality flags",
      flag_masks: Int32Array.from(FLAG_FACTS, ([, { bit }]) => 1 << bit),
      flag_meanings: FLAG_FACTS.map(([name]) => name).join(" "),
    },
    ({ flagMask }) => flagMask,
  ],
];

const KIND_CODES = codes(KINDS, "dark or light");
const BRACKET_CODES = codes(BRACKETS, "of two in a sequence: before or after the other channels");

/** Of these the name of the file and the place in it follow. */
const ORIGIN: readonly Row[] = [
  [CODE, "kind", KIND_CODES, ({ spectrum }) => KINDS.indexOf(spectrum.kind)],
  [
    WHOLE,
    "batch",
    { long_name: "batch of the run, -1 without one", valid_min: Int32Array.of(0) },
    ({ spectrum }) => spectrum.batch,
  ],
  [WHOLE, "sequence", { long_name: "sequence of the batch" }, ({ spectrum }) => spectrum.sequence],
  [WHOLE, "position", { long_name: "index in the file of the sequence" }, ({ id }) => idParts(id).position],
  [CODE, "bracket", BRACKET_CODES, ({ spectrum }) => BRACKETS.indexOf(spectrum.bracket ?? "none")],
];

const INSTRUMENT: readonly Row[] = [
  [
    REAL,
    "integration_time",
    { long_name: "integration time", units: "s" },
    ({ spectrum }) => seconds(spectrum.integrationTimeUs),
  ],
  [WHOLE, "scans", { long_name: "scans whose mean the counts are" }, ({ spectrum }) => scansOf(spectrum)],
  [
    REAL,
    "detector_temperature",
    { long_name: "temperature of the detector", units: "degree_Celsius" },
    ({ spectrum }) => spectrum.detectorTemperatureC,
  ],
  [
    REAL,
    "detector_set_point",
    { long_name: "set point of the detector's cooler", units: "degree_Celsius" },
    ({ spectrum }) => spectrum.tecSetpointC,
  ],
  [
    REAL,
    "clock_error",
    { long_name: "largest error of the computer's clock", units: "s" },
    ({ spectrum }) => seconds(spectrum.clockErrorUs),
  ],
  [
    REAL,
    "start_skew",
    { long_name: "from the first start to the last, of the spectrometers exposed together", units: "s" },
    ({ spectrum }) => seconds(spectrum.startSkewUs),
  ],
  [
    REAL,
    "dark_age",
    { long_name: "age of the newest dark that fitted", units: "s" },
    ({ spectrum }) => spectrum.darkAgeS,
  ],
];

const SURROUNDINGS: readonly Row[] = [
  [
    REAL,
    "latitude",
    { standard_name: "latitude", units: "degrees_north" },
    ({ spectrum }) => spectrum.place?.latitudeDeg,
  ],
  [
    REAL,
    "longitude",
    { standard_name: "longitude", units: "degrees_east" },
    ({ spectrum }) => spectrum.place?.longitudeDeg,
  ],
  [
    REAL,
    "altitude",
    { standard_name: "altitude", units: "m", positive: "up" },
    ({ spectrum }) => spectrum.place?.heightM,
  ],
  [
    REAL,
    "solar_zenith_angle",
    { standard_name: "solar_zenith_angle", units: "degree", long_name: "geometric, without refraction" },
    ({ spectrum: { sun } }) => (sun === null ? null : 90 - sun.elevationDeg),
  ],
  [
    REAL,
    "solar_azimuth_angle",
    { standard_name: "solar_azimuth_angle", units: "degree", long_name: "clockwise from true north" },
    ({ spectrum }) => spectrum.sun?.azimuthDeg,
  ],
];

function codes(meanings: readonly string[], longName: string): Attributes {
  return {
    long_name: longName,
    flag_values: Int8Array.from(meanings.keys()),
    flag_meanings: meanings.join(" "),
  };
}

function seconds(us: number | null): number | null {
  return us === null ? null : us / SECOND;
}

function columnOf([values, name, attributes, valueOf]: Row): Column {
  const isReal = values instanceof Float64Array;
  return {
    name,
    dimensions: ["time"],
    values,
    attributes,
    ...(isReal ? { fill: Number.NaN } : {}),
    width: 1,
    put(row, block, at) {
      block[at] = valueOf(row) ?? (isReal ? Number.NaN : MISSING);
    },
  };
}

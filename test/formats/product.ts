// Synthetic products for the tests of formats: every kind of row there is, and what readers have to find.

import { FLAGS, flagMask } from "../../src/spectra/flags.ts";
import { picoFileOf, type PicoSpectrum } from "../../src/spectra/pico.ts";
import {
  exposureEndUtcUs,
  type ProductHead,
  type ProductRow,
  productInstrument,
  scansOf,
} from "../../src/spectra/processing/product.ts";
import type { Provenance } from "../../src/spectra/processing/provenance.ts";
import { wavelengthsNm } from "../../src/spectra/spectrum.ts";
import { instrument, spectraSet, spectrum } from "../spectra/sample.ts";

export const PIXELS = 40;
const COEFFICIENTS = [339.88843, 0.37405726, -1.6419715e-5, -1.9436905e-9];
const START_UTC_US = Date.UTC(2026, 10, 20, 15, 0, 7) * 1000 + 44_383;
const STEP_US = 2_000_001;

export const PROVENANCE: Provenance = {
  inputs: [
    { id: "plot10/b000003_s000000_light.pico", sha256: "ab".repeat(32) },
    { id: "plot10/b000003_s000000_dark.pico", sha256: "cd".repeat(32) },
  ],
  steps: [
    { step: "dark-spectrum", version: 1, facts: { how: "nearest" } },
    { step: "nonlinearity", version: 1, facts: { coefficients: [1, 1e-6] } },
    { step: "stray-light", version: 1, facts: { applied: false, reason: "the device holds no constant" } },
  ],
  software: "vscope-server 0.1.0",
  madeUtc: "2026-11-21T19:00:00.000000Z",
};

export interface ProductOptions {
  readonly pixels?: number;
  readonly run?: string;
}

export function head(change: Partial<ProductHead> = {}, pixels = PIXELS): ProductHead {
  return {
    run: "plot10",
    serial: "FLMT01859",
    channel: "upwelling",
    level: "counts",
    quantity: "counts",
    units: "1",
    wavelengthsNm: wavelengthsNm(COEFFICIENTS, pixels),
    instrument: productInstrument(recorded({}, pixels)),
    hasUncertainty: false,
    hasSystematicError: false,
    provenance: { ...PROVENANCE, steps: [] },
    isSimulated: true,
    ...change,
  };
}

/** Radiances with standard errors and systematic ones. */
export function radianceHead(change: Partial<ProductHead> = {}): ProductHead {
  return head({
    level: "radiance",
    quantity: "radiance",
    units: "W m-2 sr-1 nm-1",
    hasUncertainty: true,
    hasSystematicError: true,
    provenance: PROVENANCE,
    dataset: {
      institution: "Universität Édimbourg",
      creator_name: "A. Scientist",
      license: "CC-BY-4.0",
    },
    ...change,
  });
}

function recorded(change: Partial<PicoSpectrum>, pixels: number): PicoSpectrum {
  const device = instrument({
    pixels,
    darkPixelRanges: [[0, 2]],
    opticalPixelRange: [2, pixels],
    calibration: { wavelengthCoefficients: COEFFICIENTS, nonlinearityCoefficients: [1, 1e-6] },
  });
  const set = spectraSet({ spectra: [spectrum({ instrument: device, counts: new Uint32Array(pixels) })] });
  const [one] = picoFileOf(set, { run: "plot10", batch: 3, writer: "vscope-server 0.1.0" }).spectra;
  if (one === undefined) throw new Error("a set of one spectrum has one");
  return { ...one, ...change };
}

/**
 * Rows of all kinds in turn: a dark, a light with saturated pixels, means of scans, one after the others in its sequence,
 * one of which little is known, one whose values are missing in places. `scale` makes small values of them.
 */
export function rows(
  count: number,
  scale = 1,
  { run = "plot10", pixels = PIXELS }: ProductOptions = {},
): ProductRow[] {
  return Array.from({ length: count }, (_, index) => row(index, scale, { run, pixels }));
}

export function row(index: number, scale: number, { run, pixels }: Required<ProductOptions>): ProductRow {
  const kind = index % 6 === 0 ? "dark" : "light";
  const exposureStartUtcUs = START_UTC_US + index * STEP_US;
  const counts = Float64Array.from({ length: pixels }, (_, pixel) => countsAt(index, pixel));
  const change = { run, kind, sequence: index, exposureStartUtcUs, counts, ...special(index) } as const;
  const exposureEndUtcUs = exposureStartUtcUs + 250_000;
  const one = recorded({ exposureEndUtcUs, ...surroundings(index), ...change }, pixels);
  const values = scale === 1 ? counts : counts.map((value) => value * scale);
  if (index % 6 === 5) values[3] = Number.NaN;
  const sequence = String(index).padStart(6, "0");
  return {
    values,
    standardError: values.map((value) => Math.sqrt(value) / 64),
    systematicError: values.map((value) => value / 160),
    spectrum: one,
    id: `${run}/b000003_s${sequence}_${kind}.pico/${index % 3}`,
    flagMask: flagMask(one.flags),
  };
}

function surroundings(index: number): Partial<PicoSpectrum> {
  if (index % 6 === 4) return {};
  const fix = { source: "gpsd", ageS: 0 };
  return {
    place: { latitudeDeg: 55.92 + index * 1e-4, longitudeDeg: -3.17, heightM: 87.5, ...fix },
    sun: { elevationDeg: 12.25 - index * 1e-3, azimuthDeg: 201.5 },
  };
}

// Spectra differ from each other in every pixel; means of scans are fractions.
function countsAt(index: number, pixel: number): number {
  const whole = 1000 + ((index * 7919 + pixel * 31) % 58_000);
  if (index % 6 === 1 && pixel > 20 && pixel < 25) return 65_535;
  return index % 6 === 2 ? whole + 1 / 3 : whole;
}

function special(index: number): Partial<PicoSpectrum> {
  switch (index % 6) {
    case 1:
      return {
        flags: ["saturated", "simulated", "position_stale"],
        detectorTemperatureC: -10.3,
        tecSetpointC: -10,
      };
    case 2:
      return { flags: ["simulated"], processing: { scans: 3, boxcarHalfWidth: 2, binning: 0 } };
    case 3:
      return {
        flags: ["simulated"],
        bracket: "after",
        startSkewUs: 4321,
        darkAgeS: 12.5,
        clockErrorUs: 1234,
      };
    case 4:
      return { flags: [], batch: null, exposureEndUtcUs: null };
    default:
      return { flags: ["simulated"] };
  }
}

/** The same for readers in other languages; null for NaN. */
export function expected(product: ProductHead, all: readonly ProductRow[]): Record<string, unknown> {
  const of = <Value>(valueOf: (one: ProductRow) => Value): Value[] => all.map(valueOf);
  return {
    flagMeanings: Object.keys(FLAGS),
    // By the ending of their names.
    errors: {
      ...(product.hasUncertainty && {
        _standard_error: of(({ standardError }) => nullable(standardError ?? new Float64Array(0))),
      }),
      ...(product.hasSystematicError && {
        _systematic_error: of(({ systematicError }) => nullable(systematicError ?? new Float64Array(0))),
      }),
    },
    method: product.method ?? null,
    wavelengths: Array.from(product.wavelengthsNm),
    units: product.units,
    run: product.run,
    serial: product.serial,
    channel: product.channel,
    level: product.level,
    provenance: product.provenance,
    dataset: product.dataset ?? {},
    values: of(({ values }) => nullable(values)),
    ids: of(({ id }) => id),
    starts: of((one) => one.spectrum.exposureStartUtcUs),
    ends: of((one) => exposureEndUtcUs(one.spectrum)),
    kinds: of((one) => one.spectrum.kind),
    batches: of((one) => one.spectrum.batch),
    sequences: of((one) => one.spectrum.sequence),
    brackets: of((one) => one.spectrum.bracket),
    integrationTimesUs: of((one) => one.spectrum.integrationTimeUs),
    scans: of((one) => scansOf(one.spectrum)),
    temperatures: of((one) => one.spectrum.detectorTemperatureC),
    setPoints: of((one) => one.spectrum.tecSetpointC),
    flags: of((one) => one.spectrum.flags),
    latitudes: of(({ spectrum }) => spectrum.place?.latitudeDeg ?? null),
    altitudes: of(({ spectrum }) => spectrum.place?.heightM ?? null),
    sunElevations: of(({ spectrum }) => spectrum.sun?.elevationDeg ?? null),
  };
}

function nullable(values: Float64Array): (number | null)[] {
  return Array.from(values, (value) => (Number.isNaN(value) ? null : value));
}

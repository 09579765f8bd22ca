// A product: spectra of one spectrometer, channel and level on one set of wavelengths, ready to be written in any format.
// Its head is known before the first spectrum; the spectra come one by one, so that a run of any length fits.

import type { Level } from "../level.ts";
import type { PicoSpectrum } from "../pico.ts";
import type { ReflectanceMethod } from "../reflectance.ts";
import type { Provenance } from "./provenance.ts";

export interface ProductHead {
  readonly run: string;
  readonly serial: string;
  readonly channel: string;
  readonly level: Level;
  readonly quantity: "counts" | "irradiance" | "radiance" | "reflectance";
  /** Of the values, as UDUNITS writes it: `1`, `s-1`, `W m-2 nm-1`. */
  readonly units: string;
  /** In air, one a pixel; pixel indices where the instrument has no usable calibration. */
  readonly wavelengthsNm: Float64Array;
  readonly instrument: ProductInstrument;
  /** Whether rows have standard errors. */
  readonly hasUncertainty: boolean;
  /** Whether rows have systematic errors. */
  readonly hasSystematicError: boolean;
  /** Of a reflectance. */
  readonly method?: ReflectanceMethod;
  readonly provenance: Provenance;
  readonly isSimulated: boolean;
  /** From 2 on where the same spectrometer and channel had other wavelengths, or was processed in another way, before. */
  readonly coefficientSet?: number;
  /** What the owner says of all data, by names of ACDD: `institution`, `creator_name`, `license` ... */
  readonly dataset?: Readonly<Record<string, string>>;
}

export interface ProductInstrument {
  readonly model: string | null;
  readonly firmware: string | null;
  readonly maxCounts: number | null;
  readonly saturationLevel: number;
  /** Those that gave the wavelengths: of the channel, or else of the device. */
  readonly wavelengthCoefficients: readonly number[];
  readonly nonlinearityCoefficients: readonly number[];
  readonly opticalConfiguration: string | null;
  readonly hasDarkPixels: boolean;
}

export interface ProductRow {
  /** One a wavelength; NaN where there is none. */
  readonly values: Float64Array;
  /** Of the values by noise, k = 1. */
  readonly standardError?: Float64Array;
  /** Of the values by calibrations, which all spectra have in common, k = 1. */
  readonly systematicError?: Float64Array;
  /** The spectrum as recorded. */
  readonly spectrum: PicoSpectrum;
  /** `run/file/position`. */
  readonly id: string;
  readonly flagMask: number;
}

/** What a head says of an instrument, from one of its spectra. */
export function productInstrument(spectrum: PicoSpectrum): ProductInstrument {
  const { model, firmware, maxCounts, saturationLevel } = spectrum;
  const { nonlinearityCoefficients, opticalConfiguration, darkPixels } = spectrum;
  return {
    model,
    firmware,
    maxCounts,
    saturationLevel,
    wavelengthCoefficients: spectrum.channelWavelengthCoefficients ?? spectrum.wavelengthCoefficients,
    nonlinearityCoefficients,
    opticalConfiguration,
    hasDarkPixels: darkPixels.length > 0,
  };
}

/** Whether the wavelengths are pixel indices: no calibration gives 0, 1, 2 ... nm. */
export function isOnPixels({ wavelengthsNm }: ProductHead): boolean {
  return wavelengthsNm.every((value, pixel) => value === pixel);
}

/** The end of the exposure; computed where the file does not tell. */
export function exposureEndUtcUs(spectrum: PicoSpectrum): number {
  return spectrum.exposureEndUtcUs ?? spectrum.exposureStartUtcUs + spectrum.integrationTimeUs;
}

/** Scans whose mean a spectrum is, whoever averaged them. */
export function scansOf({ statistics, processing }: PicoSpectrum): number {
  return (statistics?.scans ?? 1) * (processing?.scans ?? 1);
}

/** The parts of the id of a row. */
export function idParts(id: string): { readonly file: string; readonly position: number } {
  const [position = "", file = ""] = id.split("/").reverse();
  return { file, position: Number(position) };
}

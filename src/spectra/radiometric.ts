// From counts per second to physical units: spectral irradiance in W m-2 nm-1, spectral radiance in W m-2 sr-1 nm-1.
// A calibration is one factor a wavelength or a pixel. Outside of it there is no value. Pure.

import {
  type CalibrationText,
  dayOf,
  mistakeAt,
  required,
  requireHeader,
  standardUncertaintyOf,
} from "./calibration-file.ts";
import { type Curve, valueAt } from "./curve.ts";

/** What is measured, and its unit. */
export const QUANTITIES = { irradiance: "W m-2 nm-1", radiance: "W m-2 sr-1 nm-1" } as const;
export type Quantity = keyof typeof QUANTITIES;

export interface RadiometricCalibration {
  readonly quantity: Quantity;
  readonly serial: string;
  readonly channel: string;
  /** Name of the file, or "instrument". */
  readonly source: string;
  /** Of the file, in hexadecimal digits. */
  readonly sha256?: string;
  /** Day of the calibration, and the first moment at which it does not hold any more; absent: not told. */
  readonly date?: string;
  readonly validUntilUtcUs?: number;
  /** When the server used it: from, included, until, not. Absent: for all spectra. */
  readonly inUse?: { readonly fromUtcUs: number; readonly untilUtcUs: number };
  /** What the factors stand at: wavelengths in nm, or pixel indices in the place of wavelengths. */
  readonly axis: CalibrationText["axis"];
  /** Quantity for one count per second. */
  readonly factors: Curve;
  /** Of all factors together (k = 1), as a share of them: no mean of spectra makes it less. Absent: not told. */
  readonly systematicUncertainty?: number;
  /** Of each factor by the noise of what it was made of (k = 1), as a share; absent: not told. */
  readonly factorNoise?: Float64Array;
}

/** Whether it is meant for what was exposed then. */
export function isInUse({ inUse }: Pick<RadiometricCalibration, "inUse">, utcUs: number): boolean {
  return inUse === undefined || (inUse.fromUtcUs <= utcUs && utcUs < inUse.untilUtcUs);
}

/** The value of a calibration for a rate; NaN where either has none. */
export function calibrated(rate: Curve, { axis, factors }: RadiometricCalibration): Curve {
  const values = rate.values.map((value, pixel) => {
    const nm = rate.wavelengthsNm[pixel] ?? Number.NaN;
    return value * valueAt(factors, axis === "pixel" ? pixel : nm);
  });
  return { wavelengthsNm: rate.wavelengthsNm, values };
}

/**
 * The factors that an irradiance calibration in the memory of an instrument stands for: energy per count C in uJ, with
 * I = counts C / (T A dl) in uW cm-2 nm-1, T in s, the collection area A in cm2, dl the wavelengths that a pixel spans in
 * nm. C holds for an entrance of any area, so A has to be given. NaN where the memory has no number above 0.
 * Sources: documentation of the R package ooacquire (oo_calib2irrad_mult); pyplr, which computes dl as here.
 */
export function factorsOfEnergy(
  microjoules: readonly number[],
  wavelengthsNm: Float64Array,
  collectionAreaCm2: number,
): Curve {
  const values = wavelengthsNm.map((_, pixel) => {
    const energy = microjoules[pixel] ?? Number.NaN;
    const microwatts = energy / (collectionAreaCm2 * pixelWidthNm(wavelengthsNm, pixel));
    return energy > 0 ? microwatts * MICROWATTS_PER_CM2 : Number.NaN;
  });
  return { wavelengthsNm: wavelengthsNm.map((_, pixel) => pixel), values };
}

/** Half the distance between the neighbours; at either end the distance to the only one. */
function pixelWidthNm(wavelengthsNm: Float64Array, pixel: number): number {
  const [first, end] = [Math.max(0, pixel - 1), Math.min(wavelengthsNm.length - 1, pixel + 1)];
  return Math.abs((wavelengthsNm[end] ?? Number.NaN) - (wavelengthsNm[first] ?? Number.NaN)) / (end - first);
}

const MICROWATTS_PER_CM2 = 0.01;
const POWERS: ReadonlyMap<string, number> = new Map([
  ["W", 1],
  ["mW", 1e-3],
  ["uW", 1e-6],
  ["\u00b5W", 1e-6],
  ["\u03bcW", 1e-6],
]);
const AREAS: ReadonlyMap<string, number> = new Map([
  ["m-2", 1],
  ["cm-2", 1e4],
]);

/** What one of `units` is in that of the quantity; undefined when they are units of something else. */
export function unitFactor(units: string, quantity: Quantity): number | undefined {
  // W/m2/nm, W m^-2 nm^-1 and W m-2 nm-1 are the same.
  const plain = units.replaceAll(/\/\s*([a-z]+)\^?(\d?)/g, (_, unit: string, power: string) => {
    return ` ${unit}-${power === "" ? "1" : power}`;
  });
  const [power = "", ...rest] = plain.replaceAll("^", "").trim().split(/\s+/);
  const area = rest.find((unit) => AREAS.has(unit)) ?? "";
  const others = rest.filter((unit) => unit !== area).sort();
  const wanted = quantity === "radiance" ? "nm-1 sr-1" : "nm-1";
  const [perPower, perArea] = [POWERS.get(power), AREAS.get(area)];
  if (perPower === undefined || perArea === undefined || others.join(" ") !== wanted) return undefined;
  return perPower * perArea;
}

/**
 * The calibration in a file, which must be one of this spectrometer and channel. Throws CONFIG_INVALID with file, line
 * and reason.
 */
export function radiometricCalibrationOf(
  text: CalibrationText,
  { serial, channel }: { readonly serial: string; readonly channel: string },
): RadiometricCalibration {
  const kind = required(text, "kind");
  const quantity = kind === "radiance" || kind === "irradiance" ? kind : undefined;
  if (quantity === undefined) throw mistakeAt(text, "kind", `'${kind}' is not one of radiance, irradiance`);
  requireHeader(text, "serial", serial);
  requireHeader(text, "channel", channel);
  const units = required(text, "units");
  const unit = unitFactor(units, quantity);
  if (unit === undefined)
    throw mistakeAt(text, "units", `'${units}' is not a unit of ${kind}, such as ${QUANTITIES[quantity]}`);
  const date = required(text, "date");
  dayOf(text, "date");
  const validUntilUtcUs = dayOf(text, "valid_until");
  const values = text.values.map((value) => value * unit);
  const systematicUncertainty = standardUncertaintyOf(text);
  const { noise } = text;
  return {
    quantity,
    serial,
    channel,
    source: text.fileName,
    date,
    ...(validUntilUtcUs === undefined ? {} : { validUntilUtcUs }),
    axis: text.axis,
    factors: { wavelengthsNm: text.x, values },
    ...(systematicUncertainty !== undefined && { systematicUncertainty }),
    ...(noise !== undefined && { factorNoise: noise }),
  };
}

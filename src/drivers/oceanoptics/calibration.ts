// What a device tells of itself, brought into the form of `Calibration`. Whatever is missing degrades with a warning.

import { requireWithin, VscopeError } from "../../base/errors.ts";
import { substituted } from "../../spectra/polynomial.ts";
import { type Calibration, type InstrumentIdentity, wavelengthsNm } from "../../spectra/spectrum.ts";
import { slotSaturation } from "./eeprom.ts";
import type { Link } from "./link.ts";
import type { SpectrometerModel } from "./model.ts";

/** Stands for a missing wavelength calibration: nm equal the pixel index. */
const PIXEL_INDEX: readonly number[] = [0, 1];

export interface RawCalibration {
  /** As the device has them; an undefined one is unreadable or not programmed. */
  readonly wavelength: readonly (number | undefined)[];
  readonly nonlinearity: readonly (number | undefined)[];
  readonly strayLightConstant?: number | undefined;
  readonly opticalConfiguration?: string | undefined;
}

export function calibrationOf(raw: RawCalibration, model: SpectrometerModel, link: Link): Calibration {
  const { strayLightConstant, opticalConfiguration } = raw;
  return {
    wavelengthCoefficients: wavelengthCoefficients(raw.wavelength, model, link),
    nonlinearityCoefficients: nonlinearityCoefficients(raw.nonlinearity, link),
    ...(strayLightConstant === undefined ? {} : { strayLightConstant }),
    ...(opticalConfiguration === undefined ? {} : { opticalConfiguration }),
  };
}

/** True when the wavelengths are nothing but pixel indices. */
export function isUncalibrated({ wavelengthCoefficients: [offset, slope, ...more] }: Calibration): boolean {
  return (
    offset === PIXEL_INDEX[0] && slope === PIXEL_INDEX[1] && more.every((coefficient) => coefficient === 0)
  );
}

export interface IdentityFacts {
  readonly serial: string;
  readonly calibration: Calibration;
  readonly saturationLevel?: number;
  readonly firmware?: string | undefined;
  readonly hasTec: boolean;
  readonly isSimulated: boolean;
}

/** Raw counts from which on a pixel is not usable: the device's own where its EEPROM slot holds a sensible one. */
export function saturationLevelOf(model: SpectrometerModel, slot: Uint8Array | undefined): number {
  const { saturation, usableCounts = model.maxCounts } = model;
  if (slot === undefined || saturation === undefined) return usableCounts;
  return slotSaturation(slot, saturation) ?? usableCounts;
}

export function identityOf(model: SpectrometerModel, facts: IdentityFacts): InstrumentIdentity {
  const { min, max, step } = model.integrationTimeUs;
  return {
    serial: facts.serial,
    model: model.name,
    pixels: model.frame.pixels,
    maxCounts: model.maxCounts,
    saturationLevel: facts.saturationLevel ?? saturationLevelOf(model, undefined),
    ...(model.saturation === undefined ? {} : { isGainScaled: true }),
    darkPixelRanges: model.darkPixelRanges,
    opticalPixelRange: model.opticalPixelRange,
    integrationTimeUs: { min, max, step },
    calibration: facts.calibration,
    ...(facts.firmware === undefined ? {} : { firmware: facts.firmware }),
    hasTec: facts.hasTec,
    isSimulated: facts.isSimulated,
  };
}

function wavelengthCoefficients(
  raw: readonly (number | undefined)[],
  { frame }: SpectrometerModel,
  link: Link,
): readonly number[] {
  const known = raw.filter((value) => value !== undefined);
  const isProgrammed =
    known.length === raw.length && known.length > 1 && known.slice(1).some((value) => value !== 0);
  const coefficients = isProgrammed ? substituted(known, { offset: frame.wavelengthOffset }) : [];
  if (isProgrammed && hasRisingWavelengths(coefficients, frame.pixels)) return coefficients;
  const fault = isProgrammed ? "wavelengths do not rise from pixel to pixel" : "no wavelength calibration";
  link.log.warn({ coefficients: raw }, `${link.subject}: ${fault}, wavelengths are pixel indices`);
  return PIXEL_INDEX;
}

/** Throws VALUE_OUT_OF_RANGE for coefficients that would count as none when they are read again. */
export function requireUsable(
  { wavelengthCoefficients, strayLightConstant }: Partial<Calibration>,
  { pixels }: { readonly pixels: number },
  subject: string,
): void {
  if (wavelengthCoefficients !== undefined && !hasRisingWavelengths(wavelengthCoefficients, pixels)) {
    const fact = `wavelengths do not rise from pixel to pixel of ${pixels}`;
    throw new VscopeError("VALUE_OUT_OF_RANGE", `${subject}: wavelength coefficients: ${fact}`);
  }
  if (strayLightConstant !== undefined)
    requireWithin(`${subject}: stray light constant`, strayLightConstant, { min: 0, max: 1 });
}

/** True when wavelengths rise from pixel to pixel. */
export function hasRisingWavelengths(coefficients: readonly number[], pixels: number): boolean {
  return isRising(wavelengthsNm(coefficients, pixels));
}

// Also false for what is not finite. A grating gives no other order; damaged coefficients do.
function isRising(values: Float64Array): boolean {
  return values.every(
    (value, index) => Number.isFinite(value) && (index === 0 || value > (values[index - 1] ?? value)),
  );
}

function nonlinearityCoefficients(raw: readonly (number | undefined)[], link: Link): readonly number[] {
  const known = raw.filter((value) => value !== undefined);
  if (known.length === raw.length && known.some((value) => value !== 0)) return known;
  link.log.warn({ coefficients: raw }, `${link.subject}: no nonlinearity correction`);
  return [];
}

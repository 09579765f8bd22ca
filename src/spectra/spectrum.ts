// One recorded spectrum: raw counts and everything needed to interpret them. Immutable; corrections are made elsewhere.

import type { Flag } from "./flags.ts";
import type { PanelIdentity } from "./panel.ts";
import type { Place, SunPosition } from "./sun.ts";

export type SpectrumKind = "light" | "dark";

/** Of two spectra of one channel in a sequence: recorded before or after those of the other channels. */
export type Bracket = "before" | "after";

/** What the device knows about itself. Arrays are ascending powers. */
export interface Calibration {
  /** Pixel index to nm. */
  readonly wavelengthCoefficients: readonly number[];
  /** Polynomial in dark-subtracted counts; empty when the device holds none. */
  readonly nonlinearityCoefficients: readonly number[];
  readonly strayLightConstant?: number;
  /** Grating, filter and slit as the device words them. */
  readonly opticalConfiguration?: string;
}

/** What does not change while an instrument is connected. */
export interface InstrumentIdentity {
  readonly serial: string;
  readonly model: string;
  readonly pixels: number;
  /** Largest number the ADC can give. */
  readonly maxCounts: number;
  /** Counts above which a pixel is not usable; raw counts, before any scaling. */
  readonly saturationLevel: number;
  /** Whether the model stores its saturation level for counts to be scaled by; absent means no. */
  readonly isGainScaled?: boolean;
  /** Electrically or optically dark pixels as half-open index ranges. */
  readonly darkPixelRanges: readonly (readonly [number, number])[];
  /** Half-open range of pixels that see light. */
  readonly opticalPixelRange: readonly [number, number];
  readonly integrationTimeUs: { readonly min: number; readonly max: number; readonly step: number };
  readonly calibration: Calibration;
  /** What the device stores, where `calibration` is made from it for fewer pixels (binning). */
  readonly storedCalibration?: Calibration;
  readonly firmware?: string;
  readonly hasTec: boolean;
  readonly isSimulated: boolean;
}

/** What a device made of its scans before it sent them. */
export interface DeviceProcessing {
  /** Scans whose mean the counts are. */
  readonly scans: number;
  /** Pixels on either side that are in the mean of each. */
  readonly boxcarHalfWidth: number;
  /** 2^binning neighbours are one pixel. */
  readonly binning: number;
}

/** One scan as the detector gave it. */
export const UNPROCESSED: DeviceProcessing = { scans: 1, boxcarHalfWidth: 0, binning: 0 };

/** Several scans as one spectrum, pixel by pixel in raw counts; the spectrum's counts are their mean. */
export interface ScanStatistics {
  readonly scans: number;
  /** Of a single scan, not of the mean: with n - 1. */
  readonly standardDeviation: Float64Array;
  readonly min: Uint32Array;
  readonly max: Uint32Array;
}

/** Where an instrument stood, and how that is known. */
export interface RecordedPlace extends Place {
  /** `configuration` or `gpsd`. */
  readonly source: string;
  /** Of the fix; 0 for the configuration's. */
  readonly ageS: number;
}

/** Of the sun's centre, without refraction; the azimuth clockwise from true north. */
export type SunDirection = Pick<SunPosition, "elevationDeg" | "azimuthDeg">;

/** How it is known that the exposure began after the last change that affects it. */
export type FreshnessProof = "timing" | "metadata" | "request" | "none";

export interface Spectrum {
  readonly instrument: InstrumentIdentity;
  readonly channel: string;
  /** Wavelength calibration configured for this instrument on this channel; it goes before the device's own. */
  readonly channelWavelengthCoefficients?: readonly number[];
  readonly kind: SpectrumKind;
  readonly integrationTimeUs: number;
  /** Raw counts, one per pixel, not scaled; the mean where several scans were averaged. */
  readonly counts: Uint32Array | Float64Array;
  /** Where the host averaged several scans. */
  readonly statistics?: ScanStatistics;
  /** Where the device processed its scans. */
  readonly processing?: DeviceProcessing;
  /** Where a signal on the trigger input started the exposure: the name of the mode. */
  readonly triggerMode?: string;
  /** Exposure window in UTC microseconds since 1970. */
  readonly exposureStartUtcUs: number;
  readonly exposureEndUtcUs: number;
  /** Its start on the clock that never jumps (Clock.nowUs), to compare spectra of one turn with. */
  readonly exposureStartUs?: number;
  /** Where the channel is recorded twice in a sequence. */
  readonly bracket?: Bracket;
  /** The white panel that was in the place of the target. */
  readonly panel?: PanelIdentity;
  /** From the first start to the last one, over the spectrometers that were exposed together. */
  readonly startSkewUs?: number;
  /** Of a light: from the end of the newest dark of its run that serves it to its own start, and the file of that. */
  readonly darkAgeS?: number;
  readonly darkFile?: string;
  readonly freshness: FreshnessProof;
  /** Frames dropped before this one because they could be stale. */
  readonly discardedFrames: number;
  readonly detectorTemperatureC?: number;
  readonly tecEnabled?: boolean;
  readonly tecSetpointC?: number;
  readonly flags: readonly Flag[];
  /** Who told how good the computer's clock was, and its error at most, where that is known. */
  readonly clockSource?: string;
  readonly clockErrorUs?: number;
  /** Where the instrument stood, and where the sun was at the start of the exposure, where that is known. */
  readonly place?: RecordedPlace;
  readonly sun?: SunDirection;
}

/** All spectra of one turn of the channels: the content of one file. */
export interface SpectraSet {
  readonly kind: SpectrumKind;
  readonly sequence: number;
  readonly spectra: readonly Spectrum[];
  /** Instruments that could not record, with the reason; stored in the file so that a gap is never silent. */
  readonly failures: readonly SpectrumFailure[];
  /** Who began the recording. */
  readonly origin?: string;
}

export interface SpectrumFailure {
  readonly serial: string;
  readonly channel: string;
  /** One of the codes of base/errors.ts; any text in a file of another version. */
  readonly code: string;
  readonly message: string;
}

/** Wavelengths in nm of every pixel. */
export function wavelengthsNm(coefficients: readonly number[], pixels: number): Float64Array {
  const result = new Float64Array(pixels);
  for (let pixel = 0; pixel < pixels; pixel++) {
    let sum = 0;
    for (let power = coefficients.length - 1; power >= 0; power--)
      sum = sum * pixel + (coefficients[power] ?? 0);
    result[pixel] = sum;
  }
  return result;
}

/** Largest counts within a half-open pixel range. */
export function peakCounts(counts: ArrayLike<number>, [from, to]: readonly [number, number]): number {
  let peak = 0;
  for (let pixel = from; pixel < Math.min(to, counts.length); pixel++)
    peak = Math.max(peak, counts[pixel] ?? 0);
  return peak;
}

// The quality verdict: which flags a spectrum gets, from itself and from what is known at the moment of its recording.
// Pure: clock, sun and darks are handed in.

import { SECOND } from "../base/clock.ts";
import { type Flag, raisedFlags } from "./flags.ts";
import { linearLimit } from "./linear-limit.ts";
import { signalLevel } from "./signal-level.ts";
import { peakCounts, type Spectrum } from "./spectrum.ts";

/** From which value on a flag is raised; docs/how-to/quality.md gives the reason for each default. */
export interface QualityLimits {
  /** Peak of a light in percent of the saturation level. */
  readonly lowSignalPercent: number;
  /** Between the detector and its set point. */
  readonly tecToleranceC: number;
  /** From the end of the dark to the start of the light. */
  readonly darkMaxAgeS: number;
  /** Between the detector at the dark and at the light. */
  readonly darkToleranceC: number;
  /** Change of the downwelling light in percent of its mean, between spectra not further apart than `irradianceWithinS`. */
  readonly irradianceChangePercent: number;
  readonly irradianceWithinS: number;
  /** Of the sun's centre, geometric. */
  readonly sunElevationDeg: number;
  readonly clockErrorUs: number;
  readonly positionMaxAgeS: number;
  /** Start skew of a turn of lights: so long, and so many percent of its shortest exposure. */
  readonly startSkewUs: number;
  readonly startSkewPercent: number;
  /** From a white reference to the light it serves; the second one where the change of the light between is known. */
  readonly referenceMaxAgeS: number;
  readonly pairedReferenceMaxAgeS: number;
}

export const DEFAULT_LIMITS: QualityLimits = {
  lowSignalPercent: 5,
  tecToleranceC: 0.5,
  darkMaxAgeS: 900,
  darkToleranceC: 1,
  irradianceChangePercent: 10,
  irradianceWithinS: 120,
  sunElevationDeg: 15,
  clockErrorUs: 0.1 * SECOND,
  positionMaxAgeS: 600,
  startSkewUs: 0.1 * SECOND,
  startSkewPercent: 25,
  referenceMaxAgeS: 900,
  pairedReferenceMaxAgeS: 86_400,
};

/** Other spectra of the same spectrometer and channel, all recorded before. */
export interface SpectraBefore {
  /** The newest dark of the same integration time, smoothing and binning. */
  readonly dark?: Spectrum | undefined;
  readonly light?: Spectrum | undefined;
}

/** What is known of the time and the place; absent: unknown. */
export interface Surroundings {
  readonly sunElevationDeg?: number;
  readonly positionAgeS?: number;
  readonly clock?: { readonly isSynchronised: boolean; readonly errorUs?: number };
  /** The present white reference of the spectrometer and channel. */
  readonly reference?: ReferenceAge;
}

/** How old a white reference was for a light. */
export interface ReferenceAge {
  readonly ageS: number;
  /** Downwelling light was recorded beside it, so that its change is known. */
  readonly isPaired: boolean;
  /** The calibration of its panel had run out. */
  readonly isPanelDue: boolean;
}

/** The channel of the irradiance. */
const IRRADIANCE = "downwelling";
/** A closed shutter leaves next to nothing of the light; clouds halve it between two spectra now and then. */
const DOUBTFUL_SHARE = 0.5;

/** The flags of a spectrum in the order of the table, those included that it has already. A trial has nothing `before`. */
export function verdictOn(
  spectrum: Spectrum,
  before: SpectraBefore | undefined,
  surroundings: Surroundings,
  limits: QualityLimits,
): readonly Flag[] {
  const found = new Set([
    ...spectrum.flags,
    ...ownFlags(spectrum, limits),
    ...surroundingFlags(spectrum, surroundings, limits),
    ...(before === undefined ? [] : relativeFlags(spectrum, before, limits)),
  ]);
  return raisedFlags((name) => found.has(name));
}

/** What the spectrum alone tells. */
export function ownFlags(spectrum: Spectrum, limits: QualityLimits): readonly Flag[] {
  const { instrument, kind, statistics, tecEnabled, tecSetpointC, detectorTemperatureC } = spectrum;
  const { opticalPixelRange, saturationLevel } = instrument;
  // One saturated scan spoils the mean of all.
  const highest = peakCounts(statistics?.max ?? spectrum.counts, opticalPixelRange);
  const isTold = tecSetpointC !== undefined && detectorTemperatureC !== undefined;
  const flags: Partial<Record<Flag, boolean>> = {
    saturated: highest >= saturationLevel,
    simulated: instrument.isSimulated,
    stale_risk: spectrum.freshness === "none",
    low_signal: kind === "light" && isLow(spectrum, limits),
    tec_unstable:
      tecEnabled === true && isTold && Math.abs(detectorTemperatureC - tecSetpointC) > limits.tecToleranceC,
    nonlinearity_out_of_range: highest - signalLevel(spectrum).base > linearLimit(instrument),
  };
  return raisedFlags((name) => flags[name] === true);
}

function surroundingFlags(
  { kind }: Spectrum,
  { sunElevationDeg, positionAgeS, clock, reference }: Surroundings,
  limits: QualityLimits,
): readonly Flag[] {
  const isClockOff =
    clock !== undefined && (!clock.isSynchronised || (clock.errorUs ?? 0) > limits.clockErrorUs);
  const needsSun = kind === "light";
  const isReferenced = kind === "light" && reference !== undefined;
  const flags: Partial<Record<Flag, boolean>> = {
    clock_unsynchronised: isClockOff,
    sun_low: needsSun && sunElevationDeg !== undefined && sunElevationDeg < limits.sunElevationDeg,
    position_stale: needsSun && positionAgeS !== undefined && positionAgeS > limits.positionMaxAgeS,
    reference_stale: isReferenced && isReferenceStale(reference, limits),
  };
  return raisedFlags((name) => flags[name] === true);
}

export function isReferenceStale(
  { ageS, isPaired, isPanelDue }: ReferenceAge,
  { referenceMaxAgeS, pairedReferenceMaxAgeS }: QualityLimits,
): boolean {
  // The wall clock may have been set back: nobody knows then how old it is.
  return isPanelDue || Math.abs(ageS) > (isPaired ? pairedReferenceMaxAgeS : referenceMaxAgeS);
}

function relativeFlags(spectrum: Spectrum, before: SpectraBefore, limits: QualityLimits): readonly Flag[] {
  const isLight = spectrum.kind === "light";
  const isIrradiance = isLight && spectrum.channel.toLowerCase() === IRRADIANCE;
  const flags: Partial<Record<Flag, boolean>> = {
    shutter_doubtful: isShutterDoubtful(spectrum, before, limits),
    variable_irradiance:
      isIrradiance && before.light !== undefined && isChanged(before.light, spectrum, limits),
  };
  return raisedFlags((name) => flags[name] === true);
}

/** From the end of one to the start of the other; by the clock that does not jump, where both have it. */
export function secondsBetween(a: Spectrum, b: Spectrum): number {
  const utcUs = b.exposureStartUtcUs - a.exposureEndUtcUs;
  if (a.exposureStartUs === undefined || b.exposureStartUs === undefined) return utcUs / SECOND;
  const lastedUs = a.exposureEndUtcUs - a.exposureStartUtcUs;
  return (b.exposureStartUs - a.exposureStartUs - lastedUs) / SECOND;
}

function isChanged(a: Spectrum, b: Spectrum, limits: QualityLimits): boolean {
  const isComparable = [a, b].every(
    ({ flags }) => !flags.includes("saturated") && !flags.includes("external_timing"),
  );
  // Two that are both dark differ by noise.
  if (!isComparable || [a, b].every((one) => isLow(one, limits))) return false;
  if (secondsBetween(a, b) > limits.irradianceWithinS) return false;
  if (peakOf(b) >= b.instrument.saturationLevel) return false;
  const [first, second] = [a, b].map((one) => signalLevel(one).signal / one.integrationTimeUs);
  if (first === undefined || second === undefined) return false;
  const changePercent = (100 * Math.abs(second - first)) / ((first + second) / 2);
  return changePercent > limits.irradianceChangePercent;
}

function isShutterDoubtful(
  spectrum: Spectrum,
  { dark, light }: SpectraBefore,
  limits: QualityLimits,
): boolean {
  const pair = spectrum.kind === "dark" ? { dark: spectrum, light } : { dark, light: spectrum };
  if (pair.dark === undefined || pair.light === undefined) return false;
  if (pair.dark.integrationTimeUs !== pair.light.integrationTimeUs || isLow(pair.light, limits)) return false;
  return signalLevel(pair.dark).signal > DOUBTFUL_SHARE * signalLevel(pair.light).signal;
}

function isLow(spectrum: Spectrum, { lowSignalPercent }: QualityLimits): boolean {
  return peakOf(spectrum) < (lowSignalPercent / 100) * spectrum.instrument.saturationLevel;
}

function peakOf({ counts, instrument }: Spectrum): number {
  return peakCounts(counts, instrument.opticalPixelRange);
}

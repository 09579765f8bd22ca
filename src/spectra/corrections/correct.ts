// The corrections together: from raw counts to what was asked for, in the one order in which they are right, with a
// record of what was made and what was not. Raw counts stay as they are.

import type { InstrumentIdentity } from "../spectrum.ts";
import {
  type Correction,
  CORRECTIONS,
  type CorrectionName,
  type Counts,
  type Facts,
  type NotApplied,
  notApplied,
  type PixelRange,
} from "./correction.ts";
import { type DarkSpectrum, subtractDarkSpectrum } from "./dark-spectrum.ts";
import { correctElectricDark } from "./electric-dark.ts";
import { gainFactorOf, scaleGain } from "./gain-scale.ts";
import { correctNonlinearity } from "./nonlinearity.ts";
import { correctStrayLight } from "./stray-light.ts";
import { wavelengthsOrWhyNot } from "./wavelength.ts";

/** What the corrections need of an instrument: its identity, and what the identity does not tell. */
export interface InstrumentFacts
  extends Pick<
    InstrumentIdentity,
    "pixels" | "maxCounts" | "saturationLevel" | "darkPixelRanges" | "opticalPixelRange" | "calibration"
  > {
  /** Whether the model stores its saturation level to be scaled by; see `GainLevels`. */
  readonly isGainScaled: boolean;
  /** Which counts the stored nonlinearity polynomial was fitted to: raw (when absent), or gain-scaled ones. */
  readonly nonlinearityArgument?: "raw" | "scaled" | undefined;
  /** What "dark-spectrum" subtracts, or why there is none. */
  readonly darkSpectrum?: DarkSpectrum | NotApplied | undefined;
  /** Wavelength calibration configured for the channel; it goes before the device's own. */
  readonly channelWavelengthCoefficients?: readonly number[] | undefined;
}

/** What became of one correction. */
export type Outcome =
  | { readonly correction: CorrectionName; readonly applied: true; readonly facts: Facts }
  | ({ readonly correction: CorrectionName } & NotApplied);

export interface CorrectedSpectrum {
  /** A pixel that a correction has no value for is NaN. */
  readonly counts: Float64Array;
  /** Only when asked for and known. */
  readonly wavelengthsNm?: Float64Array;
  /** The dark level of the frame in raw counts; absent when unknown. */
  readonly darkCounts?: number;
  /**
   * Pixels that see light and whose raw counts reach the saturation level. They are corrected like the others and stay
   * wrong: leave them out. Absent when the saturation level is unknown.
   */
  readonly saturatedPixels?: readonly number[];
  /** One for each correction, in the order of CORRECTIONS. */
  readonly outcomes: readonly Outcome[];
}

/**
 * Raw counts with the corrections `which`, whose order does not matter. Made in the order of CORRECTIONS:
 * saturation is judged on raw counts; then the dark, which is the dark spectrum where it was asked for and exists and the
 * electric dark level otherwise; nonlinearity and stray light on dark-subtracted counts, with the level added back when
 * no dark was asked for; then the gain scale. Never throws: what cannot be made is left out and says why among the outcomes.
 * Nonlinearity and stray light need a dark and are left out without one.
 */
export function correct(
  counts: Counts,
  facts: InstrumentFacts,
  which: readonly CorrectionName[],
): CorrectedSpectrum {
  const { opticalPixelRange, saturationLevel } = facts;
  const isWhole = counts.length === facts.pixels;
  const chain = correctSignal(counts, facts, which);
  const gain = which.includes("gain-scale") ? scaleGain(chain.counts, facts) : NOT_ASKED_FOR;
  const wavelength = wavelengthOf(counts.length, facts, which);
  const made = { ...chain.made, "gain-scale": gain, wavelength: wavelength.correction };
  const light: PixelRange = isWhole ? opticalPixelRange : [0, counts.length];
  return {
    counts: gain.applied ? gain.counts : chain.counts,
    ...(wavelength.nm === undefined ? {} : { wavelengthsNm: wavelength.nm }),
    ...(chain.darkCounts === undefined ? {} : { darkCounts: chain.darkCounts }),
    ...(saturationLevel > 0 ? { saturatedPixels: saturatedPixels(counts, light, saturationLevel) } : {}),
    outcomes: CORRECTIONS.map((correction) => outcomeOf(correction, made[correction])),
  };
}

const NOT_ASKED_FOR = notApplied("not-asked-for", "nobody asked for it");
const DARK_SUBTRACTED = notApplied("dark-subtracted", "the dark spectrum was subtracted instead");

interface SignalChain {
  readonly counts: Float64Array;
  readonly darkCounts?: number;
  readonly made: Readonly<
    Record<"dark-spectrum" | "electric-dark" | "nonlinearity" | "stray-light", Correction>
  >;
}

function correctSignal(
  counts: Counts,
  facts: InstrumentFacts,
  which: readonly CorrectionName[],
): SignalChain {
  const { calibration, opticalPixelRange } = facts;
  const darks = darksOf(counts, facts, which);
  const { dark } = darks;
  // A frame of another size has a dark spectrum of its own, but its pixels are not those of ranges and polynomials.
  const isWhole = counts.length === facts.pixels;
  const nonlinearity = which.includes("nonlinearity")
    ? onSignal(isWhole ? dark : darks.electric, (signal) =>
        correctNonlinearity(signal, calibration.nonlinearityCoefficients, argumentScaleOf(facts)),
      )
    : NOT_ASKED_FOR;
  const linear = nonlinearity.applied ? nonlinearity : dark;
  const strayLight = which.includes("stray-light")
    ? onSignal(isWhole ? linear : darks.electric, (signal) =>
        correctStrayLight(signal, calibration.strayLightConstant, opticalPixelRange),
      )
    : NOT_ASKED_FOR;
  const signal = strayLight.applied ? strayLight : linear;
  const made = { ...darks.made, nonlinearity, "stray-light": strayLight };
  const level = darks.level === undefined ? {} : { darkCounts: darks.level };
  if (!dark.applied || !signal.applied) return { counts: Float64Array.from(counts), ...level, made };
  if (darks.isWanted) return { counts: signal.counts, ...level, made };
  // A sum would differ from the raw counts in the last digit.
  if (signal === dark) return { counts: Float64Array.from(counts), ...level, made };
  return { counts: raised(signal.counts, darks.level ?? 0), ...level, made };
}

/** The dark that is taken from the counts, and what became of both kinds. */
interface Darks {
  readonly dark: Correction;
  readonly electric: Correction;
  /** Whether the result is to be without it; otherwise `level` is added back. */
  readonly isWanted: boolean;
  /** The frame's electric dark level; undefined when unknown. */
  readonly level: number | undefined;
  readonly made: Readonly<Record<"dark-spectrum" | "electric-dark", Correction>>;
}

function darksOf(counts: Counts, facts: InstrumentFacts, which: readonly CorrectionName[]): Darks {
  const electric = electricDarkOf(counts, facts);
  const spectrum = which.includes("dark-spectrum")
    ? subtractDarkSpectrum(counts, facts.darkSpectrum)
    : NOT_ASKED_FOR;
  const isElectricWanted = which.includes("electric-dark");
  const ofElectric = spectrum.applied ? DARK_SUBTRACTED : electric;
  return {
    dark: spectrum.applied ? spectrum : electric,
    electric,
    isWanted: spectrum.applied || isElectricWanted,
    level: electric.applied ? electric.facts.darkCounts : undefined,
    made: { "dark-spectrum": spectrum, "electric-dark": isElectricWanted ? ofElectric : NOT_ASKED_FOR },
  };
}

function electricDarkOf(counts: Counts, { pixels, darkPixelRanges, saturationLevel }: InstrumentFacts) {
  if (counts.length !== pixels)
    return notApplied("frame-size", `frame of ${counts.length} pixels instead of ${pixels}`);
  return correctElectricDark(counts, darkPixelRanges, saturationLevel > 0 ? saturationLevel : undefined);
}

function onSignal(before: Correction, make: (signal: Float64Array) => Correction): Correction {
  return before.applied
    ? make(before.counts)
    : notApplied(before.obstacle, `needs the dark level: ${before.detail}`);
}

// Without a factor scaled counts are the raw ones, as libseabreeze has it.
function argumentScaleOf(facts: InstrumentFacts): number {
  if (facts.nonlinearityArgument !== "scaled") return 1;
  const factor = gainFactorOf(facts);
  return typeof factor === "number" ? factor : 1;
}

function wavelengthOf(
  pixels: number,
  facts: InstrumentFacts,
  which: readonly CorrectionName[],
): { readonly correction: NotApplied | { applied: true; facts: Facts }; readonly nm?: Float64Array } {
  if (!which.includes("wavelength")) return { correction: NOT_ASKED_FOR };
  if (pixels !== facts.pixels)
    return { correction: notApplied("frame-size", `frame of ${pixels} pixels instead of ${facts.pixels}`) };
  const channel = facts.channelWavelengthCoefficients;
  const found = wavelengthsOrWhyNot(channel ?? facts.calibration.wavelengthCoefficients, pixels);
  if (!found.applied) return { correction: found };
  const calibration = channel === undefined ? "device" : "channel";
  return { correction: { applied: true, facts: { calibration } }, nm: found.wavelengthsNm };
}

function outcomeOf(
  correction: CorrectionName,
  made: NotApplied | { readonly applied: true; readonly facts: Facts },
): Outcome {
  return made.applied ? { correction, applied: true, facts: made.facts } : { correction, ...made };
}

function saturatedPixels(counts: Counts, [from, to]: PixelRange, saturationLevel: number): readonly number[] {
  const saturated: number[] = [];
  for (let pixel = Math.max(0, from); pixel < Math.min(to, counts.length); pixel++)
    if ((counts[pixel] ?? 0) >= saturationLevel) saturated.push(pixel);
  return saturated;
}

function raised(counts: Float64Array, by: number): Float64Array {
  const result = new Float64Array(counts.length);
  for (let pixel = 0; pixel < result.length; pixel++) result[pixel] = (counts[pixel] ?? 0) + by;
  return result;
}

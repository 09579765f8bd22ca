// What was done to the spectra of a product, step by step; what was left out is a step too, with the reason. The names are
// those of the corrections where there is one. Pure.

import type { Level } from "../level.ts";
import { correctNonlinearity } from "../corrections/nonlinearity.ts";
import type { PicoSpectrum } from "../pico.ts";
import type { RadiometricCalibration } from "../radiometric.ts";
import { isBinned } from "../signal-rate.ts";
import { IN_INSTRUMENT, type StoredIrradiance } from "../stored-irradiance.ts";
import type { NoiseModel } from "./noise.ts";
import type { ProvenanceStep } from "./provenance.ts";

export interface StepFacts {
  readonly level: Level;
  /** One of the spectra: all of a product are of one instrument. */
  readonly spectrum: PicoSpectrum;
  /** How many spectra got their dark in which way, such as `{ nearest: 12 }`. */
  readonly darks: Readonly<Record<string, number>>;
  /** Of a radiance one, of a reflectance as pi L / E those of both channels. */
  readonly calibrations: readonly (RadiometricCalibration | StoredIrradiance)[];
  /** How many spectra have what they are divided by, downwelling light or panel, from both sides, and from one. */
  readonly reflectance?: {
    readonly interpolated: number;
    readonly nearest: number;
    readonly isCalibrated: boolean;
    /** Why it is a ratio of counts although a calibration is given. */
    readonly notCalibrated?: string;
    /** `paired`: how many are corrected by the change of the downwelling light. */
    readonly panel?: PanelFacts & { readonly paired: number };
  };
  /** The noise that errors come from, or why there are none. */
  readonly noise: NoiseModel | string;
  /** Whether there are systematic errors, or why not; absent where there is nothing to tell of them. */
  readonly systematic?: true | string;
}

interface PanelFacts {
  readonly serial: string;
  readonly calibrated: string;
  readonly source: string;
  readonly systematicUncertainty?: number;
}

const VERSION = 1;
const RAW = "the level is raw counts";

export function stepsOf(facts: StepFacts): readonly ProvenanceStep[] {
  const { level, spectrum, darks, noise } = facts;
  if (level === "counts")
    return ["dark-spectrum", "electric-dark", "nonlinearity", "stray-light"].map((name) =>
      leftOut(name, RAW),
    );
  return [
    taken("dark-spectrum", { ...darks }),
    leftOut("electric-dark", "the dark spectrum was subtracted instead"),
    nonlinearity(spectrum),
    strayLight(spectrum),
    taken("integration-time", { unit: "s" }),
    ...ofLevel(facts),
    typeof noise === "string"
      ? leftOut("uncertainty", noise)
      : taken("uncertainty", { k: 1, of: "noise of light and darks", ...noise }),
    ...systematicStep(facts),
  ];
}

// All values have it in common, so it stands apart from the standard errors of each.
function systematicStep({ systematic }: StepFacts): readonly ProvenanceStep[] {
  if (systematic === undefined) return [];
  if (systematic !== true) return [leftOut("systematic-uncertainty", systematic)];
  return [taken("systematic-uncertainty", { k: 1, of: "calibrations" })];
}

function ofLevel({ level, calibrations, reflectance }: StepFacts): readonly ProvenanceStep[] {
  const calibrated = calibrations.map(calibrationStep);
  if (level !== "reflectance" || reflectance === undefined) return calibrated;
  const { panel, isCalibrated, ...counted } = reflectance;
  const bySky = isCalibrated ? "pi times radiance over irradiance" : "upwelling over downwelling";
  const by = panel === undefined ? bySky : "target over white panel times its factor";
  const method = `${by}, interpolated in time where there is one before and after`;
  if (panel === undefined) return [...calibrated, taken("reflectance", { method, ...counted })];
  const { serial, calibrated: date, source, paired, systematicUncertainty } = panel;
  const facts = { serial, calibrated: date, source, ...systematicFacts(systematicUncertainty) };
  return [taken("white-panel", facts), taken("reflectance", { method, ...counted, paired })];
}

function calibrationStep(calibration: StepFacts["calibrations"][number]): ProvenanceStep {
  if ("microjoules" in calibration) {
    // No file holds these: what made the product is here.
    const { channel, collectionAreaCm2, gain, microjoules } = calibration;
    const stored = { channel, collectionAreaCm2, gain, microjoules };
    return taken("radiometric-calibration", { quantity: "irradiance", source: IN_INSTRUMENT, ...stored });
  }
  const { quantity, source, date = null, systematicUncertainty, factorNoise } = calibration;
  const noise = factorNoise !== undefined && { largestFactorNoise: Math.max(...factorNoise) };
  const facts = { quantity, source, date, ...systematicFacts(systematicUncertainty), ...noise };
  return taken("radiometric-calibration", facts);
}

function systematicFacts(systematicUncertainty: number | undefined) {
  return systematicUncertainty === undefined ? {} : { systematicUncertainty, k: 1 };
}

function nonlinearity(spectrum: PicoSpectrum): ProvenanceStep {
  const { nonlinearityCoefficients } = spectrum;
  if (isBinned(spectrum)) return leftOut("nonlinearity", "the pixels are binned");
  const made = correctNonlinearity(Float64Array.of(1), nonlinearityCoefficients);
  return made.applied
    ? taken("nonlinearity", { coefficients: nonlinearityCoefficients })
    : leftOut("nonlinearity", made.detail);
}

function strayLight({ strayLightConstant }: PicoSpectrum): ProvenanceStep {
  if (strayLightConstant === null || strayLightConstant === 0)
    return leftOut("stray-light", "the device stores no stray light constant");
  return leftOut("stray-light", "what the stored constant means is not published");
}

function taken(step: string, facts: ProvenanceStep["facts"]): ProvenanceStep {
  return { step, version: VERSION, facts };
}

function leftOut(step: string, reason: string): ProvenanceStep {
  return { step, version: VERSION, facts: { applied: false, reason } };
}

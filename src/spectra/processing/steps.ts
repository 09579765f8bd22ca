// What was done to the spectra of a product, step by step; what was left out is a step too, with the reason. The names are
// those of the corrections where there is one. Pure.

import type { Level } from "../level.ts";
import { correctNonlinearity } from "../corrections/nonlinearity.ts";
import type { PicoSpectrum } from "../pico.ts";
import type { RadiometricCalibration } from "../radiometric.ts";
import { isBinned } from "../signal-rate.ts";
import type { NoiseModel } from "./noise.ts";
import type { ProvenanceStep } from "./provenance.ts";

export interface StepFacts {
  readonly level: Level;
  /** One of the spectra: all of a product are of one instrument. */
  readonly spectrum: PicoSpectrum;
  /** How many spectra got their dark in which way, such as `{ nearest: 12 }`. */
  readonly darks: Readonly<Record<string, number>>;
  readonly calibration?: RadiometricCalibration;
  /** How many spectra have what they are divided by, downwelling light or panel, from both sides, and from one. */
  readonly reflectance?: {
    readonly interpolated: number;
    readonly nearest: number;
    /** `paired`: how many are corrected by the change of the downwelling light. */
    readonly panel?: PanelFacts & { readonly paired: number };
  };
  /** The noise that errors come from, or why there are none. */
  readonly noise: NoiseModel | string;
}

interface PanelFacts {
  readonly serial: string;
  readonly calibrated: string;
  readonly source: string;
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
  ];
}

function ofLevel({ level, calibration, reflectance }: StepFacts): readonly ProvenanceStep[] {
  if (level === "radiance" && calibration !== undefined) {
    const { quantity, source, date = null, systematicUncertainty } = calibration;
    // All values have it in common, so it stands apart from the standard errors of each.
    const systematic = systematicUncertainty !== undefined && { systematicUncertainty, k: 1 };
    return [taken("radiometric-calibration", { quantity, source, date, ...systematic })];
  }
  if (level !== "reflectance" || reflectance === undefined) return [];
  const { panel, ...counted } = reflectance;
  const by = panel === undefined ? "upwelling over downwelling" : "target over white panel times its factor";
  const method = `${by}, interpolated in time where there is one before and after`;
  if (panel === undefined) return [taken("reflectance", { method, ...counted })];
  const { paired, ...facts } = panel;
  return [taken("white-panel", { ...facts }), taken("reflectance", { method, ...counted, paired })];
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

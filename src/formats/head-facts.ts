// What formats with a header of text tell of a product, in one order and with the same names.

import { isOnPixels, type ProductHead, type ProductRow } from "../spectra/processing/product.ts";
import { stepsText } from "../spectra/processing/provenance.ts";
import { provenanceName } from "./provenance-file.ts";

/** Name and value, each on one line; what is not known is left out. */
export function headFacts(head: ProductHead): readonly (readonly [string, string])[] {
  const { instrument, provenance } = head;
  const facts: readonly (readonly [string, string | null])[] = [
    ["run", head.run],
    ["serial", head.serial],
    ["channel", head.channel],
    ["level", head.level],
    ["quantity", head.quantity],
    ["method", head.method ?? null],
    ["units", head.units],
    ["axis", isOnPixels(head) ? "pixel index" : "wavelength in air, nm"],
    ["model", instrument.model],
    ["firmware", instrument.firmware],
    ["optical_configuration", instrument.opticalConfiguration],
    ["wavelength_coefficients", instrument.wavelengthCoefficients.join(" ")],
    ["nonlinearity_coefficients", instrument.nonlinearityCoefficients.join(" ")],
    ["saturation_level", String(instrument.saturationLevel)],
    ["simulated", String(head.isSimulated)],
    ["software", provenance.software],
    ["made", provenance.madeUtc],
    ["steps", stepsText(provenance)],
    ["provenance", provenanceName(head)],
    ...Object.entries(head.dataset ?? {}),
  ];
  return facts.flatMap(([name, value]) => {
    const text = oneLine(value ?? "");
    return text === "" ? [] : [[name, text] as const];
  });
}

/** A curve that a product has of each spectrum; formats that hold one curve make a file of each. */
export interface ProductCurve {
  /** Of the name of its file. */
  readonly suffix: string;
  readonly what: string;
  readonly valuesOf: (row: ProductRow) => Float64Array;
}

/** Those beside the values. */
export function errorCurvesOf(head: ProductHead): readonly ProductCurve[] {
  const none = new Float64Array(head.wavelengthsNm.length).fill(Number.NaN);
  const byNoise: ProductCurve = {
    suffix: "_standard_error",
    what: "standard error by noise, k = 1",
    valuesOf: ({ standardError }) => standardError ?? none,
  };
  const systematic: ProductCurve = {
    suffix: "_systematic_error",
    what: "systematic standard uncertainty by calibrations, common to all spectra, k = 1",
    valuesOf: ({ systematicError }) => systematicError ?? none,
  };
  return [...(head.hasUncertainty ? [byNoise] : []), ...(head.hasSystematicError ? [systematic] : [])];
}

export function curvesOf(head: ProductHead): readonly ProductCurve[] {
  return [{ suffix: "", what: "values", valuesOf: (row) => row.values }, ...errorCurvesOf(head)];
}

export function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}

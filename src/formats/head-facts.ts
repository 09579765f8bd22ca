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
  readonly valuesOf: (row: ProductRow) => Float64Array;
}

export function curvesOf({ hasUncertainty, wavelengthsNm }: ProductHead): readonly ProductCurve[] {
  const values: ProductCurve = { suffix: "", valuesOf: (row) => row.values };
  if (!hasUncertainty) return [values];
  const none = new Float64Array(wavelengthsNm.length).fill(Number.NaN);
  return [values, { suffix: "_standard_error", valuesOf: ({ standardError }) => standardError ?? none }];
}

export function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}

// Flags that concern all light spectra that one spectrometer recorded in a sequence.

import { raisedFlags } from "./flags.ts";
import type { Spectrum } from "./spectrum.ts";

/** Radiance cannot be compared with an irradiance that changed meanwhile: where one has the flag, all have it. */
export function withCommonFlags(spectra: readonly Spectrum[]): readonly Spectrum[] {
  const isVariable = ({ kind, flags }: Spectrum): boolean =>
    kind === "light" && flags.includes("variable_irradiance");
  const serials = new Set(spectra.filter(isVariable).map(({ instrument }) => instrument.serial));
  return spectra.map((spectrum) => {
    const { kind, instrument, flags } = spectrum;
    if (kind !== "light" || !serials.has(instrument.serial) || isVariable(spectrum)) return spectrum;
    return {
      ...spectrum,
      flags: raisedFlags((name) => name === "variable_irradiance" || flags.includes(name)),
    };
  });
}

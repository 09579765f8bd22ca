// An irradiance standard: a tungsten halogen lamp at the distance of its certificate, seen by every fibre.
// Its certificate, pdata/example-lamp.csv, holds this curve at some wavelengths.

/** Second radiation constant, in nm K. */
const C2_NM_K = 1.438777e7;
const TEMPERATURE_K = 3000;
/** Where the irradiance is PEAK; emissivity is relative to here. */
const REFERENCE_NM = 900;
const PEAK = 0.25;

/** Spectral irradiance in W m-2 nm-1. */
export function standardIrradiance(nm: number): number {
  return (PEAK * emissivity(nm) * planck(nm)) / (emissivity(REFERENCE_NM) * planck(REFERENCE_NM));
}

/** Of tungsten behind quartz: it falls slowly towards the red. */
function emissivity(nm: number): number {
  return 0.48 - 0.09 * (nm / 1000) + 0.012 * (nm / 1000) ** 2;
}

function planck(nm: number): number {
  return nm ** -5 / Math.expm1(C2_NM_K / (nm * TEMPERATURE_K));
}

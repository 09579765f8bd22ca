// The sun above the atmosphere: a blackbody, a smooth correction for what the solar atmosphere adds and takes,
// and the main Fraunhofer lines. Parameters are our own fit; docs/emulator.md says how far it is off.

import { type Bell, sumOfBells } from "./gaussians.ts";

const PLANCK = 6.62607015e-34;
const LIGHT_SPEED = 2.99792458e8;
const BOLTZMANN = 1.380649e-23;
/** Effective temperature of the sun, nominal value of the IAU (resolution B3, 2015). */
const SUN_K = 5772;
/** Solar radius over one astronomical unit, squared: dilution of the light at the earth. */
const DILUTION = (6.957e8 / 1.495978707e11) ** 2;

/** Logarithm of the true continuum over the blackbody: line blanketing in the ultraviolet, excess in the visible. */
const CONTINUUM_OFFSET = -0.0416;
const CONTINUUM: readonly Bell[] = [
  [-0.4763, 323.6, 52.71],
  [0.324, 158.5, 268],
  [0.2195, 1721, 420.7],
];

/** Fraunhofer lines and blends of lines: centre in nm, equivalent width in nm, standard deviation in nm. */
const FRAUNHOFER_LINES: readonly (readonly [nm: number, equivalentWidthNm: number, widthNm: number])[] = [
  [302.1, 0.3, 0.5],
  [305.9, 0.35, 0.8],
  [309.3, 0.3, 0.6],
  [315.8, 0.25, 0.5],
  [336.1, 0.35, 0.8],
  [344.1, 0.35, 0.6],
  [349, 0.25, 0.6],
  [358.1, 0.7, 1],
  [373.5, 0.9, 1],
  [382.4, 1.1, 1.1],
  [388.3, 0.6, 1.6],
  [393.37, 2, 0.9], // Ca II K
  [396.85, 1.5, 0.8], // Ca II H
  [410.17, 0.35, 0.5], // H delta
  [422.67, 0.17, 0.4], // Ca I
  [430.8, 0.9, 1.1], // G band, CH
  [434.05, 0.35, 0.5], // H gamma
  [438.35, 0.2, 0.4], // Fe I
  [486.13, 0.4, 0.5], // F, H beta
  [517.3, 0.45, 0.6], // b, Mg I
  [526.95, 0.15, 0.4], // E, Fe I
  [589, 0.08, 0.35], // D2, Na I
  [589.59, 0.06, 0.35], // D1, Na I
  [656.28, 0.42, 0.5], // C, H alpha
  [849.8, 0.15, 0.4], // Ca II
  [854.21, 0.37, 0.5], // Ca II
  [866.21, 0.26, 0.45], // Ca II
  [1005, 0.04, 0.4], // Paschen delta
  [1282, 0.15, 0.8], // Paschen beta
];

const LINE_DEPTHS: readonly Bell[] = FRAUNHOFER_LINES.map(([nm, equivalentWidthNm, widthNm]) => [
  equivalentWidthNm / (widthNm * Math.sqrt(2 * Math.PI)),
  nm,
  widthNm,
]);

/** Solar spectral irradiance at the top of the atmosphere, W m-2 nm-1, at the mean distance of the earth. */
export function extraterrestrialIrradiance(nm: number): number {
  const continuum = CONTINUUM_OFFSET + sumOfBells(CONTINUUM, nm);
  return blackbodyIrradiance(nm) * Math.exp(continuum - sumOfBells(LINE_DEPTHS, nm));
}

function blackbodyIrradiance(nm: number): number {
  const metres = nm * 1e-9;
  const exponent = (PLANCK * LIGHT_SPEED) / (metres * BOLTZMANN * SUN_K);
  const exitance = (2 * Math.PI * PLANCK * LIGHT_SPEED ** 2) / metres ** 5 / Math.expm1(exponent);
  return exitance * DILUTION * 1e-9;
}

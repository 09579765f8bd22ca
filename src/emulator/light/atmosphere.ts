// A clear atmosphere: Rayleigh and aerosol scattering, ozone, oxygen, water and carbon dioxide, by air mass.
// The structure follows the simple spectral model of Bird and Riordan (1984); band parameters are our own.
// State: 1.42 cm of water, 0.344 atm-cm of ozone, aerosol optical depth 0.084 at 500 nm, as in ASTM G173.

import { type Bell, sumOfBells } from "./gaussians.ts";
import { extraterrestrialIrradiance } from "./sun.ts";

const OZONE_ATM_CM = 0.3438;
const AEROSOL_DEPTH_500 = 0.084;
const ANGSTROM_EXPONENT = 1.14;
/** Air mass for which the band depths below hold, and how they grow: strong lines saturate, so not linearly. */
const BAND_AIR_MASS = 1.5;
const BAND_GROWTH = 0.55;
/** Share of the scattered light that goes down: Rayleigh scatters evenly, aerosol mostly forward. */
const RAYLEIGH_DOWN = 0.5;
const AEROSOL_DOWN = 0.82;

const BANDS: readonly Bell[] = [
  // oxygen: gamma, B and A bands, 1268 nm
  [0.045, 628.4, 3.3],
  [0.91, 687.4, 0.281],
  [0.137, 690.9, 3.39],
  [5.585, 760.5, 0.32],
  [0.624, 763, 0.668],
  [0.611, 764, 1.927],
  [0.193, 1268, 4.386],
  // water
  [0.021, 656.7, 7.33],
  [0.259, 718.8, 1.364],
  [0.191, 726.9, 4.88],
  [0.252, 816.7, 2.737],
  [0.394, 823.1, 0.416],
  [0.133, 829.3, 4.351],
  [0.335, 899, 2.71],
  [0.324, 912.6, 5.735],
  [1.143, 934.4, 2.796],
  [0.938, 949.3, 11.8],
  [0.184, 977.8, 3.461],
  [0.431, 1138, 24.74],
  [1.346, 1126, 7.895],
  [0.734, 1149, 5.622],
  [0.118, 1200, 16.45],
  [1.212, 1365, 28.07],
  [30, 1384, 12],
  [2.395, 1435, 14.29],
  [0.307, 1492, 17.09],
  [1.199, 1473, 10.1],
  [0.282, 1823, 57.05],
  [1.717, 1825, 23.67],
  [30, 1877, 26],
  [1.749, 1957, 10.75],
  [6.731, 2698, 136.8],
  // carbon dioxide
  [0.09, 1575, 4.723],
  [0.075, 1605, 4.732],
  [0.252, 1982, 4.959],
  [1.577, 2010, 9.183],
  [0.489, 2060, 11.82],
];

/** What a wavelength meets on its way down: irradiance above, and optical depths for air mass 1 (bands: 1.5). */
export interface AirColumn {
  readonly extraterrestrial: number;
  readonly rayleigh: number;
  readonly aerosol: number;
  readonly ozone: number;
  readonly bands: number;
}

/** The way of the light for one elevation of the sun. */
export interface SunPath {
  readonly cosZenith: number;
  readonly airMass: number;
  readonly bandGrowth: number;
}

/** Irradiance on a horizontal surface, W m-2 nm-1. */
export interface GroundIrradiance {
  readonly beam: number;
  readonly sky: number;
}

export function airColumn(nm: number): AirColumn {
  const um = nm / 1000;
  return {
    extraterrestrial: extraterrestrialIrradiance(nm),
    rayleigh: 1 / (um ** 4 * (115.6406 - 1.3366 / um ** 2)), // Kneizys et al. 1980
    aerosol: AEROSOL_DEPTH_500 * (nm / 500) ** -ANGSTROM_EXPONENT,
    ozone: OZONE_ATM_CM * ozonePerAtmCm(nm),
    bands: sumOfBells(BANDS, nm),
  };
}

/** Absorption coefficient: Hartley and Huggins bands fall off exponentially, the Chappuis band is a bell at 600 nm. */
function ozonePerAtmCm(nm: number): number {
  return 10 * Math.exp(-0.138 * (Math.max(nm, 300) - 300)) + 0.125 * Math.exp(-0.5 * ((nm - 600) / 48) ** 2);
}

/** Below the horizon the last light fades by a factor e every half degree. */
export function sunPath(elevationDeg: number): SunPath {
  const above = Math.max(elevationDeg, 0.5);
  const twilight = Math.exp(2 * Math.min(elevationDeg - 0.5, 0));
  const zenithDeg = 90 - above;
  const cosZenith = Math.cos((zenithDeg * Math.PI) / 180);
  const airMass = 1 / (cosZenith + 0.50572 * (96.07995 - zenithDeg) ** -1.6364); // Kasten and Young 1989
  return { cosZenith: cosZenith * twilight, airMass, bandGrowth: (airMass / BAND_AIR_MASS) ** BAND_GROWTH };
}

export function groundIrradiance(column: AirColumn, path: SunPath): GroundIrradiance {
  const absorbed = Math.exp(-column.ozone * path.airMass - column.bands * path.bandGrowth);
  const reaching = column.extraterrestrial * absorbed * path.cosZenith;
  const rayleigh = Math.exp(-column.rayleigh * path.airMass);
  const aerosol = Math.exp(-column.aerosol * path.airMass);
  const scattered = (1 - rayleigh ** 0.95) * RAYLEIGH_DOWN + rayleigh ** 1.5 * (1 - aerosol) * AEROSOL_DOWN;
  return { beam: reaching * rayleigh * aerosol, sky: reaching * scattered };
}

// What the upwelling channel looks at: reflectance as smooth functions of the wavelength, 300 to 2600 nm.
// These functions are the truth that tests compare a measured reflectance with.

import { VscopeError } from "../../base/errors.ts";
import { type Bell, sumOfBells } from "./gaussians.ts";

/** A leaf canopy: logarithm of the floor, a step at the red edge, then pigment and water bands. */
const CANOPY_FLOOR = -4.234;
const RED_EDGE = { height: 3.384, nm: 695, widthNm: 8.963 } as const;
const CANOPY_BANDS: readonly Bell[] = [
  [0.9871, 540, 23.67], // green peak
  [0.6971, 591.2, 41.88], // its long shoulder towards the red
  [-0.8053, 700.1, 23.07], // foot of the chlorophyll band
  [-0.0584, 983.6, 34.1], // water, 970 nm
  [0.065, 1041, 147.1], // plateau
  [-0.0948, 1200, 54.07], // water, 1200 nm
  [-0.8636, 1440, 33.96], // water, 1450 nm
  [-0.9482, 1502, 90.09],
  [-0.6266, 1757, 82.74], // dry matter
  [-2.257, 1931, 33.39], // water, 1940 nm
  [-1.468, 2019, 88.99],
  [-3.145, 2650, 335.3], // decline towards the water band at 2700 nm
];

/** Reflectance of a dense green canopy. */
export function canopyReflectance(nm: number): number {
  const edge = RED_EDGE.height / (1 + Math.exp((RED_EDGE.nm - nm) / RED_EDGE.widthNm));
  return Math.exp(CANOPY_FLOOR + edge + sumOfBells(CANOPY_BANDS, nm));
}

const SOIL_BANDS: readonly Bell[] = [
  [0.07, 390, 25], // less absorption by iron than the exponential has
  [-0.0234, 1930, 35], // water
  [-0.0337, 2207, 22], // clay
  [-0.0966, 2600, 180],
];

/** Reflectance of a bare dry soil. */
export function soilReflectance(nm: number): number {
  return 0.5241 - 0.3571 * Math.exp(-(nm - 400) / 405.1) + sumOfBells(SOIL_BANDS, nm);
}

/** Reflectance of a white reference panel of sintered PTFE: nearly 1, lower in the ultraviolet and beyond 2 um. */
export function whitePanelReflectance(nm: number): number {
  return 0.991 - 0.03 * Math.exp(-(nm - 250) / 60) - 0.04 / (1 + Math.exp((2150 - nm) / 60));
}

/** Targets by name; `sky` is not a target but the light itself, for the downwelling channel. */
export const TARGETS = {
  sky: () => 1,
  canopy: canopyReflectance,
  soil: soilReflectance,
  "white-panel": whitePanelReflectance,
} as const satisfies Record<string, (nm: number) => number>;

export type TargetName = keyof typeof TARGETS;

/** Throws VALUE_INVALID for a name that is none of a target. */
export function targetNamed(name: string): TargetName {
  const names = Object.keys(TARGETS).filter(isTargetName);
  const found = names.find((one) => one === name);
  if (found !== undefined) return found;
  throw new VscopeError("VALUE_INVALID", `target '${name}': there is none, there are ${names.join(", ")}`);
}

function isTargetName(name: string): name is TargetName {
  return Object.hasOwn(TARGETS, name);
}

// Emission lines of wavelength calibration lamps: wavelengths in air and rough relative powers, which only the emulated
// lamps use. Wavelengths: NIST Atomic Spectra Database, as lists for such lamps round them.
// A mercury lamp also has weaker lines at 365.48 and 366.33 nm, which pull at 365.015 nm in a broad instrument: the fit
// leaves such a line out when it disagrees with the others.

import { VscopeError } from "../../base/errors.ts";

/** Wavelength in nm and relative power. */
export type EmissionLine = readonly [nm: number, power: number];

const HG_AR: readonly EmissionLine[] = [
  [253.652, 9],
  [296.728, 0.5],
  [302.15, 0.3],
  [313.155, 1.2],
  [334.148, 0.2],
  [365.015, 1.8],
  [404.656, 1.4],
  [407.783, 0.15],
  [435.833, 2.4],
  [546.074, 2.6],
  [576.96, 0.5],
  [579.066, 0.5],
  [696.543, 0.8],
  [706.722, 0.35],
  [714.704, 0.05],
  [727.294, 0.2],
  [738.398, 0.5],
  [750.387, 0.9],
  [763.511, 1.4],
  [772.376, 0.8],
  [794.818, 0.5],
  [800.616, 0.5],
  [811.531, 1.5],
  [826.452, 0.6],
  [842.465, 0.8],
  [852.144, 0.3],
  [866.794, 0.1],
  [912.297, 0.9],
  [922.45, 0.25],
];

const NE: readonly EmissionLine[] = [
  [341.79, 0.05],
  [342.391, 0.02],
  [503.135, 0.02],
  [503.775, 0.05],
  [540.056, 0.25],
  [576.441, 0.1],
  [582.015, 0.05],
  [585.249, 1.6],
  [588.189, 0.6],
  [594.483, 0.9],
  [597.553, 0.2],
  [602.99968, 0.25],
  [607.433, 0.9],
  [609.616, 1.2],
  [612.884, 0.1],
  [614.306, 1.9],
  [616.359, 0.6],
  [621.728, 0.7],
  [626.649, 1.1],
  [630.479, 0.4],
  [633.442, 1.6],
  [638.299, 1.9],
  [640.225, 3.2],
  [650.653, 2.2],
  [653.288, 0.8],
  [659.895, 1.3],
  [667.828, 1.8],
  [671.704, 1.1],
  [692.947, 1.5],
  [703.241, 2.8],
  [717.394, 0.9],
  [724.512, 1.4],
  [743.89, 0.4],
  [747.244, 0.05],
  [748.887, 0.2],
  [753.577, 0.2],
  [754.404, 0.15],
  [1117.752, 0.4],
  [1152.275, 0.3],
];

export const LAMP_LINES = { "hg-ar": HG_AR, ne: NE } as const satisfies Record<
  string,
  readonly EmissionLine[]
>;

export type LampName = keyof typeof LAMP_LINES;

export function isLampName(name: string): name is LampName {
  return Object.hasOwn(LAMP_LINES, name);
}

/** Wavelengths of the lamp's lines, ascending. Throws VALUE_INVALID for a name that is none of a lamp. */
export function linesOf(name: string): readonly number[] {
  if (isLampName(name)) return LAMP_LINES[name].map(([nm]) => nm);
  const names = Object.keys(LAMP_LINES).join(", ");
  throw new VscopeError("VALUE_INVALID", `lamp '${name}': there is none, there are ${names}`);
}

// Emission lines of wavelength calibration lamps: wavelengths in air, and rough relative powers, by which lines that no
// instrument here separates are taken as one, and which the emulated lamps shine with.
// Wavelengths: NIST Atomic Spectra Database; those of mercury up to 579.067 nm are of pencil lamps, by Sansonetti, Salit and
// Reader, Applied Optics 35, 74 (1996). The lines are those of lists for such lamps, with the companions that blend with them.
// Such lists have neon at 612.884 nm, where NIST has 612.845 nm.

import { VscopeError } from "../../base/errors.ts";

/** Wavelength in nm and relative power. */
export type EmissionLine = readonly [nm: number, power: number];

const HG_AR: readonly EmissionLine[] = [
  [253.6521, 9],
  [296.7283, 0.5],
  [302.1504, 0.3],
  [312.5674, 1],
  [313.1555, 0.6],
  [313.1844, 0.6],
  [334.1484, 0.2],
  [365.0158, 1.8],
  [365.4842, 0.5],
  [366.2887, 0.05],
  [366.3284, 0.35],
  [404.6565, 1.4],
  [407.7837, 0.15],
  [434.7494, 0.05],
  [435.8335, 2.4],
  [546.075, 2.6],
  [576.961, 0.5],
  [579.067, 0.5],
  [696.5431, 0.8],
  [706.7218, 0.35],
  [714.7042, 0.05],
  [727.2936, 0.2],
  [738.398, 0.5],
  [750.3869, 0.9],
  [751.4652, 0.6],
  [763.5106, 1.4],
  [772.3761, 0.4],
  [772.4207, 0.4],
  [794.8176, 0.5],
  [800.6157, 0.5],
  [801.4786, 0.5],
  [810.3693, 0.8],
  [811.5311, 1.5],
  [826.4522, 0.6],
  [840.821, 0.6],
  [842.4648, 0.8],
  [852.1442, 0.3],
  [866.7944, 0.1],
  [912.2967, 0.9],
  [922.4499, 0.25],
];

const NE: readonly EmissionLine[] = [
  [341.7903, 0.05],
  [342.3912, 0.02],
  [503.1348, 0.02],
  [503.7751, 0.05],
  [540.0562, 0.25],
  [576.4419, 0.1],
  [582.0156, 0.05],
  [585.2488, 1.6],
  [588.1895, 0.6],
  [594.4834, 0.9],
  [597.5534, 0.2],
  [602.9997, 0.25],
  [607.4338, 0.9],
  [609.6163, 1.2],
  [612.845, 0.1],
  [614.3063, 1.9],
  [616.3594, 0.6],
  [621.7281, 0.7],
  [626.6495, 1.1],
  [630.4789, 0.4],
  [633.4428, 1.6],
  [638.2991, 1.9],
  [640.2248, 3.2],
  [650.6528, 2.2],
  [653.2882, 0.8],
  [659.8953, 1.3],
  [667.8277, 1.8],
  [671.7043, 1.1],
  [692.9467, 1.5],
  [702.405, 0.3],
  [703.2413, 2.8],
  [705.9108, 0.1],
  [717.3938, 0.9],
  [724.5167, 1.4],
  [743.8898, 0.4],
  [747.2438, 0.05],
  [748.8871, 0.2],
  [753.5774, 0.2],
  [754.4044, 0.15],
  [1117.7524, 0.4],
  [1152.2746, 0.3],
];

export const LAMP_LINES = { "hg-ar": HG_AR, ne: NE } as const satisfies Record<
  string,
  readonly EmissionLine[]
>;

export type LampName = keyof typeof LAMP_LINES;

export function isLampName(name: string): name is LampName {
  return Object.hasOwn(LAMP_LINES, name);
}

/** The lamp's lines, ascending. Throws VALUE_INVALID for a name that is none of a lamp. */
export function linesOf(name: string): readonly EmissionLine[] {
  if (isLampName(name)) return LAMP_LINES[name];
  const names = Object.keys(LAMP_LINES).join(", ");
  throw new VscopeError("VALUE_INVALID", `lamp '${name}': there is none, there are ${names}`);
}

// What a correction is and what comes of it: corrected counts with the numbers used, or the reason why it was not made.
// A correction that cannot be made never looks like one that changed nothing. docs/corrections.md explains all of them.

/** One number a pixel, as the detector gave them or as an earlier correction left them. No function changes its input. */
export type Counts = Uint32Array | Float64Array;

/** Half-open range of pixel indices. */
export type PixelRange = readonly [number, number];

/** All corrections, in the order in which they are made. */
export const CORRECTIONS = [
  "dark-spectrum",
  "electric-dark",
  "nonlinearity",
  "stray-light",
  "gain-scale",
  "wavelength",
] as const;

export type CorrectionName = (typeof CORRECTIONS)[number];

/** Why a correction was not made. docs/corrections.md repeats this table; a test keeps the two identical. */
export const OBSTACLES = {
  "not-asked-for": "Nobody asked for it.",
  "frame-size":
    "The frame has another number of pixels than the instrument, as after binning: no range fits.",
  "no-dark-spectrum":
    "No dark spectrum of this channel with the same integration time was recorded since the start.",
  "dark-subtracted": "A dark spectrum was subtracted instead.",
  "no-dark-pixels":
    "The model has no dark pixels, or no one in this frame is usable: the dark level is unknown.",
  "no-coefficients": "The device stores no polynomial, or one that stands for none.",
  "coefficients-unusable": "A coefficient is not finite, or the polynomial has no usable value at any pixel.",
  "no-constant": "The device stores no stray light constant, or 0.",
  "constant-unusable": "The stray light constant is not a share of the light: outside 0..1.",
  "no-optical-pixels": "No pixel that sees light has a usable value to average.",
  "no-gain-scale": "The model stores no saturation level to scale by.",
  "level-unusable": "The saturation level is not within 0..max counts.",
} as const satisfies Record<string, string>;

export type Obstacle = keyof typeof OBSTACLES;

/** The numbers a correction was made with, for the record. Counts unless the name tells another unit. */
export type Facts = Readonly<Record<string, number | string>>;

export interface Applied<Used extends Facts = Facts> {
  readonly applied: true;
  readonly counts: Float64Array;
  readonly facts: Used;
}

export interface NotApplied {
  readonly applied: false;
  readonly obstacle: Obstacle;
  /** For people: what was found, such as "stray light constant 1.5 is outside 0..1". */
  readonly detail: string;
}

export type Correction<Used extends Facts = Facts> = Applied<Used> | NotApplied;

export function notApplied(obstacle: Obstacle, detail: string): NotApplied {
  return { applied: false, obstacle, detail };
}

// What the emulator adds to a row of the model table: the optics and electronics of a typical unit.
// Amplitudes are shares of the saturation level, so that one profile fits ADCs of 12 to 18 bits.

import type { ModelName } from "../../drivers/oceanoptics/models.ts";

export interface Profile {
  /** Wavelengths of the first and the last optical pixel. */
  readonly rangeNm: readonly [number, number];
  /** Full width at half maximum of a narrow line. */
  readonly resolutionNm: number;
  /** Grating and detector together: a bell with a width on either side of its peak. */
  readonly sensitivity: { readonly peakNm: number; readonly blueNm: number; readonly redNm: number };
  /** Integration time that brings the peak of clear noon light to 80 % of saturation. */
  readonly noonUs: number;
  /** Electrons at saturation: sets the photon noise. */
  readonly fullWellElectrons: number;
  readonly offset: number;
  readonly readNoise: number;
  /** Dark signal per second at 20 degC; it doubles every 7 K. */
  readonly darkPerSecond: number;
  /** Set point of the cooler at power-up. */
  readonly setpointC: number;
  /** Packets of 512 bytes on all pipes of an OBP device; the older ones have 64. */
  readonly isHighSpeed: boolean;
}

const SILICON: Profile = {
  rangeNm: [350, 1000],
  resolutionNm: 1.5,
  sensitivity: { peakNm: 560, blueNm: 130, redNm: 260 },
  noonUs: 20_000,
  fullWellElectrons: 90_000,
  offset: 0.025,
  readNoise: 0.0003,
  darkPerSecond: 0.002,
  setpointC: -10,
  isHighSpeed: true,
};

const BACK_THINNED: Profile = {
  ...SILICON,
  resolutionNm: 2.2,
  sensitivity: { peakNm: 600, blueNm: 190, redNm: 250 },
  fullWellElectrons: 300_000,
  readNoise: 0.00005,
};

const INGAAS: Profile = {
  ...SILICON,
  rangeNm: [900, 1700],
  resolutionNm: 6,
  sensitivity: { peakNm: 1350, blueNm: 350, redNm: 220 },
  fullWellElectrons: 4_000_000,
  darkPerSecond: 0.05,
};

const SMALL: Profile = { ...SILICON, rangeNm: [350, 800], isHighSpeed: false };

const BY_MODEL: Partial<Record<ModelName, Profile>> = {
  "Flame-S": { ...SILICON, rangeNm: [340, 1020] },
  "USB2000+": { ...SILICON, rangeNm: [340, 1020] },
  QE65000: { ...BACK_THINNED, rangeNm: [350, 1100] },
  "QE Pro": { ...BACK_THINNED, rangeNm: [390, 1100], noonUs: 30_000, isHighSpeed: false },
  "Maya2000 Pro": { ...BACK_THINNED, rangeNm: [250, 1100] },
  MayaLSL: { ...BACK_THINNED, rangeNm: [250, 1100] },
  Apex: { ...BACK_THINNED, rangeNm: [790, 1000], resolutionNm: 0.5 },
  NIRQuest512: INGAAS,
  NIRQuest256: { ...INGAAS, resolutionNm: 9 },
  "Flame-NIR": { ...INGAAS, rangeNm: [950, 1650], resolutionNm: 10 },
  STS: SMALL,
  Spark: { ...SMALL, rangeNm: [380, 700] },
  Ventana: { ...BACK_THINNED, rangeNm: [800, 940], resolutionNm: 0.4, noonUs: 60_000, isHighSpeed: false },
};

/** The profile of a model; a general silicon spectrometer where nothing special is known. */
export function profileOf(model: string): Profile {
  const known = new Map<string, Profile>(Object.entries(BY_MODEL));
  return known.get(model) ?? SILICON;
}

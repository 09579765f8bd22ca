// The irradiance calibration in the memory of an instrument: energies per count, which become factors with the wavelengths
// of a spectrum. Pure.

import { factorsOfEnergy, type RadiometricCalibration } from "./radiometric.ts";

/** Plain data, so that it can go to a thread. */
export interface StoredIrradiance {
  readonly serial: string;
  readonly channel: string;
  /** As the instrument holds them, one a pixel; 0 where there is none. */
  readonly microjoules: readonly number[];
  /** Of the entrance, which the instrument does not tell. */
  readonly collectionAreaCm2: number;
  /** Counts that the maker's software shows for a raw one. */
  readonly gain: number;
}

/** Where it comes from, in the place of a file. */
export const IN_INSTRUMENT = "instrument";

/** For spectra on these wavelengths, one a pixel. */
export function calibrationOfStored(
  stored: StoredIrradiance,
  wavelengthsNm: Float64Array,
): RadiometricCalibration {
  const { serial, channel, microjoules, collectionAreaCm2, gain } = stored;
  const { values, ...pixels } = factorsOfEnergy(microjoules, wavelengthsNm, collectionAreaCm2);
  const factors = { ...pixels, values: values.map((value) => value * gain) };
  return { quantity: "irradiance", serial, channel, source: IN_INSTRUMENT, axis: "pixel", factors };
}

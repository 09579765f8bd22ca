// The irradiance calibration in the memory of an instrument. Reading it takes up to a second of the instrument's time,
// so it is kept until somebody writes into the instrument.

import { VscopeError } from "../base/errors.ts";
import type { Spectrometer } from "../instruments/spectrometer.ts";
import { gainFactorOf } from "../spectra/corrections/gain-scale.ts";
import { wavelengthsOf } from "../spectra/plot-series.ts";
import type { RadiometricCalibration } from "../spectra/radiometric.ts";
import { calibrationOfStored, type StoredIrradiance } from "../spectra/stored-irradiance.ts";
import { Memo } from "./memo.ts";
import type { Taken } from "./taken.ts";

/** A channel of a spectrometer whose entrance has this area. */
export interface StoredPlace {
  readonly channel: string;
  readonly collectionAreaCm2: number;
}

export class InstrumentIrradiance {
  readonly #energies = new Map<
    string,
    { readonly changedUs: number; readonly microjoules: readonly number[] }
  >();
  readonly #calibrations = new Memo<RadiometricCalibration>();

  /** For a spectrum. Throws as `stored`, and VALUE_INVALID without wavelengths. */
  async calibration(
    spectrometer: Spectrometer,
    { light, exposed }: Taken,
    collectionAreaCm2: number,
    signal: AbortSignal,
  ): Promise<RadiometricCalibration> {
    const { channel, instrument } = light;
    const stored = await this.stored(spectrometer, { channel, collectionAreaCm2 }, signal);
    const { serial, microjoules } = stored;
    return this.#calibrations.of(`${serial} ${channel}`, [microjoules, instrument], () => {
      const wavelengthsNm = wavelengthsOf(exposed.light);
      if (wavelengthsNm === undefined)
        throw new VscopeError("VALUE_INVALID", `${serial}: has no wavelength calibration`);
      return calibrationOfStored(stored, wavelengthsNm);
    });
  }

  /** What an instrument holds. Throws RESOURCE_NOT_FOUND when it has none, and as the device does. */
  async stored(
    spectrometer: Spectrometer,
    place: StoredPlace,
    signal: AbortSignal,
  ): Promise<StoredIrradiance> {
    const { serial, identity } = spectrometer;
    const microjoules = await this.#read(spectrometer, signal);
    // The maker's software calibrates the counts that it shows, which are scaled where the model has a gain scale.
    const gain = gainFactorOf({ ...identity, isGainScaled: identity.isGainScaled === true });
    return { ...place, serial, microjoules, gain: typeof gain === "number" ? gain : 1 };
  }

  async #read(spectrometer: Spectrometer, signal: AbortSignal): Promise<readonly number[]> {
    const { serial, controls } = spectrometer;
    const { changedUs } = controls;
    const known = this.#energies.get(serial);
    if (known?.changedUs === changedUs) return known.microjoules;
    const microjoules = await controls.read("irradiance", signal);
    if (!microjoules.some((value) => value > 0)) {
      const fact = "no irradiance calibration in the instrument";
      throw new VscopeError("RESOURCE_NOT_FOUND", `${serial}: ${fact}`);
    }
    this.#energies.set(serial, { changedUs, microjoules });
    return microjoules;
  }
}

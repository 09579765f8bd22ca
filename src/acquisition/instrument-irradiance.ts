// The irradiance calibration in the memory of an instrument. Reading it takes up to a second of the instrument's time,
// so it is kept until somebody writes into the instrument.

import { VscopeError } from "../base/errors.ts";
import type { Spectrometer } from "../instruments/spectrometer.ts";
import { gainFactorOf } from "../spectra/corrections/gain-scale.ts";
import { wavelengthsOf } from "../spectra/plot-series.ts";
import { factorsOfEnergy, type RadiometricCalibration } from "../spectra/radiometric.ts";
import { Memo } from "./memo.ts";
import type { Taken } from "./taken.ts";

export class InstrumentIrradiance {
  readonly #energies = new Map<
    string,
    { readonly changedUs: number; readonly microjoules: readonly number[] }
  >();
  readonly #calibrations = new Memo<RadiometricCalibration>();

  /** Throws RESOURCE_NOT_FOUND when the instrument has none, VALUE_INVALID without wavelengths, and as the device does. */
  async calibration(
    spectrometer: Spectrometer,
    { light, exposed }: Taken,
    collectionAreaCm2: number,
    signal: AbortSignal,
  ): Promise<RadiometricCalibration> {
    const microjoules = await this.#read(spectrometer, signal);
    const { channel, instrument } = light;
    const { serial } = instrument;
    return this.#calibrations.of(`${serial} ${channel}`, [microjoules, instrument], () => {
      const wavelengthsNm = wavelengthsOf(exposed.light);
      if (wavelengthsNm === undefined)
        throw new VscopeError("VALUE_INVALID", `${serial}: has no wavelength calibration`);
      // The maker's software calibrates the counts that it shows, which are scaled where the model has a gain scale.
      const gain = gainFactorOf({ ...instrument, isGainScaled: instrument.isGainScaled === true });
      const scale = typeof gain === "number" ? gain : 1;
      const { values, ...pixels } = factorsOfEnergy(microjoules, wavelengthsNm, collectionAreaCm2);
      const factors = { ...pixels, values: values.map((value) => value * scale) };
      return { quantity: "irradiance", serial, channel, source: "instrument", axis: "pixel", factors };
    });
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

// The radiometric calibrations that an export is given, and which of them serve its lights. The rule is that of the live
// levels (acquisition/levels.ts).

import { isoUtc } from "../base/clock.ts";
import { grouped } from "../base/grouped.ts";
import type { PicoSpectrum } from "../spectra/pico.ts";
import { axisOf } from "../spectra/processing/at-level.ts";
import { isInUse, type Quantity, type RadiometricCalibration } from "../spectra/radiometric.ts";
import { calibrationOfStored, type StoredIrradiance } from "../spectra/stored-irradiance.ts";
import type { Indexed } from "./input-run.ts";

export interface SpectrometerChannel {
  readonly serial: string;
  readonly channel: string;
}

export type UsableCalibration = RadiometricCalibration | StoredIrradiance;
/** What became of one that is configured or given; plain data, so that it can go to a thread. */
export type GivenCalibration = UsableCalibration | (SpectrometerChannel & { readonly problem: string });

/** Of a reflectance that is pi times radiance over irradiance. */
export interface UsablePair {
  readonly radiance: UsableCalibration;
  readonly irradiance: UsableCalibration;
}

export class CalibrationShelf {
  readonly #given: ReadonlyMap<string, readonly GivenCalibration[]>;

  constructor(given: readonly GivenCalibration[]) {
    this.#given = grouped(given, placeOf);
  }

  /** By which a light becomes a radiance or an irradiance; or why by none. */
  of(light: Indexed): UsableCalibration | string {
    const found = this.#meantFor(light);
    if (found === undefined) return `no calibration of ${placeOf(light)} was given`;
    if ("problem" in found) return found.problem;
    if (light.exposure.binning > 0)
      return `${placeOf(light)}: binned spectra have no radiometric calibration`;
    const { validUntilUtcUs = Number.POSITIVE_INFINITY } = "factors" in found ? found : {};
    if (light.exposureStartUtcUs < validUntilUtcUs) return found;
    return `the calibration of ${placeOf(light)} was valid until ${isoUtc(validUntilUtcUs).slice(0, 10)}`;
  }

  /** For a reflectance by the light of the sky: both; or why it is a ratio of counts; undefined when neither is given. */
  pairOf(light: Indexed, skies: readonly Indexed[]): UsablePair | string | undefined {
    if (![light, ...skies].some((one) => this.#meantFor(one) !== undefined)) return undefined;
    const radiance = this.#ofQuantity("radiance", light);
    if (typeof radiance === "string") return radiance;
    const all = skies.map((sky) => this.#ofQuantity("irradiance", sky));
    const [irradiance] = all.filter((one) => typeof one !== "string");
    const problem = all.find((one) => typeof one === "string");
    return problem ?? (irradiance && { radiance, irradiance });
  }

  // Files come with the time of their use; what an instrument holds, or could not be read, is what is configured now.
  #meantFor(light: Indexed): GivenCalibration | undefined {
    const all = this.#given.get(placeOf(light)) ?? [];
    const inUse = all.find((one) => "factors" in one && isInUse(one, light.exposureStartUtcUs));
    return inUse ?? all.find((one) => !("factors" in one));
  }

  #ofQuantity(wanted: Quantity, light: Indexed): UsableCalibration | string {
    const found = this.of(light);
    if (typeof found === "string") return found;
    const quantity = quantityOf(found);
    if (quantity === wanted) return found;
    return `the calibration of ${placeOf(light)} is one of ${quantity}, there is none of ${wanted}`;
  }
}

export function quantityOf(one: UsableCalibration): Quantity {
  return "quantity" in one ? one.quantity : "irradiance";
}

/** With factors for a spectrum. */
export function calibrationFor(one: UsableCalibration, spectrum: PicoSpectrum): RadiometricCalibration {
  return "factors" in one ? one : calibrationOfStored(one, axisOf(spectrum));
}

export function placeOf({ serial, channel }: SpectrometerChannel): string {
  return `${serial} ${channel}`;
}

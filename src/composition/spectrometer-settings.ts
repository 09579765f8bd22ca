// What the instrument configuration says of each spectrometer, in the words of the rack and of the search.

import type { SearchLimits } from "../acquisition/autointegration.ts";
import { SECOND } from "../base/clock.ts";
import type { InstrumentConfig, SpectrometerConfig } from "../config/instrument-config.ts";
import type { SpectrometerSettings } from "../instruments/spectrometer.ts";

/** A search goes no further unless the configuration allows it: longer exposures are rarely meant. */
const LONGEST_SEARCH_US = 10 * SECOND;

/** The settings of a spectrometer by its serial number; empty when the configuration does not mention it. */
export function spectrometerSettings(instrument: InstrumentConfig): (serial: string) => SpectrometerSettings {
  return (serial) => find(instrument, serial) ?? { wavelengthCoefficients: new Map() };
}

export function searchLimits(instrument: InstrumentConfig): SearchLimits {
  return { maxUs: (serial) => find(instrument, serial)?.maxIntegrationTimeUs ?? LONGEST_SEARCH_US };
}

function find({ spectrometers }: InstrumentConfig, serial: string): SpectrometerConfig | undefined {
  return spectrometers.find((one) => one.serial === serial);
}

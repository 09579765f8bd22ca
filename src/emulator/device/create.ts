// The device core for a row of the model table.

import { ObpDevice } from "./obp-device.ts";
import { OoiDevice } from "./ooi-device.ts";
import type { EmulatedSpectrometer, SpectrometerOptions } from "./spectrometer.ts";

export function createSpectrometer(options: SpectrometerOptions): EmulatedSpectrometer {
  return options.model.protocol === "ooi" ? new OoiDevice(options) : new ObpDevice(options);
}

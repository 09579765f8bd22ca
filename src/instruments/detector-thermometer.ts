// The temperature of a detector beside its spectra. It moves slowly, so that not every spectrum asks the device.

import { type Clock, SECOND } from "../base/clock.ts";
import { definedOnly } from "../base/defined-only.ts";
import { isVscopeError, messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { SpectrometerDriver, TecReading } from "../drivers/oceanoptics/driver.ts";

/** What the detector's temperature was, and when. */
export interface Temperature {
  readonly atUs: number;
  readonly detectorTemperatureC: number;
  readonly tec?: TecReading;
}

// A reading is good for this long.
const AGE_US = 10 * SECOND;

export class DetectorThermometer {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #serial: string;
  #newest: Temperature | undefined;

  constructor(clock: Clock, log: Log, serial: string) {
    this.#clock = clock;
    this.#log = log;
    this.#serial = serial;
  }

  /** Another device, or another set point. */
  forget(): void {
    this.#newest = undefined;
  }

  // A spectrum without a temperature is better than none; the next command finds out what is wrong with the device.
  /** Undefined where the device does not tell it. Throws when the signal aborts only. */
  async read(driver: SpectrometerDriver, signal: AbortSignal): Promise<Temperature | undefined> {
    if (driver.tec === undefined && driver.readTemperatureC === undefined) return undefined;
    const known = this.#newest;
    if (known !== undefined && this.#clock.nowUs() - known.atUs < AGE_US) return known;
    try {
      const tec = await driver.tec?.read(signal);
      const detectorTemperatureC = tec?.temperatureC ?? (await driver.readTemperatureC?.(signal));
      if (detectorTemperatureC === undefined) return undefined;
      this.#newest = { atUs: this.#clock.nowUs(), detectorTemperatureC, ...definedOnly({ tec }) };
    } catch (error) {
      signal.throwIfAborted();
      this.#log.warn({ reason: messageOf(error) }, `${this.#serial}: temperature is not readable`);
      this.#newest = undefined;
      if (isVscopeError(error, "DEVICE_PROTOCOL", "DEVICE_TIMEOUT"))
        await driver.resynchronize(signal).catch(() => signal.throwIfAborted());
    }
    return this.#newest;
  }
}

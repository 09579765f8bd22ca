// Whether a detector has settled, for coolers that do not tell: several readings in a row, over some time, at the set point.

import { SECOND } from "../../base/clock.ts";
import type { TecReading } from "./driver.ts";

const TOLERANCE_C = 0.5;
const READINGS = 3;
/** A detector that only passes its set point is gone from there after this. */
const SPAN_US = 10 * SECOND;

export class TecStability {
  #readings = 0;
  #sinceUs = 0;

  /** To be called after a change of the cooler's settings. */
  restart(): void {
    this.#readings = 0;
  }

  /** Takes a reading. Undefined as long as there are not enough of them. */
  note({ temperatureC, setpointC, enabled }: TecReading, nowUs: number): boolean | undefined {
    if (!enabled || Math.abs(temperatureC - setpointC) > TOLERANCE_C) {
      this.restart();
      return false;
    }
    if (this.#readings === 0) this.#sinceUs = nowUs;
    this.#readings += 1;
    return this.#readings >= READINGS && nowUs - this.#sinceUs >= SPAN_US ? true : undefined;
  }
}

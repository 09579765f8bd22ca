// The settings of a device that show in its light or its frames, with their history: what held during an exposure is
// looked up afterwards. The integration time is kept by the exposures themselves.

import type { Clock } from "../../base/clock.ts";
import type { TriggerMode } from "../../drivers/oceanoptics/model.ts";

export interface DeviceSettings {
  readonly trigger: TriggerMode;
  /** The Lamp Enable line; a lamp hangs on it. */
  readonly isLampOn: boolean;
  /** The strobe flashes, the first time when it is switched on. */
  readonly isStrobing: boolean;
  readonly strobePeriodUs: number;
  /** One pulse per exposure. */
  readonly isSingleStrobeOn: boolean;
  /** From the start of an exposure to the pulse. */
  readonly singleStrobeDelayUs: number;
  readonly singleStrobeWidthUs: number;
  /** The shutter inside the device. */
  readonly isShutterOpen: boolean;
  /** From trigger or request to the start of the exposure. */
  readonly acquisitionDelayUs: number;
  readonly scansToAverage: number;
  readonly boxcarHalfWidth: number;
  /** Frames have 2^binning times fewer pixels. */
  readonly binning: number;
}

export const POWER_UP_SETTINGS: DeviceSettings = {
  trigger: "normal",
  isLampOn: false,
  isStrobing: false,
  strobePeriodUs: 100_000,
  isSingleStrobeOn: false,
  singleStrobeDelayUs: 0,
  singleStrobeWidthUs: 1000,
  isShutterOpen: true,
  acquisitionDelayUs: 0,
  scansToAverage: 1,
  boxcarHalfWidth: 0,
  binning: 0,
};

/** Settings and the moment from which they held. */
export interface SettingsSince {
  /** Counts the changes since power-up. */
  readonly version: number;
  readonly sinceUs: number;
  readonly values: DeviceSettings;
}

/** A time within which the settings were the same. */
export interface SettingsSpan {
  readonly fromUs: number;
  readonly toUs: number;
  readonly sinceUs: number;
  readonly values: DeviceSettings;
}

/** Changes that are remembered: enough for the longest exposure of any test. */
const MEMORY = 2000;

export class Settings {
  readonly #clock: Clock;
  #history: SettingsSince[] = [{ version: 0, sinceUs: -Infinity, values: POWER_UP_SETTINGS }];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get newest(): SettingsSince {
    return this.#history.at(-1) ?? { version: 0, sinceUs: -Infinity, values: POWER_UP_SETTINGS };
  }

  get values(): DeviceSettings {
    return this.newest.values;
  }

  /** Setting what is set already is no change. */
  change(change: Partial<DeviceSettings>): void {
    const { version, values } = this.newest;
    const next = { ...values, ...change };
    if (JSON.stringify(next) === JSON.stringify(values)) return;
    if (this.#history.length >= MEMORY) this.#history = this.#history.slice(MEMORY / 2);
    this.#history.push({ version: version + 1, sinceUs: this.#clock.nowUs(), values: next });
  }

  /** Those that held at a moment; a change at that very moment counts. */
  at(us: number): SettingsSince {
    return this.#history.findLast(({ sinceUs }) => sinceUs <= us) ?? this.newest;
  }

  /** The newest that came before a moment. */
  before(us: number): SettingsSince {
    return this.#history.findLast(({ sinceUs }) => sinceUs < us) ?? this.newest;
  }

  /** An interval, cut where settings changed. */
  spans(fromUs: number, toUs: number): SettingsSpan[] {
    return this.#history.flatMap(({ sinceUs, values }, index) => {
      const start = Math.max(sinceUs, fromUs);
      const end = Math.min(this.#history[index + 1]?.sinceUs ?? Infinity, toUs);
      return end > start ? [{ fromUs: start, toUs: end, sinceUs, values }] : [];
    });
  }
}

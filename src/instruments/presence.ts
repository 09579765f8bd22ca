// Since when each spectrometer is usable or is not, and which of the configured ones have never come.

import type { ReadableCell } from "../base/cell.ts";
import type { Clock } from "../base/clock.ts";
import type { Spectrometer } from "./spectrometer.ts";

interface Since {
  readonly isUsable: boolean;
  readonly utcUs: number;
}

export class Presence {
  readonly #clock: Clock;
  readonly #configured: readonly string[];
  readonly #spectrometers: ReadableCell<readonly Spectrometer[]>;
  readonly #since = new Map<string, Since>();

  /** `spectrometers` are all seen since the start, `configured` the serial numbers that the configuration names. */
  constructor(
    spectrometers: ReadableCell<readonly Spectrometer[]>,
    { clock, configured }: { readonly clock: Clock; readonly configured: readonly string[] },
  ) {
    this.#clock = clock;
    this.#configured = configured;
    this.#spectrometers = spectrometers;
    this.#follow();
    spectrometers.subscribe(() => this.#follow());
  }

  /** When it began or ceased to be usable. */
  sinceUtcUs(serial: string): number {
    return this.#since.get(serial)?.utcUs ?? this.#clock.utcUs();
  }

  /** Serial numbers. */
  get missing(): readonly string[] {
    return this.#configured.filter((serial) => !this.#since.has(serial));
  }

  #follow(): void {
    for (const one of this.#spectrometers.value) {
      if (this.#since.has(one.serial)) continue;
      this.#look(one);
      one.status.subscribe(() => this.#look(one));
    }
  }

  // Between two exposures a spectrometer is as usable as during one.
  #look({ serial, status }: Spectrometer): void {
    const { state } = status.value;
    const isUsable = state === "idle" || state === "exposing";
    if (this.#since.get(serial)?.isUsable === isUsable) return;
    this.#since.set(serial, { isUsable, utcUs: this.#clock.utcUs() });
  }
}

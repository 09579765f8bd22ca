// Which integration times a free-running device may be using at a given moment. It never stops exposing:
//
//     02 T written          boundary              boundary
//     ---- old cycle --------|---- cycle of T -----|---- cycle of T ----
//
// so after a change the old setting stays in force until the running cycle ends (and longer on devices that keep
// one more). Pure book-keeping on Clock.nowUs; free-running.ts acts on it.

import { MARGIN_US } from "./habits.ts";
import type { SpectrometerModel } from "./model.ts";

export class ExposureBook {
  readonly #readoutMaxUs: number;
  #staleDepth: number;
  #settingUs: number;
  #olderUs: number;
  #olderUntilUs: number;

  /** `runningUs`: the integration time the device may have been using before `settingUs` was written at `nowUs`. */
  constructor(
    model: SpectrometerModel,
    settingUs: number,
    { runningUs, nowUs }: { runningUs: number; nowUs: number },
  ) {
    this.#readoutMaxUs = model.readoutMaxUs;
    this.#staleDepth = model.staleDepth;
    this.#settingUs = settingUs;
    this.#olderUs = runningUs;
    this.#olderUntilUs = nowUs + this.#changeUs(runningUs);
  }

  /** Frames after a change that may still have an older setting. */
  get staleDepth(): number {
    return this.#staleDepth;
  }

  set staleDepth(frames: number) {
    this.#staleDepth = frames;
  }

  /** The value written last. */
  get settingUs(): number {
    return this.#settingUs;
  }

  /** The longest integration time that a cycle running at `nowUs` may have. */
  longestUs(nowUs: number): number {
    return nowUs < this.#olderUntilUs ? Math.max(this.#olderUs, this.#settingUs) : this.#settingUs;
  }

  /** True when every cycle running at `nowUs` has the setting written last. */
  isSettled(nowUs: number): boolean {
    return nowUs >= this.#olderUntilUs || this.#olderUs === this.#settingUs;
  }

  /** Notes that a setting was written. */
  wrote(settingUs: number, nowUs: number): void {
    const longestUs = this.longestUs(nowUs);
    this.#settingUs = settingUs;
    this.#olderUs = longestUs;
    this.#olderUntilUs = nowUs + this.#changeUs(longestUs);
  }

  /** Notes what the device itself says is in force, should it be longer than what is known here. */
  found(runningUs: number, nowUs: number): void {
    if (runningUs <= this.longestUs(nowUs)) return;
    this.#olderUs = runningUs;
    this.#olderUntilUs = nowUs + this.#changeUs(runningUs);
  }

  /** Notes that a cycle of `cycleUs` ended before `nowUs`, begun before the last setting was written. */
  cycleEnded(cycleUs: number, nowUs: number): void {
    this.#olderUs = cycleUs;
    this.#olderUntilUs = nowUs + Math.max(0, this.#staleDepth - 1) * (cycleUs + this.#readoutMaxUs);
  }

  #changeUs(longestUs: number): number {
    return Math.max(1, this.#staleDepth) * (longestUs + this.#readoutMaxUs) + this.#readoutMaxUs + MARGIN_US;
  }
}

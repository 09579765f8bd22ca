// Watches the clock on the wall against the one that never jumps: whether it has been set at all, and whether somebody has
// set it meanwhile. A computer without a battery for its clock begins in 1970, or where it was when it was switched off, and
// jumps when the network tells it the time. A clock that shows less than it once did is not believed at once.

import { type Clock, isClockSet, SECOND } from "../base/clock.ts";

export interface Look {
  readonly utcUs: number;
  /** Whether it can be gone by. */
  readonly isSet: boolean;
  /** How far it is behind the latest time that an earlier process has seen, while it is not gone by for that. */
  readonly behindUs?: number;
  /** The first look at a clock that is set. */
  readonly isFirst: boolean;
  /** Why it was not gone by before. */
  readonly was?: "unset" | "behind";
  /** How far it was set forwards since the last look, negative for backwards; 0 when it went as it should. */
  readonly jumpUs: number;
}

// Far above what a clock is slewed by in the time between two looks.
const JUMP_US = 2 * SECOND;
/** A clock that is behind is gone by after this time even if nobody says that it is right: a box may have no network. */
export const BEHIND_WAIT_US = 600 * SECOND;

export class WallClock {
  readonly #clock: Clock;
  #last: { readonly utcUs: number; readonly nowUs: number } | undefined;
  /** The latest time that an earlier process has seen. */
  readonly #seenUtcUs: number;
  #was: "unset" | "behind" | undefined;
  #behindSinceUs: number | undefined;

  constructor(clock: Clock, seenUtcUs: number) {
    this.#clock = clock;
    this.#seenUtcUs = seenUtcUs;
  }

  /** `isSynchronised`: whether the computer says that its clock is right. */
  look(isSynchronised: boolean): Look {
    const utcUs = this.#clock.utcUs();
    const nowUs = this.#clock.nowUs();
    const last = this.#last;
    if (last === undefined) return this.#first({ utcUs, nowUs }, isSynchronised);
    if (!isClockSet(utcUs)) return { utcUs, isSet: false, isFirst: false, jumpUs: 0 };
    this.#last = { utcUs, nowUs };
    return {
      utcUs,
      isSet: true,
      isFirst: false,
      jumpUs: asJump(utcUs - last.utcUs - (nowUs - last.nowUs)),
    };
  }

  #first(now: { readonly utcUs: number; readonly nowUs: number }, isSynchronised: boolean): Look {
    const { utcUs, nowUs } = now;
    if (!isClockSet(utcUs)) {
      this.#was = "unset";
      return { utcUs, isSet: false, isFirst: false, jumpUs: 0 };
    }
    const jumpUs = asJump(Math.min(0, utcUs - this.#seenUtcUs));
    if (jumpUs < 0 && !isSynchronised) {
      this.#was ??= "behind";
      this.#behindSinceUs ??= nowUs;
      if (nowUs - this.#behindSinceUs < BEHIND_WAIT_US)
        return { utcUs, isSet: false, behindUs: -jumpUs, isFirst: false, jumpUs: 0 };
    }
    this.#last = now;
    return {
      utcUs,
      isSet: true,
      isFirst: true,
      ...(this.#was === undefined ? {} : { was: this.#was }),
      jumpUs,
    };
  }
}

function asJump(us: number): number {
  return Math.abs(us) < JUMP_US ? 0 : us;
}

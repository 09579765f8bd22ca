// Watches the clock on the wall against the one that never jumps: whether it has been set at all, and whether somebody has
// set it meanwhile. A computer without a battery for its clock begins in 1970, or where it was when it was switched off.

import { type Clock, SECOND } from "../base/clock.ts";

export interface Look {
  readonly utcUs: number;
  readonly isSet: boolean;
  /** The first look at a clock that is set. */
  readonly isFirst: boolean;
  /** It was seen before it was set. */
  readonly wasUnset: boolean;
  /** How far it was set forwards since the last look, negative for backwards; 0 when it went as it should. */
  readonly jumpUs: number;
}

/** No server of this version ran earlier. */
const EARLIEST_UTC_US = Date.UTC(2026, 0, 1) * 1000;
// Far above what a clock is slewed by in the time between two looks.
const JUMP_US = 2 * SECOND;

export function isClockSet(utcUs: number): boolean {
  return utcUs >= EARLIEST_UTC_US;
}

export class WallClock {
  readonly #clock: Clock;
  #last: { readonly utcUs: number; readonly nowUs: number } | undefined;
  /** The latest time that an earlier process has seen. */
  readonly #seenUtcUs: number;
  #wasUnset = false;

  constructor(clock: Clock, seenUtcUs: number) {
    this.#clock = clock;
    this.#seenUtcUs = seenUtcUs;
  }

  look(): Look {
    const utcUs = this.#clock.utcUs();
    const nowUs = this.#clock.nowUs();
    const isSet = isClockSet(utcUs);
    const wasUnset = this.#wasUnset;
    this.#wasUnset ||= !isSet;
    if (!isSet) return { utcUs, isSet, isFirst: false, wasUnset, jumpUs: 0 };
    const last = this.#last;
    this.#last = { utcUs, nowUs };
    if (last === undefined) {
      const jumpUs = asJump(Math.min(0, utcUs - this.#seenUtcUs));
      return { utcUs, isSet, isFirst: true, wasUnset, jumpUs };
    }
    const jumpUs = asJump(utcUs - last.utcUs - (nowUs - last.nowUs));
    return { utcUs, isSet, isFirst: false, wasUnset, jumpUs };
  }
}

function asJump(us: number): number {
  return Math.abs(us) < JUMP_US ? 0 : us;
}

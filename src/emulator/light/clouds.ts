// Clouds that come and go slowly: a smooth random function of time, by seed, that can be asked in any order.

import { SECOND } from "../../base/clock.ts";
import { noiseAt } from "../random.ts";

/** Periods of the waves that add up to the cover, with their shares. The shortest is long against an exposure. */
const WAVES = [
  { periodUs: 600 * SECOND, share: 0.5 },
  { periodUs: 150 * SECOND, share: 0.3 },
  { periodUs: 40 * SECOND, share: 0.2 },
] as const;

/** Factors on the two parts of the light: a cloud takes from the beam and gives some of it back as sky light. */
export interface CloudFactors {
  readonly beam: number;
  /** Part of the clear-sky beam that arrives scattered, with the beam's colour. */
  readonly sky: number;
}

export class Clouds {
  readonly #seed: number;
  readonly #strength: number;

  /** `strength` 0 is a clear sky, 1 lets the cover reach the whole sky. */
  constructor(seed: number, strength: number) {
    this.#seed = seed;
    this.#strength = Math.min(Math.max(strength, 0), 1);
  }

  /** Cover between 0 and 1 at a moment. */
  cover(utcUs: number): number {
    if (this.#strength === 0) return 0;
    let sum = 0;
    for (const [index, { periodUs, share }] of WAVES.entries()) {
      sum += share * this.#wave(index, utcUs / periodUs);
    }
    return this.#strength * sum;
  }

  factors(utcUs: number): CloudFactors {
    const cover = this.cover(utcUs);
    return { beam: 1 - 0.7 * cover, sky: 1 - 0.3 * cover };
  }

  // Random values at whole numbers, joined by a curve without kinks.
  #wave(index: number, phase: number): number {
    const whole = Math.floor(phase);
    const rest = phase - whole;
    const blend = rest * rest * (3 - 2 * rest);
    const before = noiseAt(this.#seed + index, whole);
    return before + (noiseAt(this.#seed + index, whole + 1) - before) * blend;
  }
}

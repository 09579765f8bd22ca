// What tests that throw dice ask of a generator.

import assert from "node:assert/strict";
import { Random, seedOf } from "../../src/emulator/random.ts";

export class Dice {
  readonly #random: Random;

  /** The same parts give the same throws. */
  constructor(...parts: readonly (string | number)[]) {
    this.#random = new Random(seedOf(...parts));
  }

  /** A whole number from `from` to `to`, both included. */
  whole(from: number, to: number): number {
    return from + Math.floor(this.#random.uniform() * (to - from + 1));
  }

  /** True with a probability. */
  chance(probability: number): boolean {
    return this.#random.uniform() < probability;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.whole(0, choices.length - 1)] ?? assert.fail("nothing to choose from");
  }

  /** One of the choices, each as likely as its weight. */
  weighed<T extends { readonly weight: number }>(choices: readonly T[]): T {
    const total = choices.reduce((sum, { weight }) => sum + weight, 0);
    let left = this.#random.uniform() * total;
    return choices.find(({ weight }) => (left -= weight) < 0) ?? this.pick(choices);
  }
}

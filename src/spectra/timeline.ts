// What was measured, in the order of time: who stands before and after a moment is found by bisection, so that looking
// around each spectrum of a long run does not take the square of its length. Pure.

export class Timeline<T> {
  readonly #items: readonly T[];
  readonly #times: Float64Array;

  constructor(items: readonly T[], timeOf: (item: T) => number) {
    const timed = items.map((item) => ({ item, time: timeOf(item) })).sort((a, b) => a.time - b.time);
    this.#items = timed.map(({ item }) => item);
    this.#times = Float64Array.from(timed, ({ time }) => time);
  }

  get length(): number {
    return this.#items.length;
  }

  /** The last good one at or before the moment, and the first good one after it, as far as there are. */
  neighbours(at: number, isGood: (item: T) => boolean = () => true): readonly T[] {
    const start = this.#firstAfter(at);
    return [...this.#next(start - 1, -1, isGood), ...this.#next(start, 1, isGood)];
  }

  #next(start: number, step: 1 | -1, isGood: (item: T) => boolean): readonly T[] {
    for (let index = start; ; index += step) {
      const item = this.#items[index];
      if (item === undefined) return [];
      if (isGood(item)) return [item];
    }
  }

  #firstAfter(at: number): number {
    let [low, high] = [0, this.#times.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#times[middle] ?? Number.NaN) <= at) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

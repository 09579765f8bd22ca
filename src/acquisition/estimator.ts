// How long a recording will still take: what its settings say, corrected by how long steps have really taken. Pure.

export interface EstimatorFacts<Kind extends string> {
  /** Steps still to come, by kind. */
  readonly steps: ReadonlyMap<Kind, number>;
  /** What a step of a kind should take with the present settings, in us; undefined while nobody knows. */
  readonly modelUs: (kind: Kind) => number | undefined;
  /** Share of the steps of a kind that will be needed; all of them when absent. */
  readonly shareOf?: (kind: Kind) => number;
}

/** Share of the newest measurement: enough of the older ones to even out how a free-running detector is met. */
const NEWEST_SHARE = 0.2;

export class Estimator<Kind extends string> {
  readonly #left: Map<Kind, number>;
  readonly #modelUs: (kind: Kind) => number | undefined;
  readonly #shareOf: (kind: Kind) => number;
  /** What was measured over what the settings said. */
  readonly #ratios = new Map<Kind, number>();
  readonly #measured = new Map<Kind, number>();

  constructor({ steps, modelUs, shareOf = () => 1 }: EstimatorFacts<Kind>) {
    this.#left = new Map(steps);
    this.#modelUs = modelUs;
    this.#shareOf = shareOf;
  }

  /** A step has been done; one that was left out, or whose time tells nothing, has no duration. */
  done(kind: Kind, tookUs?: number): void {
    this.#left.set(kind, Math.max(0, (this.#left.get(kind) ?? 0) - 1));
    const expectedUs = this.#modelUs(kind);
    if (tookUs === undefined || expectedUs === undefined || expectedUs <= 0) return;
    const count = (this.#measured.get(kind) ?? 0) + 1;
    this.#measured.set(kind, count);
    const former = this.#ratios.get(kind) ?? 0;
    // The first ones count equally, so that one odd step does not stay in the estimate.
    const share = Math.max(1 / count, NEWEST_SHARE);
    this.#ratios.set(kind, former + (tookUs / expectedUs - former) * share);
  }

  /** What the steps still to come should take; undefined while one of them may take any time. */
  get remainingUs(): number | undefined {
    let us = 0;
    for (const [kind, count] of this.#left) {
      if (count === 0) continue;
      const modelUs = this.#modelUs(kind);
      if (modelUs === undefined) return undefined;
      us += count * this.#shareOf(kind) * modelUs * (this.#ratios.get(kind) ?? 1);
    }
    return us;
  }
}

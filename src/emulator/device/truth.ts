// What really happened inside an emulated device: the exposure behind each delivered frame, for tests to compare with
// what the driver claims. Nothing of this goes over the wire.

/** One delivered frame, all times on `Clock.nowUs`. */
export interface TrueExposure {
  readonly startUs: number;
  readonly endUs: number;
  readonly integrationTimeUs: number;
  readonly deliveredUs: number;
}

const CAPACITY = 1000;

export class TruthLog {
  readonly #exposures: TrueExposure[] = [];

  /** The newest thousand frames, oldest first. */
  get exposures(): readonly TrueExposure[] {
    return this.#exposures;
  }

  get newest(): TrueExposure | undefined {
    return this.#exposures.at(-1);
  }

  add(exposure: TrueExposure): void {
    this.#exposures.push(exposure);
    if (this.#exposures.length > CAPACITY) this.#exposures.shift();
  }
}

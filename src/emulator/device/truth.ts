// What really happened inside an emulated device: the exposure behind each delivered frame, for tests to compare with
// what the driver claims. Nothing of this goes over the wire.

import type { Exposed } from "./exposures.ts";
import type { DeviceSettings, Settings } from "./settings.ts";

/** One delivered frame, all times on `Clock.nowUs`. */
export interface TrueExposure {
  readonly startUs: number;
  readonly endUs: number;
  /** Of one scan, when several are averaged. */
  readonly integrationTimeUs: number;
  readonly deliveredUs: number;
  /** The settings that it began with: lamp, strobes, shutter, averaging, boxcar, binning, trigger, delay. */
  readonly settings: DeviceSettings;
  /** Since when these settings held; -Infinity when nobody had changed any. */
  readonly settledUs: number;
  /** No setting changed until its end. */
  readonly isSteady: boolean;
  /** `stampOf` the counts that were sent: noise makes every frame unlike any other. */
  readonly stamp: number;
}

/** A number that tells frames apart by their counts (FNV-1a): which exposure is behind these counts? */
export function stampOf(counts: Iterable<number>): number {
  let hash = 0x811c9dc5;
  for (const count of counts) hash = Math.imul(hash ^ count, 0x01000193);
  return hash >>> 0;
}

const CAPACITY = 1000;
/** Whose counts are kept, too. */
const WITH_COUNTS = 16;

export class TruthLog {
  readonly #settings: Settings;
  readonly #exposures: TrueExposure[] = [];
  readonly #counts = new Map<TrueExposure, Uint32Array>();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** The newest thousand frames, oldest first. */
  get exposures(): readonly TrueExposure[] {
    return this.#exposures;
  }

  /** The newest frame with exactly these counts. */
  behind(counts: Iterable<number>): TrueExposure | undefined {
    const wanted = stampOf(counts);
    return this.#exposures.findLast(({ stamp }) => stamp === wanted);
  }

  /** The newest frames with the counts that were sent, oldest first. */
  get sent(): readonly (readonly [TrueExposure, Uint32Array])[] {
    return [...this.#counts];
  }

  get newest(): TrueExposure | undefined {
    return this.#exposures.at(-1);
  }

  add({ startUs, endUs, integrationTimeUs, under }: Exposed, counts: Uint32Array, deliveredUs: number): void {
    const { version, values, sinceUs } = under ?? this.#settings.at(startUs);
    const exposure = {
      startUs,
      endUs,
      integrationTimeUs,
      deliveredUs,
      settings: values,
      settledUs: sinceUs,
      isSteady: this.#settings.before(endUs).version <= version,
      stamp: stampOf(counts),
    };
    this.#exposures.push(exposure);
    this.#counts.set(exposure, counts);
    const [oldest] = this.#counts.keys();
    if (oldest !== undefined && this.#counts.size > WITH_COUNTS) this.#counts.delete(oldest);
    if (this.#exposures.length > CAPACITY) this.#exposures.shift();
  }
}

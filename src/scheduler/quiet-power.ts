// Has the spectrometers switched off and on with quiet time, through the queue: never while something is measured.

import type { Operations } from "../acquisition/operations.ts";
import { type Clock, SECOND } from "../base/clock.ts";
import type { Recordings } from "./actions.ts";
import { isPowerOffTime, type QuietTime } from "./quiet-time.ts";
import type { RunQueue } from "./run-queue.ts";
import type { SpectrometerPower } from "./spectrometer-power.ts";

export interface QuietPowerParts {
  readonly clock: Clock;
  readonly operations: Pick<Operations, "running">;
  readonly power: SpectrometerPower;
  readonly recordings: Pick<Recordings, "resume">;
  readonly queue: RunQueue;
  /** The row of the history for a run; 0 when it cannot be written. */
  readonly plan: (what: "power-on" | "power-off", utcUs: number) => number;
}

/** How long a pause keeps them from being switched. */
const HELD_US = 3600 * SECOND;

export class QuietPower {
  readonly #parts: QuietPowerParts;
  #isOff = false;
  #heldSinceUs: number | undefined;

  constructor(parts: QuietPowerParts) {
    this.#parts = parts;
  }

  /** Whether quiet time has switched them off. */
  get isOff(): boolean {
    return this.#isOff;
  }

  follow(quiet: QuietTime, utcUs: number): void {
    const wanted = isPowerOffTime(quiet, utcUs);
    if (wanted !== this.#isOff) this.#switch(wanted, utcUs);
    this.#isOff = wanted;
    this.#endForgottenPause();
  }

  #switch(wanted: boolean, utcUs: number): void {
    const { power, queue, plan } = this.#parts;
    if (power.count === 0) return;
    const action = { do: wanted ? "power-off" : "power-on" } as const;
    const policy = { onBusy: "wait", onMissed: "once", when: undefined } as const;
    const run = { row: plan(action.do, utcUs), job: null, action, plannedUtcUs: utcUs, ...policy };
    queue.add(run, (earlier) => earlier.job === null);
  }

  // Where pauses have no limit of their own, a forgotten one must not leave the spectrometers on for the season.
  #endForgottenPause(): void {
    const { clock, operations, queue, recordings } = this.#parts;
    const isPaused = operations.running?.status.value.paused === true;
    if (!isPaused || !queue.waiting.some(({ job }) => job === null)) {
      this.#heldSinceUs = undefined;
      return;
    }
    this.#heldSinceUs ??= clock.nowUs();
    if (clock.nowUs() - this.#heldSinceUs >= HELD_US)
      recordings.resume("the power of quiet time is to be switched");
  }
}

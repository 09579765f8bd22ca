// The gate between exposures: a pause that is asked for takes effect there, and lasts until somebody resumes.

import { firstOf } from "../base/abort.ts";
import { Cell, type ReadableCell, until } from "../base/cell.ts";
import type { Clock } from "../base/clock.ts";

/** `asked`: the present exposure is finished first. */
export type PauseState = "running" | "asked" | "paused";

export class Pause {
  readonly #clock: Clock;
  readonly #state = new Cell<PauseState>("running");
  #heldUs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get state(): ReadableCell<PauseState> {
    return this.#state;
  }

  /** How long recordings have been held so far. */
  get heldUs(): number {
    return this.#heldUs;
  }

  /** False when that is asked for already. */
  ask(): boolean {
    if (this.#state.value !== "running") return false;
    this.#state.set("asked");
    return true;
  }

  /** False when nothing is held. */
  resume(): boolean {
    if (this.#state.value === "running") return false;
    this.#state.set("running");
    return true;
  }

  /** Between exposures: holds while a pause is wanted. Rejects when the signal aborts. */
  async pass(signal: AbortSignal): Promise<void> {
    if (this.#state.value === "running") return;
    const sinceUs = this.#clock.nowUs();
    this.#state.set("paused");
    await until(this.#state, (state) => state === "running", signal);
    this.#heldUs += this.#clock.nowUs() - sinceUs;
  }

  /** Waits with nothing exposed; a pause takes effect at once, and the time goes on meanwhile. */
  async delay(us: number, signal: AbortSignal): Promise<void> {
    const dueUs = this.#clock.nowUs() + us;
    for (;;) {
      await this.pass(signal);
      const leftUs = dueUs - this.#clock.nowUs();
      if (leftUs <= 0) return;
      await this.#delayUntilAsked(leftUs, signal);
    }
  }

  async #delayUntilAsked(us: number, signal: AbortSignal): Promise<void> {
    const isAsked = (state: PauseState): boolean => state !== "running";
    const delayed = (joined: AbortSignal): Promise<unknown> => this.#clock.delay(us, joined);
    const asked = (joined: AbortSignal): Promise<unknown> => until(this.#state, isAsked, joined);
    await firstOf([delayed, asked], signal);
  }
}

// The gate between exposures: a pause that is asked for takes effect there, and lasts until somebody resumes, or until its
// limit: one that is forgotten must not cost a season.

import { firstOf } from "../base/abort.ts";
import { Cell, type ReadableCell, until } from "../base/cell.ts";
import { type Clock, SECOND } from "../base/clock.ts";

/** `asked`: the present exposure is finished first. */
export type PauseState = "running" | "asked" | "paused";

export class Pause {
  readonly #clock: Clock;
  readonly #limitUs: number;
  readonly #state = new Cell<PauseState>("running");
  #heldUs = 0;
  #endsUtcUs: number | undefined;
  #endedFor: string | undefined;

  /** `limitUs`: how long a recording is held at most; 0 for no limit. */
  constructor(clock: Clock, limitUs: number) {
    this.#clock = clock;
    this.#limitUs = limitUs;
  }

  get state(): ReadableCell<PauseState> {
    return this.#state;
  }

  /** How long recordings have been held so far. */
  get heldUs(): number {
    return this.#heldUs;
  }

  /** When the pause reaches its limit; undefined without one. */
  get endsUtcUs(): number | undefined {
    return this.#endsUtcUs;
  }

  /** Why the last pause was ended, when no client did. */
  get endedFor(): string | undefined {
    return this.#endedFor;
  }

  /** False when that is asked for already. */
  ask(): boolean {
    if (this.#state.value !== "running") return false;
    this.#endedFor = undefined;
    this.#state.set("asked");
    return true;
  }

  /** False when nothing is held. With a reason when it is no client who does that. */
  resume(why?: string): boolean {
    if (this.#state.value === "running") return false;
    this.#endedFor = why;
    this.#state.set("running");
    return true;
  }

  /** Between exposures: holds while a pause is wanted. Rejects when the signal aborts. */
  async pass(signal: AbortSignal): Promise<void> {
    if (this.#state.value === "running") return;
    const sinceUs = this.#clock.nowUs();
    this.#endsUtcUs = this.#limitUs === 0 ? undefined : this.#clock.utcUs() + this.#limitUs;
    this.#state.set("paused");
    const cancel = this.#limit();
    try {
      await until(this.#state, (state) => state === "running", signal);
    } finally {
      cancel();
    }
    this.#heldUs += this.#clock.nowUs() - sinceUs;
  }

  #limit(): () => void {
    if (this.#limitUs === 0) return () => {};
    const why = `nobody resumed it within ${this.#limitUs / SECOND} s`;
    return this.#clock.after(this.#limitUs, () => this.resume(why));
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

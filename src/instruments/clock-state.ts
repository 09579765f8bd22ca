// How good the computer's clock is, asked again and again: spectra carry its times.

import { Cell, type ReadableCell } from "../base/cell.ts";
import { type Clock, SECOND } from "../base/clock.ts";
import { messageOf, VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Programs } from "../drivers/clock/port.ts";
import { type ClockReading, readClock } from "../drivers/clock/reading.ts";

export interface ClockState extends Partial<Omit<ClockReading, "source">> {
  /** Who tells; `unknown`: nobody on this computer does, or nobody was asked yet. */
  readonly source: ClockReading["source"] | "unknown";
}

export interface ClockStateOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Nobody is asked without. */
  readonly programs: Programs | undefined;
}

const UNKNOWN: ClockState = { source: "unknown" };
// chrony compares every minute or so; a clock that has just been set should not wait for long to be known as good.
const PERIOD_US = 30 * SECOND;

export class ClockStateKeeper {
  readonly #options: ClockStateOptions;
  readonly #state = new Cell<ClockState>(UNKNOWN);
  readonly #closing = new AbortController();
  #reading: Promise<void> = Promise.resolve();
  #cancelTimer = (): void => {};

  constructor(options: ClockStateOptions) {
    this.#options = options;
  }

  get state(): ReadableCell<ClockState> {
    return this.#state;
  }

  start(): void {
    const { clock, log, programs } = this.#options;
    if (programs === undefined || this.#closing.signal.aborted) return;
    this.#reading = this.#read(programs).catch((error: unknown) => {
      if (!this.#closing.signal.aborted)
        log.warn({ reason: messageOf(error) }, "the clock's state is not readable");
    });
    this.#cancelTimer = clock.after(PERIOD_US, () => this.start());
  }

  async close(): Promise<void> {
    this.#cancelTimer();
    this.#closing.abort(new VscopeError("OPERATION_CANCELLED", "clock: the server closes"));
    await this.#reading;
  }

  async #read(programs: Programs): Promise<void> {
    const { clock, log } = this.#options;
    const reading = await readClock(programs, clock, this.#closing.signal);
    const before = this.#state.value.isSynchronised;
    const state: ClockState = reading ?? UNKNOWN;
    this.#state.set(state);
    if (state.isSynchronised === before) return;
    if (state.isSynchronised === false) log.warn(state, "the computer's clock is not synchronised");
    else log.info(state, "state of the computer's clock");
  }
}

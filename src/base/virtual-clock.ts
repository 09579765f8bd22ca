// A clock that only moves when told to. Tests and benchmarks of logic run on it; nothing in the server does.

import { type Clock, delayOn, SECOND } from "./clock.ts";

interface Timer {
  readonly dueUs: number;
  readonly order: number;
  readonly fn: () => void;
}

export class VirtualClock implements Clock {
  readonly #startUtcUs: number;
  #nowUs = 0;
  #order = 0;
  readonly #timers = new Set<Timer>();

  /** Starts at the given UTC, by default a summer noon in 2026. */
  constructor(startUtcUs: number = Date.UTC(2026, 5, 21, 12) * 1000) {
    this.#startUtcUs = startUtcUs;
  }

  utcUs(): number {
    return this.#startUtcUs + this.#nowUs;
  }

  nowUs(): number {
    return this.#nowUs;
  }

  /** Number of armed timers; zero at the end of a test means that nothing was left behind. */
  get pending(): number {
    return this.#timers.size;
  }

  after(us: number, fn: () => void): () => void {
    const timer: Timer = { dueUs: this.#nowUs + Math.max(0, Math.round(us)), order: this.#order++, fn };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  delay(us: number, signal: AbortSignal): Promise<void> {
    return delayOn(this, us, signal);
  }

  /** Moves time forward by `us`, firing every timer on the way at its own time. */
  async advance(us: number): Promise<void> {
    const endUs = this.#nowUs + us;
    await settle();
    for (let next = this.#next(); next !== undefined && next.dueUs <= endUs; next = this.#next()) {
      this.#fire(next);
      await settle();
    }
    this.#nowUs = endUs;
    await settle();
  }

  /**
   * Moves time forward, timer by timer, until `promise` settles, and returns its result.
   * When no timer is armed it waits for real events (file system); throws when `limitUs` of virtual time has passed.
   */
  async run<T>(promise: Promise<T>, limitUs: number = 24 * 3600 * SECOND): Promise<T> {
    const endUs = this.#nowUs + limitUs;
    let settled = false;
    const mark = (): void => {
      settled = true;
    };
    promise.then(mark, mark);
    for (;;) {
      await settle();
      if (settled) return promise;
      const next = this.#next();
      if (next !== undefined && next.dueUs > endUs) {
        throw new Error(`virtual clock: ${limitUs} us passed and the promise has not settled`);
      }
      if (next !== undefined) this.#fire(next);
    }
  }

  #next(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (
        first === undefined ||
        timer.dueUs < first.dueUs ||
        (timer.dueUs === first.dueUs && timer.order < first.order)
      ) {
        first = timer;
      }
    }
    return first;
  }

  #fire(timer: Timer): void {
    this.#timers.delete(timer);
    this.#nowUs = Math.max(this.#nowUs, timer.dueUs);
    timer.fn();
  }
}

/** Lets promise reactions run and file operations finish before time moves on: disks do not live in virtual time. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3 || isDiskBusy(); turn++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function isDiskBusy(): boolean {
  return process.getActiveResourcesInfo().some((name) => name.startsWith("FSReq") || name === "CloseReq");
}

// Time as a dependency. This file holds the only timers and the only look at the wall clock in the server,
// so that tests run on a VirtualClock (virtual-clock.ts) without waiting.

/** One millisecond and one second in microseconds, the unit of every duration inside the server. */
export const MS = 1_000;
export const SECOND = 1_000_000;

export interface Clock {
  /** UTC in integer microseconds since 1970-01-01. Follows the wall clock, so it can jump. */
  utcUs(): number;
  /** Microseconds since an arbitrary start. Never jumps; use it for intervals. */
  nowUs(): number;
  /** Calls `fn` once after `us` microseconds; the returned function cancels the call. */
  after(us: number, fn: () => void): () => void;
  /** Resolves after `us` microseconds; rejects at once with the signal's reason when it aborts. */
  delay(us: number, signal: AbortSignal): Promise<void>;
}

// setTimeout treats anything above 2^31-1 ms as 1 ms.
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class SystemClock implements Clock {
  utcUs(): number {
    return Date.now() * MS;
  }

  nowUs(): number {
    return Math.round(performance.now() * MS);
  }

  after(us: number, fn: () => void): () => void {
    const dueUs = this.nowUs() + us;
    let stop = (): void => {};
    const wait = (): void => {
      const leftUs = dueUs - this.nowUs();
      // setTimeout is a millisecond late on average; shutters and exposures deserve better. The last one is polled,
      // with every other event of the process served in between.
      if (leftUs < 2 * MS) {
        const poll = setImmediate(() => (this.nowUs() >= dueUs ? fn() : wait()));
        stop = () => clearImmediate(poll);
      } else {
        const timer = setTimeout(wait, Math.min(Math.floor(leftUs / MS) - 1, LONGEST_TIMER_MS));
        stop = () => clearTimeout(timer);
      }
    };
    wait();
    return () => stop();
  }

  delay(us: number, signal: AbortSignal): Promise<void> {
    return delayOn(this, us, signal);
  }
}

/** Lets go first whatever else is due. A long task on the main loop calls it every few milliseconds. */
export function breath(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** `Clock.delay` in terms of `Clock.after`, shared by all clocks. */
export function delayOn(clock: Pick<Clock, "after">, us: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const cancel = clock.after(us, () => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    });
    const onAbort = (): void => {
      cancel();
      reject(signal.reason);
    };
    signal.addEventListener("abort", onAbort, { once: true });
  });
}

/** No server of this version ran earlier. */
const EARLIEST_UTC_US = Date.UTC(2026, 0, 1) * MS;

/** False for the time of a clock that nobody has set yet: without a battery it begins in 1970, or where it was. */
export function isClockSet(utcUs: number): boolean {
  return utcUs >= EARLIEST_UTC_US;
}

/** UTC microseconds as ISO 8601 with microseconds and `Z`. */
export function isoUtc(utcUs: number): string {
  const whole = Math.floor(utcUs / SECOND);
  const fraction = String(Math.floor(utcUs - whole * SECOND)).padStart(6, "0");
  return `${new Date(whole * 1000).toISOString().slice(0, 19)}.${fraction}Z`;
}

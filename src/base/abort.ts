// Abort signals: deadlines, and several tasks as one.

import { setMaxListeners } from "node:events";
import type { Clock } from "./clock.ts";

/** A signal that never aborts, for work that nobody may cancel. */
export const NEVER: AbortSignal = new AbortController().signal;
// All such work of the program waits on this one: there is no number that would be a leak.
setMaxListeners(0, NEVER);

/**
 * Runs `task` with a signal that aborts when any of `signals` does. Nothing stays on them afterwards, unlike with
 * AbortSignal.any, which in Node 20 grows on a signal that lives for a season.
 */
export async function withAny<T>(
  signals: readonly AbortSignal[],
  task: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const listeners = signals.map((signal) => ({ signal, onAbort: () => controller.abort(signal.reason) }));
  for (const { signal, onAbort } of listeners) {
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  }
  try {
    return await task(controller.signal);
  } finally {
    for (const { signal, onAbort } of listeners) signal.removeEventListener("abort", onAbort);
  }
}

/**
 * Runs `task` with a signal that aborts when `signal` does, or after `us` with the error that `late` makes.
 * The task decides when it is finished: after a deadline it is still awaited, so that its buffers are free again.
 */
export async function withDeadline<T>(
  { clock, us, late }: { readonly clock: Clock; readonly us: number; readonly late: () => Error },
  signal: AbortSignal,
  task: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const deadline = new AbortController();
  const cancel = clock.after(us, () => deadline.abort(late()));
  try {
    return await withAny([signal, deadline.signal], task);
  } finally {
    cancel();
  }
}

/**
 * Runs all tasks together. The first failure aborts the others; when all have settled it is thrown.
 * So two spectrometers expose at once, and a failure never leaves one running with the shutter open.
 */
export async function all<T>(
  tasks: readonly ((signal: AbortSignal) => Promise<T>)[],
  signal: AbortSignal,
): Promise<T[]> {
  const failed = new AbortController();
  const failures: unknown[] = [];
  const results = await withAny([signal, failed.signal], (joined) =>
    Promise.all(
      tasks.map(async (task) => {
        try {
          return { value: await task(joined) };
        } catch (error) {
          failures.push(error);
          failed.abort(error);
          return undefined;
        }
      }),
    ),
  );
  if (failures.length > 0) throw failures[0];
  return results.flatMap((result) => (result === undefined ? [] : [result.value]));
}

/** Rejects with the signal's reason as soon as it aborts; otherwise settles as `promise` does. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

/**
 * Settles as `promise` does. When it goes on for `us` after `signal` has aborted, nobody waits for it any longer:
 * rejects with what `late` makes of the signal's reason.
 */
export function orGivenUp<T>(
  promise: Promise<T>,
  {
    clock,
    us,
    late,
  }: { readonly clock: Clock; readonly us: number; readonly late: (reason: unknown) => Error },
  signal: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let cancel = (): void => {};
    const onAbort = (): void => {
      cancel = clock.after(us, () => reject(late(signal.reason)));
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => {
      cancel();
      signal.removeEventListener("abort", onAbort);
    });
  });
}

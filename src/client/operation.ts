// A long action on the server, followed from afar: by notifications, and by asking when none arrive.

import { isDeepStrictEqual } from "node:util";
import type { z } from "zod";
import { orAborted } from "../base/abort.ts";
import { type Clock, SECOND } from "../base/clock.ts";
import { isVscopeError, VscopeError } from "../base/errors.ts";
import { errorCodeOf, isServerUnreachable } from "./reply-error.ts";
import { type OperationStatus, operationShape } from "./shapes.ts";
import { type Successor, successorOf } from "./successor.ts";

/** What following needs of a client. */
export interface OperationSource {
  readonly clock: Clock;
  getAs<T>(path: readonly string[], shape: z.ZodType<T>, signal: AbortSignal): Promise<T>;
  observe(path: readonly string[], signal: AbortSignal): AsyncIterable<unknown>;
  delete(path: readonly string[], signal: AbortSignal): Promise<void>;
}

// Notifications stop unnoticed when a field link drops; the server forgets an observer that does not answer.
const POLL_AFTER_US = 5 * SECOND;
// A recording outlives a short loss of the link, so following it does, too.
const PATIENCE_US = 60 * SECOND;
// A network that is down refuses at once; asking again at once would only burn power.
const RETRY_AFTER_US = SECOND;

export class Operation {
  readonly #source: OperationSource;
  readonly path: readonly string[];

  constructor(source: OperationSource, path: readonly string[]) {
    this.#source = source;
    this.path = path;
  }

  get id(): string {
    return this.path.at(-1) ?? "";
  }

  /** The status now. Throws RESOURCE_NOT_FOUND when the server no longer keeps it. */
  status(signal: AbortSignal): Promise<OperationStatus> {
    return this.#source.getAs(this.path, operationShape, signal);
  }

  /**
   * Each newer status, ending with the final one. Loses intermediate ones when they change faster than the link.
   * Throws when the server has been silent for a minute, or has been restarted.
   */
  async *progress(signal: AbortSignal): AsyncGenerator<OperationStatus, void> {
    const stop = new AbortController();
    const joined = AbortSignal.any([signal, stop.signal]);
    const news = new News(this.#source, this.path, joined);
    let last: OperationStatus | undefined;
    try {
      while (last === undefined || !isFinal(last)) {
        const next = (await news.next(POLL_AFTER_US)) ?? (await this.#ask(signal));
        if (next.startedUtc !== (last ?? next).startedUtc) throw restarted(this.id);
        if (!isDeepStrictEqual(next, last)) yield next;
        last = next;
      }
    } finally {
      stop.abort(new VscopeError("OPERATION_CANCELLED", `operation ${this.id}: no longer followed`));
      await news.ended;
    }
  }

  /** The final status of a successful operation. Throws with the server's code and text when it failed or was cancelled. */
  async result(signal: AbortSignal): Promise<OperationStatus> {
    let last: OperationStatus | undefined;
    for await (const status of this.progress(signal)) last = status;
    if (last === undefined) throw new VscopeError("INTERNAL", `operation ${this.id}: ended without a status`);
    throwUnlessDone(last);
    return last;
  }

  /**
   * Where what this operation has recorded goes on, after `last` was heard of it and the server was restarted; undefined
   * when it does not. Waits until the server is back and knows. Throws when the batch is closed, with the reason.
   */
  async successor(last: OperationStatus, signal: AbortSignal): Promise<Successor<Operation> | undefined> {
    const found = await successorOf(this.#source, last, signal);
    if (found === undefined) return undefined;
    const path = [...this.path.slice(0, -1), found.operation];
    return { ...found, operation: new Operation(this.#source, path) };
  }

  /** Asks the server to end it; returns when the server has taken the request. */
  cancel(signal: AbortSignal): Promise<void> {
    return this.#source.delete(this.path, signal);
  }

  async #ask(signal: AbortSignal): Promise<OperationStatus> {
    const giveUpAtUs = this.#source.clock.nowUs() + PATIENCE_US;
    for (;;) {
      try {
        return await this.status(signal);
      } catch (error) {
        // It was there when it was started; only a restart forgets a running one.
        if (isVscopeError(error, "RESOURCE_NOT_FOUND")) throw restarted(this.id);
        if (!isServerUnreachable(error) || this.#source.clock.nowUs() >= giveUpAtUs) throw error;
      }
      await this.#source.clock.delay(RETRY_AFTER_US, signal);
    }
  }
}

/** Throws the error of an operation that has not succeeded. */
export function throwUnlessDone({ id, kind, state, error }: OperationStatus): void {
  if (state === "done") return;
  const text = error?.message ?? `${kind}: operation ${id} ${state}`;
  const code = state === "cancelled" ? "OPERATION_CANCELLED" : (errorCodeOf(error?.code) ?? "DEVICE_FAULT");
  throw new VscopeError(code, text, { details: { operation: id } });
}

function isFinal({ state }: OperationStatus): boolean {
  return state === "done" || state === "failed" || state === "cancelled";
}

// Ids count from 1 after each start of the server, so the same id can come back as another operation.
function restarted(id: string): VscopeError {
  return new VscopeError(
    "DEVICE_NOT_CONNECTED",
    `operation ${id}: the server was restarted, the recording has ended`,
    {
      details: { restarted: true },
    },
  );
}

/** Whether following has ended because the server was restarted. */
export function isRestart(error: unknown): boolean {
  return isVscopeError(error) && error.details.restarted === true;
}

// The newest notification not yet looked at. Never fails: when the observation ends, only polling remains.
class News {
  readonly ended: Promise<void>;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #newest: OperationStatus | undefined;
  #isWoken = false;
  #resolve: () => void = () => {};

  constructor(source: OperationSource, path: readonly string[], signal: AbortSignal) {
    this.#clock = source.clock;
    this.#signal = signal;
    this.ended = this.#listen(source.observe(path, signal));
  }

  /** The next notification, or undefined when none came in time. */
  async next(us: number): Promise<OperationStatus | undefined> {
    await this.#waitForNews(us);
    const newest = this.#newest;
    this.#newest = undefined;
    return newest;
  }

  async #waitForNews(us: number): Promise<void> {
    let cancel = (): void => {};
    const news = new Promise<void>((resolve) => {
      this.#resolve = resolve;
      if (this.#isWoken) resolve();
      else cancel = this.#clock.after(us, resolve);
    });
    try {
      await orAborted(news, this.#signal);
    } finally {
      cancel();
      this.#isWoken = false;
    }
  }

  #wake(): void {
    this.#isWoken = true;
    this.#resolve();
  }

  async #listen(notifications: AsyncIterable<unknown>): Promise<void> {
    try {
      for await (const value of notifications) {
        const parsed = operationShape.safeParse(value);
        if (!parsed.success) continue;
        this.#newest = parsed.data;
        this.#wake();
      }
    } catch {
      // Whatever ended the observation shows again, with a better message, when the status is asked for.
    }
    this.#wake();
  }
}

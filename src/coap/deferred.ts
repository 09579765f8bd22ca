// Requests whose handler takes time. From here on they are known as running, so that a copy of one does not run again;
// one that takes longer than 100 ms gets an empty acknowledgement ahead of its answer (RFC 7252 section 5.2.2).
// Those that end sooner leave nothing behind, no timer either.

import type { Clock } from "../base/clock.ts";
import { CON } from "./codes.ts";
import { duplicateKey, type Running } from "./deduplication.ts";
import type { Request } from "./request.ts";
import { Ticker } from "./ticker.ts";

/** Well below the 2 s after which clients repeat a request. */
const ACKNOWLEDGE_AFTER_US = 100_000;
const TICK_US = 25_000;

export interface Deferred extends Running {
  readonly request: Request;
  readonly key: string;
  readonly dueUs: number;
}

export class DeferredRequests {
  readonly #clock: Clock;
  readonly #acknowledge: (request: Request) => void;
  /** In the order of their times. */
  readonly #running = new Set<Deferred>();
  readonly #ticker: Ticker;
  #whenEmpty: () => void = () => {};

  constructor(clock: Clock, acknowledge: (request: Request) => void) {
    this.#clock = clock;
    this.#acknowledge = acknowledge;
    this.#ticker = new Ticker(clock, TICK_US, (nowUs) => this.#tick(nowUs));
  }

  get size(): number {
    return this.#running.size;
  }

  begin(request: Request): Deferred {
    const dueUs = this.#clock.nowUs() + ACKNOWLEDGE_AFTER_US;
    const deferred = { request, key: duplicateKey(request.message), dueUs, isAcknowledged: false };
    request.from.duplicates.begin(deferred.key, deferred);
    request.from.running += 1;
    this.#running.add(deferred);
    this.#ticker.wake();
    return deferred;
  }

  end(deferred: Deferred): void {
    const { from } = deferred.request;
    from.running -= 1;
    from.duplicates.end(deferred.key, undefined);
    this.#running.delete(deferred);
    if (this.#running.size === 0) this.#whenEmpty();
  }

  /** Resolves when none runs. */
  ended(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#running.size === 0) resolve();
      else this.#whenEmpty = resolve;
    });
  }

  stop(): void {
    this.#ticker.stop();
  }

  #tick(nowUs: number): boolean {
    for (const deferred of this.#running) {
      if (deferred.dueUs > nowUs) break;
      if (deferred.isAcknowledged || deferred.request.message.type !== CON) continue;
      deferred.isAcknowledged = true;
      this.#acknowledge(deferred.request);
    }
    return this.#running.size > 0;
  }
}

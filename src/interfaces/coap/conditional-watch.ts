// An observation with conditions: looks at each change of a resource and passes on what its client wants to know, not
// sooner than the minimum period and not later than the maximum period after what it was told last.

import type { Clock } from "../../base/clock.ts";
import { type MaybePromise } from "../../base/maybe-promise.ts";
import { type Conditions, isNotable, needsValue } from "./conditions.ts";

export interface WatchedResource {
  readonly clock: Clock;
  readonly conditions: Conditions;
  readonly read: () => MaybePromise<unknown>;
  readonly subscribe: (changed: () => void) => () => void;
}

export class ConditionalWatch {
  readonly #resource: WatchedResource;
  readonly #notify: () => void;
  readonly #unsubscribe: () => void;
  #told: unknown;
  #previous: unknown;
  #toldUs = 0;
  #isDue = false;
  #isLooking = false;
  #hasChangedMeanwhile = false;
  #isStopped = false;
  #cancelMinimum: (() => void) | undefined;
  #cancelMaximum = (): void => {};

  /** `told` is what the client learns by registering; `notify` has it told the present value. */
  constructor(resource: WatchedResource, told: unknown, notify: () => void) {
    this.#resource = resource;
    this.#notify = notify;
    this.#unsubscribe = resource.subscribe(() => this.#look());
    this.reported(told);
  }

  /** The client is being told this value now. */
  reported(value: unknown): void {
    if (this.#isStopped) return;
    const { clock, conditions } = this.#resource;
    this.#told = value;
    this.#previous = value;
    this.#toldUs = clock.nowUs();
    this.#isDue = false;
    this.#cancelMaximum();
    if (conditions.maxUs !== undefined)
      this.#cancelMaximum = clock.after(conditions.maxUs, () => this.#notify());
  }

  stop(): void {
    this.#isStopped = true;
    this.#unsubscribe();
    this.#cancelMinimum?.();
    this.#cancelMaximum();
  }

  #look(): void {
    if (!needsValue(this.#resource.conditions)) return this.#setDue();
    if (this.#isLooking) {
      this.#hasChangedMeanwhile = true;
      return;
    }
    try {
      const value = this.#resource.read();
      if (value instanceof Promise) void this.#await(value);
      else this.#judge(value);
    } catch {
      this.#setDue();
    }
  }

  async #await(value: Promise<unknown>): Promise<void> {
    this.#isLooking = true;
    try {
      this.#judge(await value);
    } catch {
      // The client is told by the answer that fails in the same way.
      this.#setDue();
    }
    this.#isLooking = false;
    if (!this.#hasChangedMeanwhile || this.#isStopped) return;
    this.#hasChangedMeanwhile = false;
    this.#look();
  }

  #judge(value: unknown): void {
    const { conditions } = this.#resource;
    const isDue = isNotable(conditions, value, { told: this.#told, previous: this.#previous });
    this.#previous = value;
    // A value that has come back within the minimum period is what the client knows; an edge has been there.
    if (conditions.edge === undefined) this.#isDue = false;
    if (isDue) this.#setDue();
  }

  #setDue(): void {
    if (this.#isStopped) return;
    this.#isDue = true;
    const { clock, conditions } = this.#resource;
    const leftUs = this.#toldUs + (conditions.minUs ?? 0) - clock.nowUs();
    if (leftUs <= 0) this.#notify();
    else this.#cancelMinimum ??= clock.after(leftUs, () => this.#endMinimum());
  }

  #endMinimum(): void {
    this.#cancelMinimum = undefined;
    if (this.#isDue) this.#setDue();
  }
}

// Exposures of devices that expose when asked: one at a time, in order, each from its request (or trigger) on.
// Serves the "get spectrum now" devices and, with a buffer of finished frames, the QE Pro.

import type { Clock } from "../../base/clock.ts";
import type { TriggerMode } from "../../drivers/oceanoptics/model.ts";
import type { Exposed } from "./exposures.ts";

/** Called with the finished exposure when its frame has been read out. */
type Finished = (exposed: Exposed) => void;

export interface RequestedOptions {
  readonly clock: Clock;
  readonly readoutUs: number;
  readonly integrationTimeUs: number;
}

export class RequestedExposures {
  readonly #clock: Clock;
  readonly #readoutUs: number;
  readonly #powerUpUs: number;
  readonly #waiting: Finished[] = [];
  #isExposing = false;
  #cancel = (): void => {};
  #trigger: TriggerMode = "normal";
  integrationTimeUs: number;

  constructor({ clock, readoutUs, integrationTimeUs }: RequestedOptions) {
    this.#clock = clock;
    this.#readoutUs = readoutUs;
    this.#powerUpUs = integrationTimeUs;
    this.integrationTimeUs = integrationTimeUs;
  }

  get isIdle(): boolean {
    return !this.#isExposing && this.#waiting.length === 0;
  }

  request(finished: Finished): void {
    this.#waiting.push(finished);
    if (this.#trigger === "normal") this.#next();
  }

  /** Ends the running exposure and forgets the waiting ones; nobody is told. */
  abort(): void {
    this.#cancel();
    this.#waiting.length = 0;
    this.#isExposing = false;
  }

  reset(): void {
    this.abort();
    this.#trigger = "normal";
    this.integrationTimeUs = this.#powerUpUs;
  }

  setTrigger(mode: TriggerMode): void {
    this.#trigger = mode;
    if (mode === "normal") this.#next();
  }

  /** A pulse starts the next exposure that somebody asked for, unless one is under way. */
  triggerPulse(): void {
    if (this.#trigger !== "normal") this.#next();
  }

  #next(): void {
    if (this.#isExposing) return;
    const finished = this.#waiting.shift();
    if (finished === undefined) return;
    const startUs = this.#clock.nowUs();
    const integrationTimeUs = this.integrationTimeUs;
    this.#isExposing = true;
    this.#cancel = this.#clock.after(integrationTimeUs + this.#readoutUs, () => {
      this.#isExposing = false;
      finished({ startUs, endUs: startUs + integrationTimeUs, integrationTimeUs });
      if (this.#trigger === "normal") this.#next();
    });
  }
}

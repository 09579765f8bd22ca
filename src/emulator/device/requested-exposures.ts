// Exposures of devices that expose when asked: one at a time, in order, each from its request (or trigger) on.
// Serves the "get spectrum now" devices and, with a buffer of finished frames, the QE Pro and the Ocean FX.

import type { Clock } from "../../base/clock.ts";
import type { TriggerMode } from "../../drivers/oceanoptics/model.ts";
import type { Exposed } from "./exposures.ts";
import type { Settings, SettingsSince } from "./settings.ts";

/** Called with the finished exposure when its frame has been read out. */
type Finished = (exposed: Exposed) => void;

export interface RequestedOptions {
  readonly clock: Clock;
  readonly readoutUs: number;
  readonly integrationTimeUs: number;
  readonly settings: Settings;
}

interface Waiting {
  readonly finished: Finished;
  /** From the end of the exposure until it is finished and the next can begin. */
  readonly readoutUs: number;
}

/** An exposure that lasts until the next edge. */
interface Delimited extends Waiting {
  readonly startUs: number;
  readonly under: SettingsSince;
}

export class RequestedExposures {
  readonly #clock: Clock;
  readonly #readoutUs: number;
  readonly #powerUpUs: number;
  readonly #settings: Settings;
  readonly #waiting: Waiting[] = [];
  #isExposing = false;
  #delimited: Delimited | undefined;
  #cancel = (): void => {};
  /** Level of the trigger input, which nobody drives at first. */
  #line = false;
  integrationTimeUs: number;

  constructor({ clock, readoutUs, integrationTimeUs, settings }: RequestedOptions) {
    this.#clock = clock;
    this.#readoutUs = readoutUs;
    this.#powerUpUs = integrationTimeUs;
    this.#settings = settings;
    this.integrationTimeUs = integrationTimeUs;
  }

  get isIdle(): boolean {
    return !this.#isExposing && this.#waiting.length === 0;
  }

  request(finished: Finished, readoutUs = this.#readoutUs): void {
    this.#waiting.push({ finished, readoutUs });
    this.#goOn();
  }

  /** Ends the running exposure and forgets the waiting ones; nobody is told. */
  abort(): void {
    this.#cancel();
    this.#waiting.length = 0;
    this.#isExposing = false;
    this.#delimited = undefined;
  }

  reset(): void {
    this.abort();
    this.integrationTimeUs = this.#powerUpUs;
  }

  /** What waits goes on waiting, for a trigger of the new mode. */
  setTrigger(mode: TriggerMode): void {
    this.#settings.change({ trigger: mode });
    this.#goOn();
  }

  /** Sets the trigger input high or low; what that does depends on the mode. */
  triggerLine(level: boolean): void {
    const isEdge = level && !this.#line;
    this.#line = level;
    if (!isEdge) return;
    if (this.#trigger === "hardware") this.#next();
    else if (this.#trigger === "synchronization") this.#delimit();
    else this.#goOn();
  }

  /** A short pulse on the trigger input. */
  triggerPulse(): void {
    this.triggerLine(true);
    this.triggerLine(false);
  }

  get #trigger(): TriggerMode {
    return this.#settings.values.trigger;
  }

  #goOn(): void {
    const isGated = this.#trigger === "software" || this.#trigger === "level";
    if (this.#trigger === "normal" || (isGated && this.#line)) this.#next();
  }

  // An edge that comes during an exposure finds nothing to start.
  #next(): void {
    if (this.#isExposing) return;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    const under = this.#settings.newest;
    const { scansToAverage, acquisitionDelayUs } = under.values;
    const integrationTimeUs = this.integrationTimeUs;
    const cycleUs = integrationTimeUs + next.readoutUs;
    const firstUs = this.#clock.nowUs() + acquisitionDelayUs;
    const scans = Array.from({ length: scansToAverage }, (_, scan) => {
      const startUs = firstUs + scan * cycleUs;
      return { startUs, endUs: startUs + integrationTimeUs };
    });
    const endUs = firstUs + (scansToAverage - 1) * cycleUs + integrationTimeUs;
    this.#isExposing = true;
    this.#cancel = this.#clock.after(acquisitionDelayUs + scansToAverage * cycleUs, () =>
      this.#finish(next.finished, { startUs: firstUs, endUs, integrationTimeUs, scans, under }),
    );
  }

  // Averaging does not go with exposures whose length nobody knows.
  #delimit(): void {
    const nowUs = this.#clock.nowUs();
    const ending = this.#delimited;
    this.#delimited = undefined;
    if (ending !== undefined) {
      const { finished, readoutUs, startUs, under } = ending;
      const exposed = { startUs, endUs: nowUs, integrationTimeUs: nowUs - startUs, under };
      this.#cancel = this.#clock.after(readoutUs, () => this.#finish(finished, exposed));
    } else if (!this.#isExposing) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#isExposing = true;
      this.#delimited = { ...next, startUs: nowUs, under: this.#settings.newest };
    }
  }

  #finish(finished: Finished, exposed: Exposed): void {
    this.#isExposing = false;
    finished(exposed);
    this.#goOn();
  }
}

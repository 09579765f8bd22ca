// The clockwork of a free-running spectrometer: cycle follows cycle whether somebody asks or not, and a request hands
// over the cycle in progress when it ends. Nothing ticks while no frame is wanted: cycles are computed afterwards.

import type { Clock } from "../../base/clock.ts";
import type { TriggerMode } from "../../drivers/oceanoptics/model.ts";
import type { SettingsSince } from "./settings.ts";

/** When light was gathered, on `Clock.nowUs`. */
export interface ExposureWindow {
  readonly startUs: number;
  readonly endUs: number;
}

/** A finished exposure. */
export interface Exposed extends ExposureWindow {
  readonly integrationTimeUs: number;
  /** The scans that make it up, when the device averages. */
  readonly scans?: readonly ExposureWindow[];
  /** The settings it was begun with; without, those at its start. */
  readonly under?: SettingsSince;
}

export interface Clockwork {
  readonly clock: Clock;
  /** From the end of an exposure to the frame at the endpoint. Also the shortest cycle: the next read-out must wait. */
  readonly readoutUs: number;
  readonly powerUpIntegrationTimeUs: number;
  /** Firmware that drops the running exposure when the integration time is set. */
  readonly restartsAtOnce: boolean;
  /** Further cycles with the old integration time after a change. */
  readonly extraStaleCycles: number;
  /** What a second request before the first frame does. */
  readonly secondRequest: "queued" | "ignored";
  /** Firmware that keeps a pending request when the trigger mode changes. */
  readonly keepsRequestOnTrigger: boolean;
  /** From an edge to the exposure that it starts. Default: none. */
  readonly acquisitionDelayUs?: () => number;
}

export class FreeRunningExposures {
  readonly #works: Clockwork;
  readonly #deliver: (exposed: Exposed) => void;
  #cycleStartUs: number;
  /** In force, set, and those on the way for the next boundaries. */
  #cycleTimeUs: number;
  #setTimeUs: number;
  #coming: number[] = [];
  #requests = 0;
  #trigger: TriggerMode = "normal";
  /** Level of the trigger input, which nobody drives at first. */
  #line = false;
  /** Cycles follow each other; where the line gates them, the one in progress when it falls is the last. */
  #isRunning = true;
  #lastEdgeUs: number | undefined;
  #busyUntilUs = -Infinity;
  #cancelWake = (): void => {};
  /** Exposures that are under way to the endpoint, by what stops them. */
  readonly #underWay = new Map<() => void, Exposed>();

  constructor(works: Clockwork, deliver: (exposed: Exposed) => void) {
    this.#works = works;
    this.#deliver = deliver;
    this.#cycleStartUs = works.clock.nowUs();
    this.#cycleTimeUs = works.powerUpIntegrationTimeUs;
    this.#setTimeUs = works.powerUpIntegrationTimeUs;
    this.reset();
  }

  get integrationTimeUs(): number {
    return this.#setTimeUs;
  }

  get isPending(): boolean {
    return this.#requests > 0;
  }

  /** Power-up state; frames in read-out are lost. */
  reset(): void {
    this.#cancelWake();
    for (const cancel of this.#underWay.keys()) cancel();
    this.#underWay.clear();
    const { clock, powerUpIntegrationTimeUs, extraStaleCycles } = this.#works;
    this.#setTimeUs = powerUpIntegrationTimeUs;
    this.#cycleTimeUs = powerUpIntegrationTimeUs;
    this.#coming = Array.from({ length: extraStaleCycles }, () => powerUpIntegrationTimeUs);
    this.#requests = 0;
    this.#trigger = "normal";
    this.#isRunning = true;
    this.#lastEdgeUs = undefined;
    this.#busyUntilUs = -Infinity;
    this.#cycleStartUs = clock.nowUs();
  }

  /** Command 01: normal trigger, no request pending; the cycle runs on. */
  initialize(): void {
    this.setTrigger("normal");
    this.#requests = 0;
    this.#wake();
  }

  /** Takes effect at the next boundary, unless the firmware restarts at once. */
  setIntegrationTimeUs(us: number): void {
    this.#advance();
    this.#setTimeUs = us;
    if (this.#works.restartsAtOnce) {
      this.#cycleTimeUs = us;
      this.#cycleStartUs = this.#works.clock.nowUs();
    }
    this.#wake();
  }

  request(): void {
    this.#advance();
    if (this.#requests > 0 && this.#works.secondRequest === "ignored") return;
    this.#requests += 1;
    this.#wake();
  }

  setTrigger(mode: TriggerMode): void {
    this.#advance();
    if (mode === this.#trigger) return;
    this.#dropUnfinished();
    this.#trigger = mode;
    this.#cycleStartUs = this.#works.clock.nowUs();
    this.#cycleTimeUs = this.#setTimeUs;
    this.#isRunning = mode === "normal" || (this.#isGated && this.#line);
    this.#lastEdgeUs = undefined;
    this.#busyUntilUs = -Infinity;
    if (!this.#works.keepsRequestOnTrigger) this.#requests = 0;
    this.#wake();
  }

  /** Sets the trigger input high or low; what that does depends on the mode. */
  triggerLine(level: boolean): void {
    if (level === this.#line) return;
    this.#advance();
    this.#line = level;
    if (!level) return;
    if (this.#isGated && !this.#isRunning) this.#start();
    if (this.#trigger === "hardware") this.#exposeOnce();
    if (this.#trigger === "synchronization") this.#delimit();
  }

  /** A short pulse on the trigger input. */
  triggerPulse(): void {
    this.triggerLine(true);
    this.triggerLine(false);
  }

  get #isGated(): boolean {
    return this.#trigger === "software" || this.#trigger === "level";
  }

  #start(): void {
    this.#isRunning = true;
    this.#cycleStartUs = this.#works.clock.nowUs();
    this.#cycleTimeUs = this.#setTimeUs;
    this.#wake();
  }

  // An edge that comes during an exposure is lost.
  #exposeOnce(): void {
    const nowUs = this.#works.clock.nowUs();
    if (this.#requests === 0 || nowUs < this.#busyUntilUs) return;
    const startUs = nowUs + (this.#works.acquisitionDelayUs?.() ?? 0);
    const integrationTimeUs = this.#setTimeUs;
    this.#busyUntilUs = startUs + integrationTimeUs;
    this.#finish({ startUs, endUs: this.#busyUntilUs, integrationTimeUs });
  }

  #delimit(): void {
    const endUs = this.#works.clock.nowUs();
    const startUs = this.#lastEdgeUs;
    this.#lastEdgeUs = endUs;
    if (startUs === undefined || this.#requests === 0) return;
    this.#finish({ startUs, endUs, integrationTimeUs: endUs - startUs });
  }

  // An exposure shorter than the shortest cycle fills the end of it (electronic shutter).
  #periodUs(): number {
    return Math.max(this.#cycleTimeUs, this.#works.readoutUs);
  }

  #advance(): void {
    if (!this.#isRunning) return;
    const nowUs = this.#works.clock.nowUs();
    for (
      let endUs = this.#cycleStartUs + this.#periodUs();
      endUs <= nowUs;
      endUs = this.#cycleStartUs + this.#periodUs()
    ) {
      if (this.#requests > 0) {
        const integrationTimeUs = this.#cycleTimeUs;
        this.#finish({ startUs: endUs - integrationTimeUs, endUs, integrationTimeUs });
      }
      this.#cycleStartUs = endUs;
      this.#coming.push(this.#setTimeUs);
      this.#cycleTimeUs = this.#coming.shift() ?? this.#setTimeUs;
      if (this.#isGated && !this.#line) {
        this.#isRunning = false;
        return;
      }
      if (this.#requests === 0 && this.#isSteady()) {
        const cycles = Math.floor((nowUs - endUs) / this.#periodUs());
        this.#cycleStartUs += cycles * this.#periodUs();
      }
    }
  }

  #isSteady(): boolean {
    return this.#cycleTimeUs === this.#setTimeUs && this.#coming.every((us) => us === this.#setTimeUs);
  }

  #finish(exposed: Exposed): void {
    this.#requests -= 1;
    const { clock, readoutUs } = this.#works;
    const leftUs = exposed.endUs + readoutUs - clock.nowUs();
    if (leftUs <= 0) {
      this.#deliver(exposed);
      return;
    }
    const cancel = clock.after(leftUs, () => {
      this.#underWay.delete(cancel);
      this.#deliver(exposed);
    });
    this.#underWay.set(cancel, exposed);
  }

  // Exposures that an edge began; those in read-out are delivered. Their requests are pending again.
  #dropUnfinished(): void {
    for (const [cancel, { endUs }] of this.#underWay) {
      if (endUs <= this.#works.clock.nowUs()) continue;
      cancel();
      this.#underWay.delete(cancel);
      this.#requests += 1;
    }
  }

  // One timer, and only while a frame is wanted: at the moment when the running cycle's frame is ready.
  #wake(): void {
    this.#cancelWake();
    if (this.#requests === 0 || !this.#isRunning) return;
    const { clock, readoutUs } = this.#works;
    const dueUs = this.#cycleStartUs + this.#periodUs() + readoutUs;
    this.#cancelWake = clock.after(dueUs - clock.nowUs(), () => {
      this.#advance();
      this.#wake();
    });
  }
}

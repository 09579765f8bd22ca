// Exposures of an OOI device that wait for a signal on its trigger input. Nothing is discarded by request, since that
// would eat a trigger; what an earlier mode left behind is drained when the device is armed:
//
//     host    02 T, 09 .. frame dropped, 0A n, drain     09 ........... frame, 09 ........... frame
//     input                                                   signal               signal
//
// The device stays armed until the light changes (`notBeforeUs`), the integration time does, or another mode is wanted.
// Reference: vendor's notes on external triggering.

import { all } from "../../base/abort.ts";
import type { Clock } from "../../base/clock.ts";
import { VscopeError } from "../../base/errors.ts";
import type { Exposure } from "./driver.ts";
import type { FreeRunning, KeptFrame } from "./free-running.ts";
import type { Ooi } from "./ooi.ts";
import { statusOf } from "./ooi-controls.ts";
import type { Armed, Trigger } from "./trigger.ts";
import { isTimedOutside } from "./trigger-modes.ts";

// Cycles that the input gates can begin before the device is armed; those are dropped.
const MOST_DISCARDED = 3;

interface Arming {
  readonly number: number;
  readonly integrationTimeUs: number;
  /** From here on, exposures have these settings. */
  readonly sinceUs: number;
}

export class Triggered {
  readonly #ooi: Ooi;
  readonly #exposures: FreeRunning;
  readonly #trigger: Trigger;
  readonly #clock: Clock;
  #arming: Arming | undefined;

  constructor(ooi: Ooi, exposures: FreeRunning, trigger: Trigger) {
    this.#ooi = ooi;
    this.#trigger = trigger;
    this.#exposures = exposures;
    this.#clock = ooi.link.clock;
  }

  /** Command 01 was sent: the device is in normal mode again. */
  forget(): void {
    this.#arming = undefined;
  }

  /** Back to normal mode, if need be. */
  async disarm(signal: AbortSignal): Promise<void> {
    const arming = this.#arming;
    if (arming === undefined) return;
    await this.#exposures.restart(arming.integrationTimeUs, signal);
    await this.#ooi.setTrigger(0, signal);
    this.#arming = undefined;
    await this.#drain(signal);
  }

  /** The first frame whose exposure began, by its signal, after `notBeforeUs`. Waits for ever. */
  async acquire(exposure: Exposure, armed: Armed, signal: AbortSignal): Promise<KeptFrame> {
    const waitUs = exposure.notBeforeUs - this.#clock.nowUs();
    if (waitUs > 0) await this.#clock.delay(waitUs, signal);
    const { sinceUs } = await this.#arm(exposure, armed, signal);
    const exposureUs = exposure.integrationTimeUs + this.#ooi.model.readoutMaxUs;
    for (let discardedFrames = 0; discardedFrames <= MOST_DISCARDED; discardedFrames++) {
      const bytes = await this.#trigger.wait({ ...armed, exposureUs }, signal, (inner) => this.#read(inner));
      const arrivalUs = this.#clock.nowUs();
      const exposureEndUs = arrivalUs - this.#ooi.model.readoutUs;
      if (isTimedOutside(armed.mode)) {
        return { bytes, exposureStartUs: sinceUs, exposureEndUs, discardedFrames };
      }
      if (arrivalUs < this.#soonestUs(sinceUs, exposure.integrationTimeUs, armed)) continue;
      const exposureStartUs = Math.max(sinceUs, exposureEndUs - exposure.integrationTimeUs);
      return { bytes, exposureStartUs, exposureEndUs, discardedFrames };
    }
    throw this.#ooi.link.protocolError(
      `${MOST_DISCARDED + 1} frames in a row were not exposed for ${exposure.integrationTimeUs} us`,
    );
  }

  // An edge starts an exposure, and none can have begun earlier. A gate lets cycles run, and one that ends within a
  // read-out of the soonest moment may have begun before.
  #soonestUs(sinceUs: number, integrationTimeUs: number, { mode }: Armed): number {
    const toleranceUs = 100 + integrationTimeUs / 1000;
    const slackUs = mode === "hardware" ? -toleranceUs : this.#ooi.model.readoutMaxUs;
    return sinceUs + integrationTimeUs + slackUs;
  }

  async #arm(exposure: Exposure, { mode, number }: Armed, signal: AbortSignal): Promise<Arming> {
    const { integrationTimeUs, notBeforeUs } = exposure;
    const known = this.#arming;
    const isSame = known?.number === number && known.integrationTimeUs === integrationTimeUs;
    if (known !== undefined && isSame && known.sinceUs >= notBeforeUs) return known;
    // By way of normal mode: a device that is armed already would go on with an exposure of before.
    if (isSame) await this.#ooi.setTrigger(0, signal);
    else await this.disarm(signal);
    // Nobody can tell how long an exposure lasted whose beginning is not known: all must have this time.
    await this.#exposures.hold(integrationTimeUs, signal);
    this.#arming = { number, integrationTimeUs, sinceUs: 0 };
    await this.#ooi.setTrigger(number, signal);
    const sinceUs = this.#clock.nowUs();
    await this.#drain(signal);
    await this.#requireTaken(mode, number, signal);
    this.#arming = { number, integrationTimeUs, sinceUs };
    return this.#arming;
  }

  // Firmware ignores a number that it does not know, and would go on exposing without a signal.
  async #requireTaken(mode: string, number: number, signal: AbortSignal): Promise<void> {
    if (!this.#ooi.model.hasStatus) return;
    const { triggerMode } = statusOf(await this.#ooi.readStatus(signal));
    if (triggerMode === number) return;
    throw new VscopeError(
      "DEVICE_FAULT",
      `${this.#ooi.link.subject}: trigger mode ${mode}: the instrument did not take number ${number}, it has ${triggerMode}`,
    );
  }

  // No deadline: the signal may come tomorrow.
  async #read(signal: AbortSignal): Promise<Uint8Array> {
    let bytes: Uint8Array | undefined;
    await all<void>(
      [
        async (inner) => {
          bytes = await this.#ooi.readSpectrum(Number.POSITIVE_INFINITY, inner);
        },
        (inner) => this.#ooi.requestSpectrum(inner),
      ],
      signal,
    );
    if (bytes === undefined) throw this.#ooi.link.protocolError("a read ended without bytes");
    return bytes;
  }

  #drain(signal: AbortSignal): Promise<number> {
    const { integrationTimeUs, readoutMaxUs } = this.#ooi.model;
    return this.#ooi.link.drain(this.#ooi.inputs, 2 * (integrationTimeUs.min + readoutMaxUs), signal);
  }
}

// The identity of an open device. Its calibration is read again after it was written, and after a write that failed as
// soon as the device answers: what clients and files see is what the device holds.

import type { Calibration, InstrumentIdentity } from "../../spectra/spectrum.ts";

/** Forgiving: what is unreadable is left out with a warning, as at opening. Strict: it is an error. */
export type ReadHow = "forgiving" | "strict";

export type ReadCalibration = (how: ReadHow, signal: AbortSignal) => Promise<Calibration>;

export class DeviceIdentity {
  readonly #read: ReadCalibration;
  #value: InstrumentIdentity;
  #isUncertain = false;

  constructor(value: InstrumentIdentity, read: ReadCalibration) {
    this.#value = value;
    this.#read = read;
  }

  get value(): InstrumentIdentity {
    return this.#value;
  }

  /** The calibration as the device holds it at this moment. */
  readCalibration(signal: AbortSignal): Promise<Calibration> {
    return this.#renew("strict", signal);
  }

  /** Runs a job that may change the calibration in the device. */
  async changing(job: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    this.#isUncertain = true;
    await job(signal);
    await this.readCalibration(signal);
  }

  /** To be called when the device has been brought back to order after a failure. */
  async settle(signal: AbortSignal): Promise<void> {
    if (this.#isUncertain) await this.#renew("forgiving", signal);
  }

  async #renew(how: ReadHow, signal: AbortSignal): Promise<Calibration> {
    const calibration = await this.#read(how, signal);
    this.#value = { ...this.#value, calibration };
    this.#isUncertain = false;
    return calibration;
  }
}

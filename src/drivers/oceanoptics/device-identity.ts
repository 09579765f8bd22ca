// The identity of an open device. Its calibration is read again after it was written, and after a write that failed as
// soon as the device answers: what clients and files see is what the device holds. As long as it is not readable, that is
// what was read last.

import type { Calibration, InstrumentIdentity } from "../../spectra/spectrum.ts";

/** What of the identity a write into the device's memory can change. */
export interface StoredFacts {
  readonly calibration: Calibration;
  /** Absent where the device stores none. */
  readonly saturationLevel?: number;
}

/** Throws when anything is unreadable. */
export type ReadStoredFacts = (signal: AbortSignal) => Promise<StoredFacts>;

export class DeviceIdentity {
  readonly #read: ReadStoredFacts;
  #value: InstrumentIdentity;
  #isUncertain = false;

  constructor(value: InstrumentIdentity, read: ReadStoredFacts) {
    this.#value = value;
    this.#read = read;
  }

  get value(): InstrumentIdentity {
    return this.#value;
  }

  /** The calibration as the device holds it at this moment. */
  async readCalibration(signal: AbortSignal): Promise<Calibration> {
    const facts = await this.#read(signal);
    this.#value = { ...this.#value, ...facts };
    this.#isUncertain = false;
    return facts.calibration;
  }

  /** Runs a job that may change the calibration in the device. */
  async changing(job: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    this.#isUncertain = true;
    await job(signal);
    await this.readCalibration(signal);
  }

  /**
   * To be called when the device has been brought back to order after a failure. Throws what reading throws; the old
   * calibration stays then, until the next call.
   */
  async settle(signal: AbortSignal): Promise<void> {
    if (this.#isUncertain) await this.readCalibration(signal);
  }
}

// The cooler of a detector as piccolo3 sets it: what is wanted is taken at any time, and reaches the device as soon as that
// is idle.

import { Cell, type ReadableCell } from "../../base/cell.ts";
import { isVscopeError, messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { Float } from "./json-text.ts";
import type { Spectrometer } from "../../instruments/spectrometer.ts";
import type { TecSettings } from "../../instruments/tec-settings.ts";

/** What piccolo3 starts with. */
const START_C = -10;

export class Cooler {
  readonly #log: Log;
  readonly #signal: AbortSignal;
  readonly #enabled = new Cell(false);
  readonly #targetC = new Cell<number>(START_C);
  #wanted: TecSettings = {};
  #spectrometer: Spectrometer | undefined;
  #isTargetPut = false;
  #isRead = false;
  #isAtWork = false;

  /** `signal` aborts when the server closes. */
  constructor(log: Log, signal: AbortSignal) {
    this.#log = log;
    this.#signal = signal;
  }

  get enabled(): ReadableCell<boolean> {
    return this.#enabled;
  }

  /** A number as it was put; what is measured or comes from the start has a point. */
  get shownTarget(): number | Float {
    return this.#isTargetPut ? this.#targetC.value : new Float(this.#targetC.value);
  }

  get targetC(): ReadableCell<number> {
    return this.#targetC;
  }

  /** The device is known now; what it is set to is shown unless a client has said something else. */
  belongsTo(spectrometer: Spectrometer): void {
    if (this.#spectrometer !== undefined || !spectrometer.identity.hasTec) return;
    this.#spectrometer = spectrometer;
    spectrometer.status.subscribe(() => this.#follow(spectrometer));
    this.#follow(spectrometer);
  }

  /** Without a cooler it stays off. */
  setEnabled(enabled: boolean): void {
    if (this.#spectrometer === undefined) return;
    this.#enabled.set(enabled);
    this.#want({ enabled });
  }

  setTargetC(setpointC: number): void {
    this.#isTargetPut = true;
    this.#targetC.set(setpointC);
    this.#want({ setpointC });
  }

  #want(change: TecSettings): void {
    this.#wanted = { ...this.#wanted, ...change };
    this.#isRead = true;
    if (this.#spectrometer !== undefined) this.#follow(this.#spectrometer);
  }

  #follow(spectrometer: Spectrometer): void {
    if (spectrometer.status.value.state !== "idle" || this.#isAtWork) return;
    const wanted = this.#wanted;
    if (Object.keys(wanted).length > 0) {
      this.#wanted = {};
      void this.#work(this.#apply(spectrometer, wanted));
    } else if (!this.#isRead) {
      void this.#work(this.#look(spectrometer));
    }
  }

  // What failed waits for the next change of the state; what was wanted meanwhile does not.
  async #work(task: Promise<boolean>): Promise<void> {
    this.#isAtWork = true;
    const isDone = await task;
    this.#isAtWork = false;
    if (isDone && this.#spectrometer !== undefined) this.#follow(this.#spectrometer);
  }

  async #apply(spectrometer: Spectrometer, wanted: TecSettings): Promise<boolean> {
    try {
      await spectrometer.setTec(wanted, this.#signal);
      return true;
    } catch (error) {
      // Busy or gone: it is wanted still, and sent with the next change of the state.
      if (isVscopeError(error, "DEVICE_BUSY", "DEVICE_NOT_CONNECTED", "DEVICE_TIMEOUT", "DEVICE_PROTOCOL"))
        this.#wanted = { ...wanted, ...this.#wanted };
      else if (!this.#signal.aborted)
        this.#log.warn({ reason: messageOf(error), ...wanted }, `${spectrometer.serial}: cooler is not set`);
      return false;
    }
  }

  async #look(spectrometer: Spectrometer): Promise<boolean> {
    try {
      const { enabled, setpointC } = await spectrometer.readTec(this.#signal);
      // Somebody has set it meanwhile.
      if (this.#isRead) return true;
      this.#isRead = true;
      this.#enabled.set(enabled);
      this.#targetC.set(setpointC);
      return true;
    } catch (error) {
      if (!this.#signal.aborted)
        this.#log.debug({ reason: messageOf(error) }, `${spectrometer.serial}: cooler is not read`);
      return false;
    }
  }
}

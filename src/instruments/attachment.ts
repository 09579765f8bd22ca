// An opened device: its driver, its queue, and its way back to a known state after a failure or an abort. What the
// device cannot be brought back from in place goes to its keeper (port-keeper.ts), which has stronger means.

import { NEVER, orAborted } from "../base/abort.ts";
import { SECOND } from "../base/clock.ts";
import { asVscopeError, messageOf, type VscopeError } from "../base/errors.ts";
import { Queue } from "../base/queue.ts";
import type { RecoveryStep, SpectrometerDriver } from "../drivers/oceanoptics/driver.ts";
import { CANCEL_US } from "../drivers/usb/guarded-transport.ts";
import type { RecoveryLadder } from "./recovery-ladder.ts";
import { isRefusal } from "./refusal.ts";

export type DeviceJob<T> = (attachment: Attachment, signal: AbortSignal) => Promise<T>;

export interface AttachmentEvents {
  recovering(reason: string): void;
  /** The device is as after opening, and may tell another identity. */
  resynchronized(): void;
  idle(): void;
  /** The device does not come back by itself. */
  failed(error: VscopeError): void;
}

export interface AttachmentOptions {
  readonly serial: string;
  readonly driver: SpectrometerDriver;
  readonly ladder: RecoveryLadder;
  readonly events: AttachmentEvents;
  /** Writes the settings of before. A device is not used until this has succeeded. */
  readonly restore: (signal: AbortSignal) => Promise<void>;
}

// Beside the exposure that the device may have to finish first.
const ANSWER_US = 60 * SECOND;
const RESTORE_US = 60 * SECOND;

export class Attachment {
  readonly driver: SpectrometerDriver;
  readonly #ladder: RecoveryLadder;
  readonly #events: AttachmentEvents;
  readonly #restore: (signal: AbortSignal) => Promise<void>;
  readonly #queue: Queue;
  readonly #ended = new AbortController();
  /** Why it cannot be brought back in place. */
  #broken: VscopeError | undefined;
  #isRestored = false;
  #hasWorked = false;

  constructor({ serial, driver, ladder, events, restore }: AttachmentOptions) {
    this.driver = driver;
    this.#ladder = ladder;
    this.#events = events;
    this.#restore = restore;
    this.#queue = new Queue({ name: serial, recover: (reason) => this.#recover(reason) });
  }

  /** Whether anything has succeeded; the first job takes a spectrum. */
  get hasWorked(): boolean {
    return this.#hasWorked;
  }

  /** The first job: the settings of before, and what the first acquisition would otherwise have to do. */
  prepare(): Promise<void> {
    return this.run(async ({ driver }, inner) => {
      await this.#restoreOnce(inner);
      await driver.prepare?.(inner);
    }, NEVER);
  }

  /** Runs a job in its turn. After a failure the device recovers at once. Throws what the job and the queue throw. */
  async run<T>(job: DeviceJob<T>, signal: AbortSignal): Promise<T> {
    let hasBegun = false;
    try {
      return await this.#queue.run(async (inner) => {
        hasBegun = true;
        const result = await this.#perform(job, inner);
        this.#works();
        return result;
      }, signal);
    } catch (error) {
      // Not left until somebody asks again: the device would go on with a long exposure nobody wants.
      if (hasBegun && isRefusal(error)) this.#events.idle();
      else if (hasBegun) this.#recoverSoon(messageOf(error));
      throw error;
    }
  }

  /** Rejects those that wait for their turn: the job that runs may take till tomorrow. */
  turnAway(reason: VscopeError): void {
    this.#queue.turnAway(reason);
  }

  /** What runs and waits rejects at once with `reason`; the driver is closed. */
  async close(reason: VscopeError): Promise<void> {
    this.#ended.abort(reason);
    await this.#queue.close(reason);
    await this.driver.close();
  }

  // An abort cancels the transfers. A job that goes on nevertheless is given up, and the device with it.
  async #perform<T>(job: DeviceJob<T>, signal: AbortSignal): Promise<T> {
    const stuck = new AbortController();
    const running = job(this, signal);
    const onAbort = (): void => {
      const run = (inner: AbortSignal): Promise<unknown> => orAborted(Promise.allSettled([running]), inner);
      const cancel = { name: "cancel", deadlineUs: CANCEL_US, run };
      this.#ladder.take(cancel, messageOf(signal.reason), NEVER).catch((error: unknown) => {
        this.#broken = asVscopeError(error);
        stuck.abort(error);
      });
    };
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await orAborted(running, stuck.signal);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  // The queue recovers before its next job, and this is the next.
  #recoverSoon(reason: string): void {
    if (this.#ended.signal.aborted) return;
    this.#events.recovering(reason);
    this.#queue
      .runNext(async (inner) => {
        await this.#ladder.takeAll(this.#preparation(), reason, inner);
        this.#works();
      }, this.#ended.signal)
      // Nobody else would try again: a batch that waits for this device would wait in vain.
      .catch((failure: unknown) => this.#fail(failure));
  }

  async #recover(reason: unknown): Promise<void> {
    if (isRefusal(reason)) return;
    try {
      if (this.#broken !== undefined) throw this.#broken;
      const steps = [...this.driver.recovery, ...this.#restoration()];
      await this.#ladder.takeAll(steps, messageOf(reason), this.#ended.signal);
      this.#events.resynchronized();
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  async #restoreOnce(signal: AbortSignal): Promise<void> {
    await this.#restore(signal);
    this.#isRestored = true;
  }

  // Where the first job has failed: nobody may measure with other settings than those he sees.
  #restoration(): readonly RecoveryStep[] {
    if (this.#isRestored) return [];
    return [{ name: "restore", deadlineUs: RESTORE_US, run: (signal) => this.#restoreOnce(signal) }];
  }

  // Shows that the device delivers spectra again.
  #preparation(): readonly RecoveryStep[] {
    const { driver } = this;
    if (driver.prepare === undefined) return [];
    const deadlineUs = driver.identity.integrationTimeUs.max + ANSWER_US;
    return [{ name: "prepare", deadlineUs, run: (signal) => driver.prepare?.(signal) ?? Promise.resolve() }];
  }

  #works(): void {
    this.#hasWorked = true;
    this.#events.idle();
  }

  #fail(error: unknown): void {
    this.#broken ??= asVscopeError(error);
    if (!this.#ended.signal.aborted) this.#events.failed(this.#broken);
  }
}

// A shutter: one owner of its GPIO lines, one queue, and a state that follows the moves. Fail-closed: it closes at the
// start, when a move or the work under it fails, and at the end, each time with a signal and deadline of its own.

import { NEVER, orAborted, withDeadline } from "../base/abort.ts";
import { Cell, type ReadableCell } from "../base/cell.ts";
import { type Clock, MS, SECOND } from "../base/clock.ts";
import { isVscopeError, messageOf, VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { Queue } from "../base/queue.ts";
import type { ShutterConfig } from "../config/shutter-config.ts";
import type { GpioBank } from "../drivers/gpio/port.ts";
import { ShutterLines } from "./shutter-lines.ts";

export type ShutterState = "open" | "closed" | "unknown";

export interface ShutterOptions {
  readonly bank: GpioBank;
  readonly clock: Clock;
  readonly log: Log;
}

/** Over the pulse and the settle time, for a computer that is busy. */
const MARGIN_US = 2 * SECOND;
/** How long, besides a move, the end of the server waits for work that does not listen to its signal. */
const DISPOSE_WAIT_US = SECOND / 2;

export class Shutter {
  readonly channel: string;
  readonly config: ShutterConfig;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #queue: Queue;
  readonly #lines: ShutterLines;
  readonly #state = new Cell<ShutterState>("unknown");
  #settledAtUs = 0;
  #disposed: Promise<void> | undefined;

  /** Touches no line yet: the first move claims them. */
  constructor(config: ShutterConfig, { bank, clock, log }: ShutterOptions) {
    this.channel = config.channel;
    this.config = config;
    this.#clock = clock;
    this.#log = log.child({ shutter: config.channel });
    this.#queue = new Queue({ name: `shutter ${config.channel}` });
    this.#lines = new ShutterLines(config, bank, clock);
  }

  /** "unknown" before the first move and after one that failed; the blades may still be settling. */
  get state(): ReadableCell<ShutterState> {
    return this.#state;
  }

  /** How long a move takes, settling included. */
  get moveUs(): number {
    return this.#lines.moveUs;
  }

  /** Clock.nowUs when the last move has settled, or will have; 0 before the first. */
  get settledAtUs(): number {
    return this.#settledAtUs;
  }

  /** Resolves when open and settled, at once if it is. Throws the bank's errors; the shutter is closed then. */
  open(signal: AbortSignal): Promise<void> {
    return this.#queue.run((joined) => this.#openOrClose(joined), signal);
  }

  /** Resolves when closed and settled, at once if it is. Throws the bank's errors. */
  close(signal: AbortSignal): Promise<void> {
    return this.#queue.run(async (joined) => {
      await this.#move("closed", joined);
      await this.#rest(joined);
    }, signal);
  }

  /** As `close`, but does not wait for the blades: `settledAtUs` tells when they rest. */
  closeAhead(signal: AbortSignal): Promise<void> {
    return this.#queue.run((joined) => this.#move("closed", joined), signal);
  }

  /**
   * Runs `job` while the shutter is open, and closes it, as `closeAhead`, whatever becomes of the job. Nobody else moves
   * the shutter meanwhile. The job gets the time (Clock.nowUs) from which the light is steady.
   * Throws the job's error; when only closing fails, that error.
   */
  withOpen<T>(
    job: (settledAtUs: number, signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    return this.#queue.run(async (joined) => {
      await this.#openOrClose(joined);
      let result: T;
      try {
        result = await job(this.#settledAtUs, joined);
      } catch (error) {
        await this.#closeAfterFailure();
        throw error;
      }
      await this.#closeSurely();
      return result;
    }, signal);
  }

  /** Ends what runs, closes the shutter and gives the lines back. Throws when it could not be closed. */
  dispose(): Promise<void> {
    this.#disposed ??= this.#dispose();
    return this.#disposed;
  }

  async #dispose(): Promise<void> {
    const reason = new VscopeError("OPERATION_CANCELLED", `shutter ${this.channel}: the server ends`);
    await this.#drained(this.#queue.close(reason));
    try {
      if (this.#lines.isClaimed) await this.#closeSurely();
      await this.#rest(NEVER);
    } finally {
      this.#lines.release();
    }
  }

  // Light on the detector matters less than a shutter that stays open because some work does not end.
  async #drained(closing: Promise<void>): Promise<void> {
    const us = this.#lines.moveUs + DISPOSE_WAIT_US;
    const late = (): Error => new VscopeError("DEVICE_TIMEOUT", `shutter ${this.channel}: still in use`);
    try {
      await withDeadline({ clock: this.#clock, us, late }, NEVER, (limited) => orAborted(closing, limited));
    } catch (error) {
      this.#log.warn({ reason: messageOf(error) }, "the shutter closes under running work");
    }
  }

  async #openOrClose(signal: AbortSignal): Promise<void> {
    try {
      await this.#rest(signal);
      await this.#move("open", signal);
      await this.#rest(signal);
    } catch (error) {
      await this.#closeAfterFailure();
      throw error;
    }
  }

  // The failure that brought us here is what the caller must see; this one is told to the log.
  async #closeAfterFailure(): Promise<void> {
    try {
      if (this.#lines.isClaimed) await this.#closeSurely();
    } catch (error) {
      this.#log.error({ reason: messageOf(error) }, "the shutter could not be closed after a failure");
    }
  }

  #closeSurely(): Promise<void> {
    return this.#move("closed", NEVER);
  }

  /** Waits for the blades of the last move. */
  async #rest(signal: AbortSignal): Promise<void> {
    const leftUs = this.#settledAtUs - this.#clock.nowUs();
    if (leftUs > 0) await this.#clock.delay(leftUs, signal);
  }

  async #move(target: "open" | "closed", signal: AbortSignal): Promise<void> {
    if (this.#state.value === target) return;
    const us = this.#lines.moveUs + MARGIN_US;
    const late = (): VscopeError =>
      new VscopeError("DEVICE_TIMEOUT", `shutter ${this.channel}: not ${target} after ${us / MS} ms`);
    try {
      await withDeadline({ clock: this.#clock, us, late }, signal, (limited) =>
        this.#lines.drive(target, limited),
      );
    } catch (error) {
      this.#state.set("unknown");
      throw isVscopeError(error) && !signal.aborted ? this.#named(error) : error;
    }
    this.#settledAtUs = this.#clock.nowUs() + this.#lines.settleUs;
    this.#state.set(target);
  }

  #named(error: VscopeError): VscopeError {
    const subject = `shutter ${this.channel}`;
    if (error.message.startsWith(subject)) return error;
    return new VscopeError(error.code, `${subject}: ${error.message}`, { cause: error });
  }
}

/** All shutters of the instrument, one a channel. */
export class ShutterSet {
  readonly #shutters: ReadonlyMap<string, Shutter>;

  private constructor(shutters: readonly Shutter[]) {
    this.#shutters = new Map(shutters.map((shutter) => [shutter.channel, shutter]));
  }

  /**
   * Closes every shutter, one after the other: solenoids together could draw more than the supply gives.
   * One that fails is logged, stays "unknown" and tells its error again when it is used; the others work.
   */
  static async open(
    { shutters: configs, ...options }: ShutterOptions & { readonly shutters: readonly ShutterConfig[] },
    signal: AbortSignal,
  ): Promise<ShutterSet> {
    const sorted = [...configs].sort((a, b) => (a.channel < b.channel ? -1 : 1));
    const shutters = sorted.map((config) => new Shutter(config, options));
    const set = new ShutterSet(shutters);
    for (const shutter of shutters) {
      try {
        await shutter.close(signal);
      } catch (error) {
        if (signal.aborted) {
          await set.close();
          throw error;
        }
        options.log.error(
          { shutter: shutter.channel, reason: messageOf(error) },
          "the shutter is not usable",
        );
      }
    }
    return set;
  }

  /** The shutter of a channel. Throws RESOURCE_NOT_FOUND. */
  shutter(channel: string): Shutter {
    const shutter = this.#shutters.get(channel);
    if (shutter !== undefined) return shutter;
    const known = [...this.#shutters.keys()].join(", ") || "none";
    throw new VscopeError("RESOURCE_NOT_FOUND", `${channel}: no such channel, channels are ${known}`);
  }

  /** Sorted by channel. */
  list(): readonly Shutter[] {
    return [...this.#shutters.values()];
  }

  /** Disposes of all; throws an AggregateError of those that could not be closed. */
  async close(): Promise<void> {
    const outcomes = await Promise.allSettled(this.list().map((shutter) => shutter.dispose()));
    const failures = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
    if (failures.length > 0) throw new AggregateError(failures, failures.map(messageOf).join("; "));
  }
}

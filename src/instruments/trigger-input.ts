// A trigger input: an edge on a GPIO line starts a recording, as an autopilot's camera trigger does. While something is
// recorded an edge is counted and ignored. A pulse on the reset line tells that the recording has ended.

import { Cell, type ReadableCell } from "../base/cell.ts";
import { type Clock, isoUtc } from "../base/clock.ts";
import { isVscopeError, messageOf, type VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { TriggerConfig } from "../config/box-config.ts";
import type { GpioBank, GpioInput, GpioLine } from "../drivers/gpio/port.ts";

export interface TriggerInputOptions {
  readonly bank: GpioBank;
  readonly clock: Clock;
  readonly log: Log;
  readonly config: TriggerConfig;
  /** Starts a recording; `finished` never rejects. Throws STATE_CONFLICT while another operation runs. */
  readonly start: () => { readonly id: string; readonly finished: Promise<void> };
}

export interface TriggerStatus {
  /** Edges that have started a recording. */
  readonly started: number;
  /** Edges that came while something was recorded, and those whose recording could not start. */
  readonly ignored: number;
  readonly newestUtc?: string;
  /** The line is lost: no edge is seen any more. */
  readonly usable?: false;
  /** Why the newest one was ignored, or the line is lost. */
  readonly reason?: string;
}

export class TriggerInput {
  readonly #options: TriggerInputOptions;
  readonly #status = new Cell<TriggerStatus>({ started: 0, ignored: 0 });
  #input: GpioInput | undefined;
  #reset: GpioLine | undefined;
  /** Of any edge, also one that was not wanted. */
  #newestEdgeUs = Number.NEGATIVE_INFINITY;
  #endPulse: (() => void) | undefined;

  private constructor(options: TriggerInputOptions) {
    this.#options = options;
  }

  /** Claims the lines and listens. Throws the bank's errors; then no line is kept. */
  static async open(options: TriggerInputOptions): Promise<TriggerInput> {
    const trigger = new TriggerInput(options);
    try {
      await trigger.#claim();
    } catch (error) {
      trigger.close();
      throw error;
    }
    return trigger;
  }

  get status(): ReadableCell<TriggerStatus> {
    return this.#status;
  }

  close(): void {
    this.#input?.close();
    this.#endPulse?.();
    this.#reset?.close();
    this.#input = undefined;
    this.#reset = undefined;
  }

  async #claim(): Promise<void> {
    const { bank, config, log } = this.#options;
    const { pin, pull, reset, edge } = config;
    if (reset !== undefined) this.#reset = await bank.output(reset.pin, reset.activeHigh ? 0 : 1);
    const wanted = edge === "rising" ? 1 : 0;
    const onEdge = (level: 0 | 1): void => {
      if (!this.#isBounce() && level === wanted) this.#trigger();
    };
    const onLost = ({ message: reason }: VscopeError): void => {
      this.#status.set({ ...this.#status.value, usable: false, reason });
      log.error({ pin, reason }, `GPIO${pin}: the trigger input is lost`);
    };
    this.#input = await bank.input(pin, { pull, onEdge, onLost });
  }

  // The first edge counts, so that a short pulse is seen. A contact bounces when it opens, too: what follows any edge at
  // once is none.
  #isBounce(): boolean {
    const { clock, config } = this.#options;
    const nowUs = clock.nowUs();
    const quietUs = nowUs - this.#newestEdgeUs;
    this.#newestEdgeUs = nowUs;
    return quietUs < config.debounceUs;
  }

  #trigger(): void {
    const { clock, config, log, start } = this.#options;
    const { pin } = config;
    const newestUtc = isoUtc(clock.utcUs());
    const { started, ignored } = this.#status.value;
    try {
      const { id, finished } = start();
      this.#status.set({ started: started + 1, ignored, newestUtc });
      log.info({ pin, operation: id }, `GPIO${pin}: trigger, recording starts`);
      void finished.then(() => this.#pulse());
    } catch (error) {
      const reason = messageOf(error);
      this.#status.set({ started, ignored: ignored + 1, newestUtc, reason });
      const level = isVscopeError(error, "STATE_CONFLICT") ? "warn" : "error";
      log[level]({ pin, ignored: ignored + 1, reason }, `GPIO${pin}: trigger ignored`);
    }
  }

  #pulse(): void {
    const { clock, config } = this.#options;
    const line = this.#reset;
    if (line === undefined || config.reset === undefined) return;
    const { activeHigh, pulseUs } = config.reset;
    this.#endPulse?.();
    this.#write(line, activeHigh ? 1 : 0);
    const cancel = clock.after(pulseUs, () => this.#endPulse?.());
    this.#endPulse = () => {
      cancel();
      this.#endPulse = undefined;
      this.#write(line, activeHigh ? 0 : 1);
    };
  }

  #write(line: GpioLine, level: 0 | 1): void {
    try {
      line.write(level);
    } catch (error) {
      this.#options.log.warn({ reason: messageOf(error) }, "the trigger's reset line did not change");
    }
  }
}

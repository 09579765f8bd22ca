// A button that switches the computer off (a long press) or reboots it (a very long one), after the recording was ended.
// What counts is how long it was pressed when it is released, so that whoever changes their mind presses on.

import { orAborted, withDeadline } from "../base/abort.ts";
import { type Clock, MS, SECOND } from "../base/clock.ts";
import { messageOf, VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { PowerButtonConfig } from "../config/box-config.ts";
import type { GpioBank, GpioInput } from "../drivers/gpio/port.ts";

export interface PowerButtonOptions {
  readonly bank: GpioBank;
  readonly clock: Clock;
  readonly log: Log;
  readonly config: PowerButtonConfig;
  /** Ends what is recorded; resolves when its files are on disk. */
  readonly settle: () => Promise<void>;
  /** Takes up again what was ended: the computer stays on. */
  readonly failed: () => Promise<void>;
  readonly run: (command: readonly string[], signal: AbortSignal) => Promise<void>;
}

/** A contact bounces for less. */
const BOUNCE_US = 30 * MS;
const SETTLE_WITHIN_US = 30 * SECOND;
const RUN_WITHIN_US = 10 * SECOND;
/** A command that has succeeded needs this long to end the computer; a press meanwhile must not order another thing. */
const CARRIED_OUT_US = 120 * SECOND;

export class PowerButton {
  readonly #options: PowerButtonOptions;
  readonly #closing = new AbortController();
  #input: GpioInput | undefined;
  /** The line's level has to last before it counts. */
  #cancelCheck: (() => void) | undefined;
  #edgeAtUs = 0;
  #pressedAtUs: number | undefined;
  #isActing = false;
  #cancelEnd = (): void => {};

  private constructor(options: PowerButtonOptions) {
    this.#options = options;
  }

  /** Claims the line and listens. Throws the bank's errors. */
  static async open(options: PowerButtonOptions): Promise<PowerButton> {
    const button = new PowerButton(options);
    const { pin, pull } = options.config;
    const onLost = ({ message }: VscopeError): void =>
      options.log.error({ pin, reason: message }, `GPIO${pin}: the power button is lost`);
    button.#input = await options.bank.input(pin, { pull, onEdge: () => button.#edge(), onLost });
    return button;
  }

  close(): void {
    this.#closing.abort(new VscopeError("OPERATION_CANCELLED", "power button: the server is stopping"));
    this.#cancelCheck?.();
    this.#cancelEnd();
    this.#input?.close();
    this.#input = undefined;
  }

  #edge(): void {
    const { clock } = this.#options;
    // The first of some bounces is when it was pressed or released.
    if (this.#cancelCheck === undefined) this.#edgeAtUs = clock.nowUs();
    this.#cancelCheck?.();
    this.#cancelCheck = clock.after(BOUNCE_US, () => {
      this.#cancelCheck = undefined;
      this.#look();
    });
  }

  #look(): void {
    const { config, log } = this.#options;
    try {
      const isPressed = (this.#input?.read() === 1) === config.activeHigh;
      const sinceUs = this.#pressedAtUs;
      if (isPressed === (sinceUs !== undefined)) return;
      this.#pressedAtUs = isPressed ? this.#edgeAtUs : undefined;
      if (sinceUs !== undefined) this.#released(this.#edgeAtUs - sinceUs);
    } catch (error) {
      log.error({ pin: config.pin, reason: messageOf(error) }, "the power button cannot be read");
    }
  }

  #released(pressedUs: number): void {
    const { config, log } = this.#options;
    const pressedS = Math.round(pressedUs / (SECOND / 10)) / 10;
    if (pressedUs < config.offUs) {
      const neededS = config.offUs / SECOND;
      log.info({ pressedS, neededS }, "power button: the press was too short, nothing happens");
      return;
    }
    if (this.#isActing) {
      log.warn({ pressedS }, "power button: an earlier press is being carried out, nothing else happens");
      return;
    }
    const isReboot = pressedUs >= config.rebootUs;
    const command = isReboot ? config.rebootCommand : config.offCommand;
    log.warn({ pressedS, command }, isReboot ? "power button: reboot" : "power button: power off");
    void this.#act(command);
  }

  // A recording that does not end keeps nobody from switching off: its finished files are on disk.
  async #act(command: readonly string[]): Promise<void> {
    const { clock, log, settle, run } = this.#options;
    const { signal } = this.#closing;
    this.#isActing = true;
    const within = (us: number, what: string) => ({
      clock,
      us,
      late: (): Error => new VscopeError("DEVICE_TIMEOUT", `${what}: not finished after ${us / SECOND} s`),
    });
    try {
      await withDeadline(within(SETTLE_WITHIN_US, "recording"), signal, (inner) =>
        orAborted(settle(), inner),
      );
    } catch (error) {
      log.error({ reason: messageOf(error) }, "power button: goes on without the end of the recording");
    }
    try {
      if (!signal.aborted)
        await withDeadline(within(RUN_WITHIN_US, command.join(" ")), signal, (inner) => run(command, inner));
      if (!signal.aborted) this.#cancelEnd = clock.after(CARRIED_OUT_US, () => (this.#isActing = false));
    } catch (error) {
      log.error({ command, reason: messageOf(error) }, "power button: the command failed");
      this.#isActing = false;
      if (!signal.aborted) await this.#options.failed();
    }
  }
}

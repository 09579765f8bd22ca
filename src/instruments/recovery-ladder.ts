// The ladder that brings a spectrometer back: small steps first, its power last. Each step has a deadline and leaves
// one line in the log with its reason, its outcome and what it took. Who climbs it decides which step comes next.

import { withDeadline } from "../base/abort.ts";
import { type Clock, MS, SECOND } from "../base/clock.ts";
import { messageOf, VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { RecoveryStep } from "../drivers/oceanoptics/driver.ts";

export interface LadderOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Begins every message: serial number or port. */
  readonly subject: string;
}

export class RecoveryLadder {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #subject: string;

  constructor({ clock, log, subject }: LadderOptions) {
    this.#clock = clock;
    this.#log = log;
    this.#subject = subject;
  }

  /** Takes one step because of `reason`. Throws what it throws, or DEVICE_TIMEOUT after its deadline. */
  async take<T>(
    step: { readonly name: string; readonly deadlineUs: number; run(signal: AbortSignal): Promise<T> },
    reason: string,
    signal: AbortSignal,
  ): Promise<T> {
    const beganUs = this.#clock.nowUs();
    const { name, deadlineUs: us } = step;
    const late = (): Error =>
      new VscopeError("DEVICE_TIMEOUT", `${this.#subject}: ${name} takes longer than ${us / SECOND} s`);
    try {
      const result = await withDeadline({ clock: this.#clock, us, late }, signal, (inner) => step.run(inner));
      this.#tell({ step: name, reason, outcome: "done" }, beganUs);
      return result;
    } catch (error) {
      this.#tell({ step: name, reason, outcome: messageOf(error) }, beganUs);
      throw error;
    }
  }

  /** Takes all steps in turn; the first that fails ends it. */
  async takeAll(steps: readonly RecoveryStep[], reason: string, signal: AbortSignal): Promise<void> {
    for (const step of steps) await this.take(step, reason, signal);
  }

  #tell(
    line: { readonly step: string; readonly reason: string; readonly outcome: string },
    beganUs: number,
  ): void {
    const durationMs = Math.round((this.#clock.nowUs() - beganUs) / MS);
    // What the failure of a step leads to is for those who climb to tell, and to warn of.
    this.#log.info({ ...line, durationMs }, `${this.#subject}: recovery, ${line.step}: ${line.outcome}`);
  }
}

// Keeps a link to so many bytes a second on the average: after what has come, the next transfer waits as long as that may
// take. Within a transfer the link gives what it can.

import { type Clock, SECOND } from "../base/clock.ts";

export class Pace {
  readonly #clock: Clock;
  readonly #bytesPerS: number;
  #dueUs = Number.NEGATIVE_INFINITY;

  /** As fast as the link is without a limit. */
  constructor(clock: Clock, bytesPerS: number | undefined) {
    this.#clock = clock;
    this.#bytesPerS = bytesPerS ?? Number.POSITIVE_INFINITY;
  }

  /** Resolves when the next transfer may begin. */
  async turn(signal: AbortSignal): Promise<void> {
    for (;;) {
      const waitUs = this.#dueUs - this.#clock.nowUs();
      if (waitUs <= 0) return;
      await this.#clock.delay(waitUs, signal);
    }
  }

  spent(bytes: number): void {
    const fromUs = Math.max(this.#dueUs, this.#clock.nowUs());
    this.#dueUs = fromUs + (bytes / this.#bytesPerS) * SECOND;
  }
}

// Whether a peer reads what is sent to it fast enough. A link may be thin, and the system takes its share in steps of up to
// 1.4 MB (Linux: a third of its own buffer), so there is patience; but on average it must not read more slowly than the
// limits say. Otherwise who reads a byte now and then would hold a large answer in memory for days.

import { SECOND } from "../../base/clock.ts";
import type { CoapLimits } from "../engine/limits.ts";

/** What a peer may take its time for. */
export type Patience = Pick<CoapLimits, "connectionUnreadS" | "connectionBytesPerS">;

export class ReadingPace {
  readonly #patience: Patience;
  #takenBytes = 0;
  /** Something more must be taken by then. */
  #dueUs = 0;

  constructor(patience: Patience) {
    this.#patience = patience;
  }

  /** Something waits for the peer from now on; `takenBytes` have left before. */
  start(nowUs: number, takenBytes: number): void {
    this.#takenBytes = takenBytes;
    this.#dueUs = nowUs + this.#patience.connectionUnreadS * SECOND;
  }

  /** Notes what has left by now; returns whether any more has. */
  note(nowUs: number, takenBytes: number): boolean {
    const { connectionUnreadS, connectionBytesPerS } = this.#patience;
    const earnedUs = ((takenBytes - this.#takenBytes) / connectionBytesPerS) * SECOND;
    this.#takenBytes = takenBytes;
    this.#dueUs = Math.min(this.#dueUs + earnedUs, nowUs + connectionUnreadS * SECOND);
    return earnedUs > 0;
  }

  isTooSlow(nowUs: number): boolean {
    return nowUs >= this.#dueUs;
  }
}

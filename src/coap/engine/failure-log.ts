// Lines about those who could not prove who they are: keys that are unknown or wrong, recordings, handshakes of TLS. Whoever
// floods the server with such must not fill the disk, so what is above a minute's share is counted.

import { type Clock, SECOND } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";

export interface Failure {
  readonly peer: string;
  readonly reason: string;
  /** Name of a key, as it is known here or as the other end says it. */
  readonly key?: string | undefined;
  /** Identifier of the sender of a protected message, in hexadecimal. */
  readonly kid?: string | undefined;
}

/** Lines in a window. */
const MOST = 60;
const WINDOW_US = 60 * SECOND;

export class FailureLog {
  readonly #clock: Clock;
  readonly #log: Log;
  #windowEndUs = Number.NEGATIVE_INFINITY;
  #count = 0;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  record(failure: Failure): void {
    if (this.#clock.nowUs() >= this.#windowEndUs) this.flush();
    if (++this.#count <= MOST) this.#log.warn(failure, "CoAP: not proven who it is");
  }

  /** Says how many have no line, and begins anew. */
  flush(): void {
    const unlisted = this.#count - MOST;
    this.#count = 0;
    this.#windowEndUs = this.#clock.nowUs() + WINDOW_US;
    if (unlisted > 0) this.#log.warn({ unlisted }, "CoAP: not proven who it is, without a line each");
  }
}

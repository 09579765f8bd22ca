// Requests by datagram whose handler takes time. From here on they are known as running, so that a copy of one does not
// run again; one that takes longer than 1 s gets an empty acknowledgement ahead of its answer (RFC 7252 section 5.2.2).
// Those that end sooner leave nothing behind, no timer either.

import type { Clock } from "../../base/clock.ts";
import { CON } from "../message/codes.ts";
import { Ticker } from "../../base/ticker.ts";
import type { UdpRequest } from "./udp-request.ts";

/**
 * Below the 2 s after which clients repeat a request, with a second for the way. Not sooner: Debian's libcoap 4.3.1 does not
 * ask for the other blocks of a large answer that came apart from its acknowledgement.
 */
const ACKNOWLEDGE_AFTER_US = 1_000_000;
const TICK_US = 25_000;

export class DeferredRequests {
  readonly #clock: Clock;
  readonly #acknowledge: (request: UdpRequest) => void;
  readonly #running = new Set<UdpRequest>();
  readonly #ticker: Ticker;

  constructor(clock: Clock, acknowledge: (request: UdpRequest) => void) {
    this.#clock = clock;
    this.#acknowledge = acknowledge;
    this.#ticker = new Ticker(clock, TICK_US, (nowUs) => this.#tick(nowUs));
  }

  /** The answer comes later, or within `us` in the acknowledgement. */
  begin(request: UdpRequest, us: number = ACKNOWLEDGE_AFTER_US): void {
    request.isDeferred = true;
    request.acknowledgeAtUs = this.#clock.nowUs() + us;
    request.from.duplicates.begin(request.duplicateKey, request);
    this.#running.add(request);
    this.#ticker.wake();
  }

  end(request: UdpRequest): void {
    request.from.duplicates.end(request.duplicateKey, undefined);
    this.#running.delete(request);
  }

  stop(): void {
    this.#ticker.stop();
  }

  #tick(nowUs: number): boolean {
    for (const request of this.#running) {
      const isDue = request.acknowledgeAtUs <= nowUs && request.type === CON;
      if (request.isAcknowledged || !isDue) continue;
      request.isAcknowledged = true;
      this.#acknowledge(request);
    }
    return this.#running.size > 0;
  }
}

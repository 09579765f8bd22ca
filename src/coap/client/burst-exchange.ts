// Requests of one body that goes in bursts, and all that answers them: each request has a token of its own, and what comes
// late to an older one is still taken.

import type { Clock } from "../../base/clock.ts";
import type { CoapOption } from "../message/options.ts";
import type { Message } from "../message/codec.ts";
import type { ClientEndpoint } from "./client-endpoint.ts";
import { Inbox } from "./inbox.ts";

export class BurstExchange {
  readonly #endpoint: ClientEndpoint;
  readonly #clock: Clock;
  readonly #code: number;
  readonly #inbox: Inbox;
  readonly #stops: (() => void)[] = [];

  /** `code` is that of the requests. */
  constructor(endpoint: ClientEndpoint, clock: Clock, code: number) {
    this.#endpoint = endpoint;
    this.#clock = clock;
    this.#code = code;
    this.#inbox = new Inbox(clock);
  }

  nowUs(): number {
    return this.#clock.nowUs();
  }

  /** A new token; what answers it comes to `take`. */
  token(): Buffer {
    const token = this.#endpoint.nextToken();
    const stop = this.#endpoint.listen(
      token,
      (message) => this.#inbox.put(message),
      () => {},
    );
    this.#stops.push(stop);
    return token;
  }

  /** Sends a request once. */
  tell(options: readonly CoapOption[], payload: Uint8Array): void {
    this.#endpoint.tell({ code: this.#code, token: this.token(), options, payload });
  }

  /** The next answer to any of the requests; undefined when there is none until then. */
  take(untilUs: number, signal: AbortSignal): Promise<Message | undefined> {
    return this.#inbox.take(Math.max(0, untilUs - this.#clock.nowUs()), signal);
  }

  close(): void {
    for (const stop of this.#stops) stop();
  }
}

// One observation (RFC 7641): who observes what, and when its next notification is to be confirmable.

import { CON } from "./codes.ts";
import type { Request } from "./request.ts";

/** A client that registered with NON gets a confirmable notification at least this often, to learn whether it lives. */
const CONFIRM_EVERY = 20;
const CONFIRM_AFTER_US = 30_000_000;

/** RST names only the identifier of a message; this many are remembered per observation. */
const REMEMBERED = 8;

/** RFC 7252 section 5.10.5. */
export const DEFAULT_MAX_AGE_S = 60;

/** A notification goes out when this share of Max-Age is over, so that the client's value never gets stale. */
export const KEEP_ALIVE_SHARE = 0.8;
const SHORTEST_KEEP_ALIVE_US = 5_000_000;

export class Observer {
  readonly request: Request;
  /** Ends the subscription at the handler's side. */
  unsubscribe: () => void = () => {};
  isRemoved = false;
  /** The value has changed since the newest notification was rendered. */
  isDirty = false;
  isRendering = false;
  isUnacknowledged = false;
  /** Set while the client fetches the blocks of a large notification: the key of the pin, and since when. */
  transfer: { readonly key: string; readonly sinceUs: number } | undefined;
  #keepAliveAtUs = 0;
  #confirmedUs: number;
  #sinceConfirmed = 0;
  readonly #messageIds: number[] = [];

  constructor(request: Request, nowUs: number) {
    this.request = request;
    this.#confirmedUs = nowUs;
  }

  /** Whether the next notification can go out; otherwise changes wait and count as one. */
  get isReady(): boolean {
    return !this.isRendering && !this.isUnacknowledged && this.transfer === undefined;
  }

  /** Counts a notification; true when it must be confirmable. */
  nextIsConfirmable(nowUs: number): boolean {
    if (this.request.message.type === CON) return true;
    this.#sinceConfirmed += 1;
    if (this.#sinceConfirmed < CONFIRM_EVERY && nowUs - this.#confirmedUs < CONFIRM_AFTER_US) return false;
    this.#sinceConfirmed = 0;
    this.#confirmedUs = nowUs;
    return true;
  }

  remember(messageId: number): void {
    if (this.#messageIds.length === REMEMBERED) this.#messageIds.shift();
    this.#messageIds.push(messageId);
  }

  hasSent(messageId: number): boolean {
    return this.#messageIds.includes(messageId);
  }

  /** Notes that the client has a value that is fresh for `maxAgeS`. */
  renewed(nowUs: number, maxAgeS: number = DEFAULT_MAX_AGE_S): void {
    this.#keepAliveAtUs = nowUs + Math.max(maxAgeS * 1_000_000 * KEEP_ALIVE_SHARE, SHORTEST_KEEP_ALIVE_US);
  }

  isStale(nowUs: number): boolean {
    return nowUs >= this.#keepAliveAtUs;
  }
}

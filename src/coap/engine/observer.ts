// One observation (RFC 7641): who observes what, and when its next notification is due.

import type { NotificationCarrier, NotificationSource, Request } from "./request.ts";

/** RFC 7252 section 5.10.5. */
export const DEFAULT_MAX_AGE_S = 60;

/** A notification goes out when this share of Max-Age is over, so that the client's value never gets stale. */
export const KEEP_ALIVE_SHARE = 0.8;
const SHORTEST_KEEP_ALIVE_US = 5_000_000;

export class Observer {
  readonly request: Request;
  /** How its notifications leave. */
  readonly carrier: NotificationCarrier;
  /** Ends the subscription at the handler's side. */
  unsubscribe: () => void = () => {};
  /** Rendered once for all who observe the same. */
  isShared = true;
  isRemoved = false;
  /** The value has changed since the newest notification was rendered. */
  isDirty = false;
  /** A notification waits for its turn or is rendered. */
  isPreparing = false;
  /** A notification was sent, and the next one cannot follow yet. */
  isUnsettled = false;
  /** Set while the client fetches the blocks of a large notification: the key of the pin, and since when. */
  transfer: { readonly key: string; readonly sinceUs: number } | undefined;
  #keepAliveAtUs = 0;

  /** `sourceOf` gives who is told of the fate of notifications. */
  constructor(request: Request, sourceOf: (observer: Observer) => NotificationSource) {
    this.request = request;
    this.carrier = request.carry(sourceOf(this));
  }

  /** Whether the next notification can go out; otherwise changes wait and count as one. */
  get isReady(): boolean {
    return !this.isPreparing && !this.isUnsettled && this.transfer === undefined;
  }

  /** Notes that the client has a value that is fresh for `maxAgeS`. */
  renewed(nowUs: number, maxAgeS: number = DEFAULT_MAX_AGE_S): void {
    this.#keepAliveAtUs = nowUs + Math.max(maxAgeS * 1_000_000 * KEEP_ALIVE_SHARE, SHORTEST_KEEP_ALIVE_US);
  }

  isStale(nowUs: number): boolean {
    return nowUs >= this.#keepAliveAtUs;
  }
}

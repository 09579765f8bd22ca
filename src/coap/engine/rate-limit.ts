// How many requests an address may send: a token bucket per computer, shared by all its ports. Above the rate one
// request a second is answered (4.29, RFC 8516), so that an honest client learns of it; the others get silence.

import { hostOf, scopeOf } from "../network/address.ts";
import { codeNumber } from "../message/codes.ts";

/** `refused` is answered, `silent` is not. */
export type Verdict = "allowed" | "refused" | "silent";

/** When to try again after 4.29, in its Max-Age. */
export const TRY_AGAIN_S = 1;
export const TOO_MANY = codeNumber("4.29");

const REFUSAL_EVERY_US = 1_000_000;

/** Computers remembered; above it the one that came first is forgotten, and starts with a full bucket again. */
const REMEMBERED = 4096;

export class Bucket {
  readonly #perSecond: number;
  #tokens: number;
  #refilledUs: number;
  #refusedUs = Number.NEGATIVE_INFINITY;

  constructor(perSecond: number, nowUs: number) {
    this.#perSecond = perSecond;
    this.#tokens = perSecond;
    this.#refilledUs = nowUs;
  }

  /** Counts a request. A bucket holds what the rate gives in one second. */
  take(nowUs: number): Verdict {
    const gained = ((nowUs - this.#refilledUs) * this.#perSecond) / 1_000_000;
    this.#tokens = Math.min(this.#perSecond, this.#tokens + gained);
    this.#refilledUs = nowUs;
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      return "allowed";
    }
    if (nowUs - this.#refusedUs < REFUSAL_EVERY_US) return "silent";
    this.#refusedUs = nowUs;
    return "refused";
  }
}

export class RateLimits {
  readonly #perSecond: number;
  readonly #buckets = new Map<string, Bucket>();

  /** `perSecond` requests of one computer; 0 for no limit. */
  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** The bucket of the computer with this address; none for this computer itself, or without a limit. */
  of(address: string, nowUs: number): Bucket | undefined {
    if (this.#perSecond === 0 || scopeOf(address) === "loopback") return undefined;
    const host = hostOf(address);
    const known = this.#buckets.get(host);
    if (known !== undefined) return known;
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size >= REMEMBERED && oldest !== undefined) this.#buckets.delete(oldest);
    const bucket = new Bucket(this.#perSecond, nowUs);
    this.#buckets.set(host, bucket);
    return bucket;
  }
}

// What one peer has asked already, so that a copy of a request never runs twice (RFC 7252 section 4.5).
// The key is message identifier and token: a fast client wraps its 65,536 identifiers within EXCHANGE_LIFETIME.
// Replies live in two generations; when the time or the budget is over, the older one goes at once: no timer per message.

import type { Budget } from "../../base/budget.ts";

/** How long a generation collects. A copy can arrive MAX_TRANSMIT_SPAN (45 s) and MAX_LATENCY (100 s) after the first. */
export const GENERATION_US = 145_000_000;

// Approximates what an entry costs besides its bytes.
const ENTRY_BYTES = 256;

/** A request whose handler runs. */
export interface Running {
  /** An empty acknowledgement was sent: the answer must be a message of its own. */
  isAcknowledged: boolean;
}

export class Deduplication {
  readonly #running = new Map<string, Running>();
  #recent = new Map<string, Buffer>();
  #old = new Map<string, Buffer>();
  #recentBytes = 0;
  #oldBytes = 0;
  readonly #limitBytes: number;
  readonly #total: Budget;
  readonly #makeRoom: () => void;

  /** `makeRoom` is called when all peers together are over their budget. */
  constructor(limitBytes: number, total: Budget, makeRoom: () => void) {
    this.#limitBytes = limitBytes;
    this.#total = total;
    this.#makeRoom = makeRoom;
  }

  get isEmpty(): boolean {
    return this.#running.size === 0 && this.#recent.size === 0 && this.#old.size === 0;
  }

  running(key: string): Running | undefined {
    return this.#running.get(key);
  }

  /** The reply that a copy gets; empty for silence; undefined when the request is new. */
  replyTo(key: string): Buffer | undefined {
    return this.#recent.get(key) ?? this.#old.get(key);
  }

  begin(key: string, running: Running): void {
    this.#running.set(key, running);
  }

  /** Ends a request; without a reply a copy of it may run again. */
  end(key: string, reply: Buffer | undefined): void {
    this.#running.delete(key);
    if (reply === undefined) return;
    const bytes = reply.length + ENTRY_BYTES;
    if (this.#recentBytes + this.#oldBytes + bytes > this.#limitBytes) this.rotate();
    if (!this.#total.fits(bytes)) this.#makeRoom();
    this.#recent.set(key, alone(reply));
    this.#recentBytes += bytes;
    this.#total.take(bytes);
  }

  /** Forgets the older generation. */
  rotate(): void {
    this.#total.give(this.#oldBytes);
    this.#old = this.#recent;
    this.#oldBytes = this.#recentBytes;
    this.#recent = new Map();
    this.#recentBytes = 0;
  }

  clear(): void {
    this.rotate();
    this.rotate();
  }
}

// A small buffer is a view of a slab that it would keep alive; a copy has its own memory.
function alone(reply: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(reply.length);
  copy.set(reply);
  return copy;
}

/** Tells one request of a peer from another, and makes its copies equal. */
export function duplicateKey(messageId: number, token: Buffer): string {
  return messageId + token.toString("latin1");
}

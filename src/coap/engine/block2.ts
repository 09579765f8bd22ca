// Answers kept for block-wise reading (Block2, RFC 7959 section 2.4). The first block pins the representation, and later
// blocks come from it, whatever their tokens are: a reader never gets parts of two frames. Memory is bounded per peer
// and in all (the least recently read go first), and a pin that nobody reads is forgotten.

import { createHash } from "node:crypto";
import { type Clock, SECOND } from "../../base/clock.ts";
import { Budget, entryBytes } from "../../base/budget.ts";
import type { CoapLimits } from "./limits.ts";
import type { Peer } from "./peer.ts";
import type { Reply } from "./response.ts";

/** What a body that is read by position counts: about what it keeps of itself. */
const BODY_BYTES = 64 * 1024;

const MOVE_EVERY_US = 1_000_000;

interface Pin {
  readonly reply: Reply;
  readonly peer: Peer;
  readonly bytes: number;
  usedUs: number;
  /** When it went to the end of the table. */
  movedUs: number;
}

export class Pins {
  readonly #clock: Clock;
  readonly #limits: CoapLimits;
  readonly #budget: Budget;
  // Least recently read first, give or take a second.
  readonly #pins = new Map<string, Pin>();

  constructor(clock: Clock, limits: CoapLimits) {
    this.#clock = clock;
    this.#limits = limits;
    this.#budget = new Budget(limits.pinnedBytes);
  }

  get size(): number {
    return this.#pins.size;
  }

  get bytes(): number {
    return this.#budget.usedBytes;
  }

  /** The pinned answer, or undefined. */
  find(key: string): Reply | undefined {
    const pin = this.#pins.get(key);
    if (pin === undefined) return undefined;
    const nowUs = this.#clock.nowUs();
    // Each block of a transfer comes here: once a second is enough to keep the order.
    if (nowUs - pin.movedUs >= MOVE_EVERY_US) {
      pin.movedUs = nowUs;
      this.#pins.delete(key);
      this.#pins.set(key, pin);
    }
    pin.usedUs = nowUs;
    return pin.reply;
  }

  /** When the pin was last read; undefined without a pin. */
  usedUs(key: string): number | undefined {
    return this.#pins.get(key)?.usedUs;
  }

  /** Keeps an answer. One that is larger than the budget is not kept: each block then renders it anew. */
  pin(key: string, peer: Peer, reply: Reply): void {
    if (this.#pins.get(key)?.reply === reply) return;
    this.forget(key);
    const bytes = entryBytes(key) + (reply.body === undefined ? (reply.payload?.length ?? 0) : BODY_BYTES);
    if (bytes > this.#limits.pinnedBytesPerPeer || bytes > this.#limits.pinnedBytes) return;
    this.#makeRoom(peer, bytes);
    const nowUs = this.#clock.nowUs();
    this.#pins.set(key, { reply, peer, bytes, usedUs: nowUs, movedUs: nowUs });
    peer.pinnedBytes += bytes;
    this.#budget.take(bytes);
  }

  /** Forgets pins that nobody reads. Returns whether any are left. */
  expire(): boolean {
    const nowUs = this.#clock.nowUs();
    const idleUs = this.#limits.transferIdleS * SECOND;
    for (const [key, { usedUs }] of this.#pins) if (nowUs - usedUs >= idleUs) this.forget(key);
    return this.#pins.size > 0;
  }

  /** Forgets those of a peer that is gone. */
  forgetAll(peer: Peer): void {
    for (const [key, pin] of this.#pins) if (pin.peer === peer) this.forget(key);
  }

  #makeRoom(peer: Peer, bytes: number): void {
    for (const [key, pin] of this.#pins) {
      const peerFits = peer.pinnedBytes + bytes <= this.#limits.pinnedBytesPerPeer;
      if (peerFits && this.#budget.fits(bytes)) return;
      if (pin.peer === peer || peerFits) this.forget(key);
    }
  }

  /** Forgets one, if it is there. */
  forget(key: string): void {
    const pin = this.#pins.get(key);
    if (pin === undefined) return;
    this.#pins.delete(key);
    pin.peer.pinnedBytes -= pin.bytes;
    this.#budget.give(pin.bytes);
  }
}

const etags = new WeakMap<Uint8Array, Buffer>();

/** The entity tag of a representation, computed once per buffer: a payload must not change after it was answered. */
export function etagOf(payload: Uint8Array): Buffer {
  let etag = etags.get(payload);
  if (etag === undefined) {
    etag = createHash("sha1").update(payload).digest().subarray(0, 8);
    etags.set(payload, etag);
  }
  return etag;
}

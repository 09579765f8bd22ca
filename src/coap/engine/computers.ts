// What the clients of one computer have together: a client is a port, of which a computer has 64,512, so limits per client
// alone would let one computer use up what is there for all. And what those have together whose addresses may be forged: one
// sender can have any number of these, so beyond a share of all the next ones must prove theirs.

import type { Peer } from "./peer.ts";

/** What one computer may have of all, unless a single client may have more. */
const SHARE = 1 / 4;

/**
 * What uncertain peers may have of all, and of what their computer may have: all computers of a local network are one by the
 * first 64 bits of their addresses.
 */
const UNCERTAIN_SHARE = 1 / 2;

export class PerComputer {
  readonly #limit: number;
  readonly #inAll: number;
  readonly #held = new Map<string, number>();
  /** What was taken while a peer was uncertain, and is held still. */
  readonly #uncertain = new Map<Peer, number>();
  readonly #uncertainOf = new Map<string, number>();
  #uncertainTotal = 0;
  #total = 0;

  /** The limits of one client and of all. */
  constructor(ofPeer: number, inAll: number) {
    this.#limit = Math.max(ofPeer, Math.floor(inAll * SHARE));
    this.#inAll = inAll;
  }

  get total(): number {
    return this.#total;
  }

  /** Whether uncertain peers have their share, of all or of the peer's computer. */
  isCrowdedFor({ computer }: Peer): boolean {
    const own = this.#uncertainOf.get(computer) ?? 0;
    return this.#uncertainTotal >= this.#inAll * UNCERTAIN_SHARE || own >= this.#limit * UNCERTAIN_SHARE;
  }

  /** What the computer of the peer has. */
  of({ computer }: Peer): number {
    return this.#held.get(computer) ?? 0;
  }

  /** Whether the computer of the peer may have more; this computer may have all. */
  hasRoom(peer: Peer, amount = 1): boolean {
    return this.of(peer) + amount <= this.#limit || peer.isLocal;
  }

  take(peer: Peer, amount = 1): void {
    this.#total += amount;
    add(this.#held, peer.computer, amount);
    if (!peer.isCertain) this.#countUncertain(peer, amount);
  }

  give(peer: Peer, amount = 1): void {
    this.#total -= amount;
    add(this.#held, peer.computer, -amount);
    if (this.#uncertain.has(peer)) this.#countUncertain(peer, -amount);
  }

  /** The peer has become certain. */
  ascertain(peer: Peer): void {
    this.#countUncertain(peer, -(this.#uncertain.get(peer) ?? 0));
  }

  #countUncertain(peer: Peer, amount: number): void {
    this.#uncertainTotal += amount;
    add(this.#uncertain, peer, amount);
    add(this.#uncertainOf, peer.computer, amount);
  }
}

function add<K>(counts: Map<K, number>, key: K, amount: number): void {
  const left = (counts.get(key) ?? 0) + amount;
  if (left > 0) counts.set(key, left);
  else counts.delete(key);
}

// What the clients of one computer have together: a client is a port, of which a computer has 64,512, so limits per client
// alone would let one computer use up what is there for all.

import type { Peer } from "./peer.ts";

/** What one computer may have of all, unless a single client may have more. */
const SHARE = 1 / 4;

export class PerComputer {
  readonly #limit: number;
  readonly #held = new Map<string, number>();
  #total = 0;

  /** The limits of one client and of all. */
  constructor(ofPeer: number, inAll: number) {
    this.#limit = Math.max(ofPeer, Math.floor(inAll * SHARE));
  }

  get total(): number {
    return this.#total;
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
    this.#held.set(peer.computer, this.of(peer) + amount);
  }

  give(peer: Peer, amount = 1): void {
    this.#total -= amount;
    const left = this.of(peer) - amount;
    if (left > 0) this.#held.set(peer.computer, left);
    else this.#held.delete(peer.computer);
  }
}

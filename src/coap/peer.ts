// Remote endpoints that talk to the server: what is remembered of each, and the bounded table of them.

import type { Clock } from "../base/clock.ts";
import { Budget } from "./budget.ts";
import { Deduplication, GENERATION_US } from "./deduplication.ts";
import type { CoapLimits } from "./limits.ts";
import { Line, type Recipient } from "./reliability.ts";
import { endpointName } from "./udp.ts";

export class Peer implements Recipient {
  readonly address: string;
  readonly port: number;
  readonly name: string;
  readonly line = new Line();
  readonly duplicates: Deduplication;
  /** Requests of this peer whose handler runs. */
  running = 0;
  observers = 0;
  uploadBytes = 0;
  pinnedBytes = 0;
  heardUs = 0;
  #messageId = Math.floor(Math.random() * 0x1_0000);

  constructor(address: string, port: number, duplicates: Deduplication) {
    this.address = address;
    this.port = port;
    this.name = endpointName(address, port);
    this.duplicates = duplicates;
  }

  nextMessageId(): number {
    this.#messageId = (this.#messageId + 1) & 0xffff;
    return this.#messageId;
  }

  /** Whether forgetting the peer now would break something under way. */
  get isBusy(): boolean {
    return this.running > 0 || this.observers > 0 || !this.line.isIdle;
  }
}

// How many entries a full table looks at for one that can go.
const SEARCHED = 16;

export class Peers {
  readonly #clock: Clock;
  readonly #limits: CoapLimits;
  readonly #peers = new Map<string, Peer>();
  readonly #replyBudget: Budget;
  #rotatedUs = 0;

  constructor(clock: Clock, limits: CoapLimits) {
    this.#clock = clock;
    this.#limits = limits;
    this.#replyBudget = new Budget(limits.replyBytes);
    this.#rotatedUs = clock.nowUs();
  }

  get size(): number {
    return this.#peers.size;
  }

  /** The peer at an endpoint, made when it is new; undefined when the table is full of busy ones. */
  at(address: string, port: number): Peer | undefined {
    const key = `${address} ${port}`;
    const known = this.#peers.get(key);
    if (known !== undefined) return known;
    if (this.#peers.size >= this.#limits.peers && !this.#forgetOne()) return undefined;
    const duplicates = new Deduplication(this.#limits.replyBytesPerPeer, this.#replyBudget, () =>
      this.#rotate(),
    );
    const peer = new Peer(address, port, duplicates);
    this.#peers.set(key, peer);
    return peer;
  }

  /** Forgets old replies and peers long silent. Call it every few seconds. */
  expire(): void {
    const nowUs = this.#clock.nowUs();
    if (nowUs - this.#rotatedUs >= GENERATION_US) {
      this.#rotatedUs = nowUs;
      this.#rotate();
    }
    for (const [key, peer] of this.#peers) {
      if (peer.duplicates.isEmpty && !peer.isBusy && nowUs - peer.heardUs > GENERATION_US)
        this.#peers.delete(key);
    }
  }

  #rotate(): void {
    for (const peer of this.#peers.values()) peer.duplicates.rotate();
  }

  // A Map iterates in the order of insertion; busy ones move to the end, so that each search starts with new candidates.
  #forgetOne(): boolean {
    let searched = 0;
    for (const [key, peer] of this.#peers) {
      this.#peers.delete(key);
      if (!peer.isBusy) {
        peer.duplicates.clear();
        return true;
      }
      this.#peers.set(key, peer);
      searched += 1;
      if (searched === SEARCHED) return false;
    }
    return false;
  }
}

// Remote endpoints that talk to the server by datagrams: what is remembered of each, and the bounded table of them.

import type { Clock } from "../base/clock.ts";
import { UDP_SIZES } from "./block.ts";
import { Budget } from "./budget.ts";
import { Deduplication, GENERATION_US } from "./deduplication.ts";
import type { CoapLimits } from "./limits.ts";
import { Peer } from "./peer.ts";
import { Line, type Recipient } from "./reliability.ts";
import { endpointName, plainAddress } from "./udp.ts";

/** One of a peer's observations, seen from a reset. */
export interface Resettable {
  hasSent(messageId: number): boolean;
  reset(): void;
}

export interface UdpPeerOptions {
  readonly address: string;
  readonly port: number;
  readonly duplicates: Deduplication;
  readonly signal: AbortSignal;
}

export class UdpPeer extends Peer implements Recipient {
  readonly name: string;
  readonly plainAddress: string;
  readonly transport = "udp";
  readonly identity = undefined;
  readonly isStream = false;
  readonly sizes = UDP_SIZES;
  readonly signal: AbortSignal;
  /** As the socket gives and takes it. */
  readonly address: string;
  readonly port: number;
  readonly line = new Line();
  readonly duplicates: Deduplication;
  /** Those of its observations. */
  readonly carriers = new Set<Resettable>();
  heardUs = 0;
  #messageId = Math.floor(Math.random() * 0x1_0000);

  constructor({ address, port, duplicates, signal }: UdpPeerOptions) {
    super();
    this.address = address;
    this.port = port;
    this.name = endpointName(address, port);
    this.plainAddress = plainAddress(address);
    this.duplicates = duplicates;
    this.signal = signal;
  }

  get key(): string {
    return this.name;
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

export class UdpPeers {
  readonly #clock: Clock;
  readonly #limits: CoapLimits;
  readonly #peers = new Map<string, UdpPeer>();
  readonly #replyBudget: Budget;
  readonly #signal: AbortSignal;
  #rotatedUs = 0;

  /** `signal` is for the requests. */
  constructor(clock: Clock, limits: CoapLimits, signal: AbortSignal) {
    this.#clock = clock;
    this.#limits = limits;
    this.#signal = signal;
    this.#replyBudget = new Budget(limits.replyBytes);
    this.#rotatedUs = clock.nowUs();
  }

  get size(): number {
    return this.#peers.size;
  }

  /** The peer at an endpoint, made when it is new; undefined when the table is full of busy ones. */
  at(address: string, port: number): UdpPeer | undefined {
    const key = `${address} ${port}`;
    const known = this.#peers.get(key);
    if (known !== undefined) return known;
    if (this.#peers.size >= this.#limits.peers && !this.#forgetOne()) return undefined;
    const duplicates = new Deduplication(this.#limits.replyBytesPerPeer, this.#replyBudget, () =>
      this.#rotate(),
    );
    const peer = new UdpPeer({ address, port, duplicates, signal: this.#signal });
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

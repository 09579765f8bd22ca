// Remote endpoints that talk to the server by datagrams: what is remembered of each, and the bounded table of them.

import { randomInt } from "node:crypto";
import type { Clock } from "../../base/clock.ts";
import { UDP_SIZES } from "../message/block.ts";
import { Budget } from "../../base/budget.ts";
import { Deduplication, GENERATION_US } from "./deduplication.ts";
import type { CoapLimits } from "../engine/limits.ts";
import { Peer } from "../engine/peer.ts";
import type { Bucket } from "../engine/rate-limit.ts";
import { Line, type Recipient } from "./reliability.ts";
import { endpointName, type LocalSocket, plainAddress } from "../network/udp.ts";

/** One of a peer's observations, seen from a reset. */
export interface Resettable {
  remember(messageId: number): void;
  hasSent(messageId: number): boolean;
  reset(): void;
}

/** What is decided about a peer when it is first heard of. */
export interface Admission {
  /** It need not prove that it gets what is sent to its address. */
  readonly isProven: boolean;
  /** Nobody can forge its address, or nobody is doubted. */
  readonly isCertain: boolean;
  /** Counts its requests. */
  readonly bucket: Bucket | undefined;
}

export interface UdpPeerOptions extends Admission {
  readonly local: LocalSocket;
  readonly address: string;
  readonly port: number;
  readonly duplicates: Deduplication;
  readonly signal: AbortSignal;
  /** The peer is certain from now on. */
  readonly ascertained: (peer: UdpPeer) => void;
}

export class UdpPeer extends Peer implements Recipient {
  readonly name: string;
  readonly key: string;
  readonly plainAddress: string;
  readonly transport = "udp";
  readonly identity = undefined;
  readonly isStream = false;
  readonly sizes = UDP_SIZES;
  readonly signal: AbortSignal;
  /** Where its datagrams come in, and what is sent to it leaves. */
  readonly local: LocalSocket;
  readonly bucket: Bucket | undefined;
  /** Gets whatever is sent to its address, as far as is known: see proof.ts. */
  isProven: boolean;
  /** Bytes that may be sent to it while it has not proven that. */
  credit = 0;
  /** Acknowledgements and resets from it that fit to nothing. */
  guesses = 0;
  /** As the socket gives and takes it. */
  readonly address: string;
  readonly port: number;
  readonly line = new Line();
  readonly duplicates: Deduplication;
  /** Those of its observations. */
  readonly carriers = new Set<Resettable>();
  heardUs = 0;
  readonly #ascertained: (peer: UdpPeer) => void;
  // Nobody who does not get what is sent to the peer can know it: that makes a ping a proof.
  #messageId = randomInt(0x1_0000);

  constructor({ local, address, port, duplicates, signal, ...rest }: UdpPeerOptions) {
    super();
    const { isProven, isCertain, bucket, ascertained } = rest;
    this.local = local;
    this.isProven = isProven;
    this.isCertain = isCertain;
    this.#ascertained = ascertained;
    this.bucket = bucket;
    this.address = address;
    this.port = port;
    this.name = endpointName(address, port);
    this.key = `${this.name} ${local.address}`;
    this.plainAddress = plainAddress(address);
    this.duplicates = duplicates;
    this.signal = signal;
  }

  nextMessageId(): number {
    this.#messageId = (this.#messageId + 1) & 0xffff;
    return this.#messageId;
  }

  /** It has shown that it gets what is sent to its address. */
  prove(): void {
    this.isProven = true;
    if (this.isCertain) return;
    this.isCertain = true;
    this.#ascertained(this);
  }

  /**
   * Whether forgetting the peer now would break something under way. What waits for the proof of an address does not count,
   * nor for an acknowledgement from one that has never answered: forged senders must not keep others out.
   */
  get isBusy(): boolean {
    return this.running > 0 || this.observers > 0 || (this.isCertain && !this.line.isIdle);
  }
}

// How many entries a full table looks at for one that can go.
const SEARCHED = 16;

export interface UdpPeersOptions {
  readonly clock: Clock;
  readonly limits: CoapLimits;
  /** For the requests. */
  readonly signal: AbortSignal;
  readonly admit: (address: string) => Admission;
  readonly ascertained: (peer: UdpPeer) => void;
  /** The table was full, and this peer had to go. */
  readonly evicted: (peer: UdpPeer) => void;
}

export class UdpPeers {
  readonly #options: UdpPeersOptions;
  readonly #peers = new Map<string, UdpPeer>();
  /** Those that had to prove themselves and may not have yet: the first to be forgotten. */
  readonly #doubted = new Map<string, UdpPeer>();
  readonly #replyBudget: Budget;
  #rotatedUs = 0;

  constructor(options: UdpPeersOptions) {
    this.#options = options;
    this.#replyBudget = new Budget(options.limits.replyBytes);
    this.#rotatedUs = options.clock.nowUs();
  }

  get size(): number {
    return this.#peers.size;
  }

  /** The peer at an endpoint that talks to `local`, made when it is new; undefined when the table is full of busy ones. */
  at(local: LocalSocket, address: string, port: number): UdpPeer | undefined {
    const key = keyOf(local, address, port);
    const known = this.#peers.get(key);
    if (known !== undefined) return known;
    const { limits, signal, admit, ascertained } = this.#options;
    if (this.#peers.size >= limits.peers && !this.#forgetOne()) return undefined;
    const duplicates = new Deduplication(limits.replyBytesPerPeer, this.#replyBudget, () => this.#rotate());
    const peer = new UdpPeer({ local, address, port, duplicates, signal, ascertained, ...admit(address) });
    this.#peers.set(key, peer);
    if (!peer.isProven) this.#doubted.set(key, peer);
    return peer;
  }

  /** From now on the peer must prove itself. */
  doubt(peer: UdpPeer): void {
    peer.isProven = false;
    this.#doubted.set(keyOf(peer.local, peer.address, peer.port), peer);
  }

  /** Forgets old replies and peers long silent. Call it every few seconds. */
  expire(): void {
    const nowUs = this.#options.clock.nowUs();
    if (nowUs - this.#rotatedUs >= GENERATION_US) {
      this.#rotatedUs = nowUs;
      this.#rotate();
    }
    for (const [key, peer] of this.#peers) {
      if (peer.duplicates.isEmpty && !peer.isBusy && nowUs - peer.heardUs > GENERATION_US) this.#delete(key);
    }
  }

  #rotate(): void {
    for (const peer of this.#peers.values()) peer.duplicates.rotate();
  }

  #forgetOne(): boolean {
    return this.#forgetOneOf(this.#doubted) || this.#forgetOneOf(this.#peers);
  }

  // A Map iterates in the order of insertion; busy ones move to the end, so that each search starts with new candidates.
  #forgetOneOf(peers: Map<string, UdpPeer>): boolean {
    let searched = 0;
    for (const [key, peer] of peers) {
      if (peers === this.#doubted && peer.isProven) {
        peers.delete(key);
        continue;
      }
      if (!peer.isBusy) {
        this.#delete(key);
        peer.duplicates.clear();
        this.#options.evicted(peer);
        return true;
      }
      peers.delete(key);
      peers.set(key, peer);
      searched += 1;
      if (searched === SEARCHED) return false;
    }
    return false;
  }

  #delete(key: string): void {
    this.#peers.delete(key);
    this.#doubted.delete(key);
  }
}

function keyOf(local: LocalSocket, address: string, port: number): string {
  return `${address} ${port} ${local.address}`;
}

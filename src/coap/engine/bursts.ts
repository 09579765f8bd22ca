// Answers in bursts (Q-Block2, RFC 9177): after its first block the rest of a set follows unasked, and the next set when the
// client asks for it or says nothing for 2 to 3 s. What is sent comes from the pinned answer, so a burst keeps no body. A
// client that says nothing for two further sets has to ask: the request could be forged.

import type { Clock } from "../../base/clock.ts";
import type { MaybePromise } from "../../base/maybe-promise.ts";
import { Ticker } from "../../base/ticker.ts";
import { NO_BYTES } from "../message/codec.ts";
import { type Block, unitBytes } from "../message/block.ts";
import { nonTimeoutRandomUs, setFrom } from "../message/q-block.ts";
import type { Pins } from "./block2.ts";
import { PerComputer } from "./computers.ts";
import type { CoapLimits } from "./limits.ts";
import type { Peer } from "./peer.ts";
import { composeReply } from "./reply.ts";
import { answerKey, type Request } from "./request.ts";
import type { CoapBody, Reply } from "./response.ts";

const TICK_US = 200_000;

/** Sets that go out without a word of the client. */
const UNASKED_SETS = 2;

export interface BurstHost {
  readonly clock: Clock;
  readonly limits: CoapLimits;
  readonly pins: Pins;
  /** The refusal of a request that may not be answered any more. */
  readonly admit: (request: Request) => Reply | undefined;
  /** The reply with what the request asks for of a body that is read by position. */
  readonly part: (request: Request, reply: Reply, body: CoapBody) => MaybePromise<Reply>;
  /** The last block of the answer with this key was sent. */
  readonly ended: (key: string) => void;
}

interface Burst {
  readonly key: string;
  /** The newest one: what is sent answers it. */
  request: Request;
  /** The first block that was not sent yet. */
  next: number;
  /** When it goes on without being asked. */
  dueUs: number;
  /** Sets that went out since the client said something. */
  unasked: number;
}

export class Bursts {
  readonly #host: BurstHost;
  // Least recently used first.
  readonly #bursts = new Map<string, Burst>();
  readonly #held: PerComputer;
  readonly #ticker: Ticker;
  #isClosed = false;

  constructor(host: BurstHost) {
    this.#host = host;
    this.#held = new PerComputer(host.limits.requestsPerPeer, host.limits.requests);
    this.#ticker = new Ticker(host.clock, TICK_US, (nowUs) => this.#tick(nowUs));
  }

  /**
   * Whether the request is for the first block of a burst that is under way, which has not arrived. Others ask for that block
   * alone to see whether the server knows bursts.
   */
  hasLost(request: Request): boolean {
    const { wanted, startsBursts } = request;
    return wanted[0]?.number === 0 && !startsBursts && this.#bursts.has(answerKey(request));
  }

  /** Sends what the request asks for beyond its first block, and goes on later if it asks for the rest of a set. */
  follow(request: Request, reply: Reply): void {
    const key = answerKey(request);
    const known = request.startsBursts ? undefined : this.#bursts.get(key);
    const [first, ...others] = request.wanted;
    if (this.#isClosed || first === undefined || (known === undefined && others.length === 0)) return;
    this.#forget(key);
    if (!this.#makeRoom(request.from)) return;
    // It is answered; what is kept of it here must not be a body of megabytes that no budget knows.
    request.payload = NO_BYTES;
    const next = Math.max(known?.next ?? 0, first.number + 1);
    const burst = { key, request, next, dueUs: Number.POSITIVE_INFINITY, unasked: 0 };
    this.#bursts.set(key, burst);
    this.#held.take(request.from);
    this.#ticker.wake();
    void this.#send(burst, others, reply);
  }

  /** Sends nothing more to a peer that it does not ask for. */
  forgetAll(peer: Peer): void {
    for (const burst of this.#bursts.values()) if (burst.request.from === peer) this.#forget(burst.key);
  }

  /** A request that is answered after this begins none: nothing would ever end it. */
  close(): void {
    this.#isClosed = true;
    this.#ticker.stop();
    for (const key of this.#bursts.keys()) this.#forget(key);
  }

  async #send(burst: Burst, blocks: readonly Block[], reply: Reply): Promise<void> {
    const { request, key } = burst;
    const count = blocksOf(reply, request.wanted);
    burst.dueUs = Number.POSITIVE_INFINITY;
    for (const block of blocks) {
      if (block.number >= count) break;
      request.block2 = block;
      const { body } = reply;
      const part = body === undefined ? reply : await this.#host.part(request, reply, body);
      if (this.#bursts.get(key) !== burst) return;
      // What has become of the body is told to who asks for the block.
      if (part.code !== reply.code) return this.#forget(key);
      if (!request.push(composeReply(request, part, this.#host.pins))) break;
      burst.next = Math.max(burst.next, block.number + 1);
    }
    if (burst.next >= count) this.#host.ended(key);
    else burst.dueUs = this.#host.clock.nowUs() + nonTimeoutRandomUs();
  }

  #tick(nowUs: number): boolean {
    for (const burst of this.#bursts.values()) {
      if (this.#host.pins.usedUs(burst.key) === undefined) this.#forget(burst.key);
      else if (nowUs >= burst.dueUs) this.#goOn(burst);
    }
    return this.#bursts.size > 0;
  }

  #goOn(burst: Burst): void {
    const { key, request, next } = burst;
    burst.dueUs = Number.POSITIVE_INFINITY;
    const [{ sizeExponent } = NO_BLOCK] = request.wanted;
    const reply = this.#host.pins.find(key);
    const isRefused = reply === undefined || this.#host.admit(request) !== undefined;
    if (isRefused) return this.#forget(key);
    if (burst.unasked === UNASKED_SETS) return;
    burst.unasked += 1;
    void this.#send(burst, setFrom({ number: next, more: false, sizeExponent }), reply);
  }

  /** Makes room for a burst to the peer: the least recently used ones of its computer go, or of all. */
  #makeRoom(peer: Peer): boolean {
    const { requests } = this.#host.limits;
    for (const { key, request } of this.#bursts.values()) {
      const isFull = this.#held.total >= requests;
      if (!isFull && this.#held.hasRoom(peer)) break;
      if (isFull || request.from.computer === peer.computer) this.#forget(key);
    }
    return this.#held.total < requests && this.#held.hasRoom(peer);
  }

  #forget(key: string): void {
    const burst = this.#bursts.get(key);
    if (burst === undefined) return;
    this.#bursts.delete(key);
    this.#held.give(burst.request.from);
  }
}

const NO_BLOCK: Block = { number: 0, more: false, sizeExponent: 0 };

function blocksOf({ body, payload }: Reply, [first = NO_BLOCK]: readonly Block[]): number {
  return Math.ceil((body?.size ?? payload?.length ?? 0) / unitBytes(first));
}

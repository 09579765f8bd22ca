// All observations: registered by peer and token, notified of changes, ended by the client, by an error or by silence.
// Changes coalesce: an observation sends its newest value when its previous notification is done with, and that means
// acknowledged when it was confirmable, and fetched when it came in blocks. Nothing queues up for a slow client.

import type { Clock } from "../base/clock.ts";
import { CON, NON } from "./codes.ts";
import type { Pins } from "./block2.ts";
import { encodeMessage } from "./codec.ts";
import type { CoapLimits, CoapStats } from "./limits.ts";
import { Observer } from "./observer.ts";
import type { Peer } from "./peer.ts";
import type { Outcome, Reliability } from "./reliability.ts";
import { composeReply } from "./reply.ts";
import { answerKey, contentKey, type Request } from "./request.ts";
import type { CoapResponse, Reply } from "./response.ts";
import { Ticker } from "./ticker.ts";

const TICK_US = 1_000_000;

/** A client that stops fetching the blocks of a notification for this long gets the next one: two retransmissions fit in. */
const TRANSFER_IDLE_US = 10_000_000;

/** What the server lends to its observations. */
export interface ObserverHost {
  readonly clock: Clock;
  readonly limits: CoapLimits;
  readonly stats: CoapStats;
  readonly pins: Pins;
  readonly reliability: Reliability<Peer>;
  /** Runs the handler; gives 5.00 when it fails. */
  readonly answer: (request: Request) => Reply | Promise<Reply>;
  /** Logs what a handler's subscription threw. */
  readonly failed: (request: Request, error: unknown) => void;
  readonly send: (peer: Peer, bytes: Buffer) => void;
}

/** Answers rendered in one turn, shared by all who observe the same. */
type Rendered = Map<string, Reply | Promise<Reply>>;

export class Observers {
  readonly #host: ObserverHost;
  readonly #byPeer = new Map<Peer, Map<string, Observer>>();
  readonly #changed = new Set<Observer>();
  readonly #transfers = new Map<string, Set<Observer>>();
  readonly #ticker: Ticker;
  #count = 0;
  #sequence = 0;

  constructor(host: ObserverHost) {
    this.#host = host;
    this.#ticker = new Ticker(host.clock, TICK_US, (nowUs) => this.#tick(nowUs));
  }

  get size(): number {
    return this.#count;
  }

  /**
   * Registers who asked, in place of an earlier observation with the same token. Returns the sequence number for
   * the answer, or undefined when there are too many: then the answer has no Observe option and the client knows.
   */
  register(
    request: Request,
    subscribe: NonNullable<CoapResponse["observe"]>,
    maxAgeS: number | undefined,
  ): number | undefined {
    const { limits, clock } = this.#host;
    const peer = request.from;
    this.end(request);
    if (this.#count >= limits.observers || peer.observers >= limits.observersPerPeer) return undefined;
    const observer = new Observer(request, clock.nowUs());
    observer.unsubscribe = subscribe(() => this.#markChanged(observer));
    observer.renewed(clock.nowUs(), maxAgeS);
    const ofPeer = this.#byPeer.get(peer) ?? new Map<string, Observer>();
    this.#byPeer.set(peer, ofPeer);
    ofPeer.set(tokenOf(request), observer);
    peer.observers += 1;
    this.#count += 1;
    this.#ticker.wake();
    return this.#nextSequence();
  }

  /** Notes that the answer to a registration came in blocks, which the client fetches now. */
  startTransfer(request: Request): void {
    const observer = this.#byPeer.get(request.from)?.get(tokenOf(request));
    if (observer !== undefined) this.#holdFor(observer);
  }

  /** Ends the observation of the request's peer and token, if there is one. */
  end(request: Request): void {
    const observer = this.#byPeer.get(request.from)?.get(tokenOf(request));
    if (observer !== undefined) this.#remove(observer);
  }

  /** Ends the observation whose notification the client has reset. */
  reset(peer: Peer, messageId: number): void {
    for (const observer of this.#byPeer.get(peer)?.values() ?? []) {
      if (observer.hasSent(messageId)) {
        this.#remove(observer);
        return;
      }
    }
  }

  /** The last block of a pinned answer was read: its observer may get the next value. */
  transferred(key: string): void {
    const observers = this.#transfers.get(key);
    if (observers === undefined) return;
    this.#transfers.delete(key);
    for (const observer of observers) {
      observer.transfer = undefined;
      this.#whenReady(observer);
    }
  }

  /** Tells every observer that the server ends, and ends all. */
  close(): void {
    this.#ticker.stop();
    for (const ofPeer of this.#byPeer.values()) {
      for (const observer of ofPeer.values()) this.#finish(observer, { code: "5.03" });
    }
    this.#changed.clear();
  }

  #markChanged(observer: Observer): void {
    if (observer.isRemoved) return;
    observer.isDirty = true;
    this.#whenReady(observer);
  }

  // Waits for the end of the present turn of the event loop, so that several changes at once are one notification.
  #whenReady(observer: Observer): void {
    if (observer.isRemoved || !observer.isDirty || !observer.isReady) return;
    if (this.#changed.size === 0) queueMicrotask(() => this.#flush());
    this.#changed.add(observer);
  }

  #flush(): void {
    const rendered: Rendered = new Map();
    const changed = [...this.#changed];
    this.#changed.clear();
    for (const observer of changed) {
      if (observer.isRemoved || !observer.isReady) continue;
      const isConfirmable = observer.nextIsConfirmable(this.#host.clock.nowUs());
      observer.isRendering = true;
      if (isConfirmable) this.#notifyConfirmably(observer, rendered);
      else this.#render(observer, rendered, (reply) => this.#sendUnconfirmed(observer, reply));
    }
  }

  #notifyConfirmably(observer: Observer, rendered: Rendered): void {
    const { reliability } = this.#host;
    const peer = observer.request.from;
    let isNow = true;
    reliability.whenFree(peer, () => {
      if (observer.isRemoved) return reliability.release(peer);
      // After a wait, what was rendered for the others is old.
      const shared: Rendered = isNow ? rendered : new Map();
      this.#render(observer, shared, (reply) => {
        if (observer.isRemoved) reliability.release(peer);
        else this.#sendConfirmable(observer, reply);
      });
    });
    isNow = false;
  }

  #render(observer: Observer, rendered: Rendered, use: (reply: Reply) => void): void {
    observer.isDirty = false;
    const key = contentKey(observer.request);
    const reply = rendered.get(key) ?? this.#host.answer(observer.request);
    rendered.set(key, reply);
    const done = (value: Reply): void => {
      observer.isRendering = false;
      use(value);
    };
    if (reply instanceof Promise) void reply.then(done);
    else done(reply);
  }

  #sendUnconfirmed(observer: Observer, reply: Reply): void {
    if (observer.isRemoved) return;
    const { bytes } = this.#compose(observer, reply, NON);
    this.#host.send(observer.request.from, bytes);
    this.#whenReady(observer);
  }

  #sendConfirmable(observer: Observer, reply: Reply): void {
    const { bytes, messageId } = this.#compose(observer, reply, CON);
    observer.isUnacknowledged = true;
    const settled = (outcome: Outcome): void => this.#settled(observer, outcome);
    this.#host.reliability.transmit(observer.request.from, { messageId, bytes, settled });
  }

  #settled(observer: Observer, outcome: Outcome): void {
    observer.isUnacknowledged = false;
    if (outcome === "reset") this.#remove(observer);
    if (outcome === "abandoned") {
      this.#host.stats.abandoned += 1;
      this.#removeAll(observer.request.from);
    }
    this.#whenReady(observer);
  }

  // Removes the observer when the reply is an error: that is the last notification (RFC 7641 section 4.2).
  #compose(
    observer: Observer,
    reply: Reply,
    type: typeof CON | typeof NON,
  ): { readonly bytes: Buffer; readonly messageId: number } {
    const { request } = observer;
    const { clock, pins, stats } = this.#host;
    const isError = !reply.code.startsWith("2.");
    const sequence = isError ? undefined : this.#nextSequence();
    const { code, options, payload, hasMore } = composeReply(request, reply, pins, {
      sequence,
      isNotification: true,
    });
    const messageId = request.from.nextMessageId();
    stats.notifications += 1;
    observer.remember(messageId);
    observer.renewed(clock.nowUs(), reply.maxAgeS);
    if (isError) this.#remove(observer);
    else if (hasMore) this.#holdFor(observer);
    return {
      bytes: encodeMessage({ type, code, messageId, token: request.message.token, options, payload }),
      messageId,
    };
  }

  #holdFor(observer: Observer): void {
    const key = answerKey(observer.request);
    observer.transfer = { key, sinceUs: this.#host.clock.nowUs() };
    this.#transfers.set(key, (this.#transfers.get(key) ?? new Set()).add(observer));
  }

  #finish(observer: Observer, reply: Reply): void {
    const { bytes } = this.#compose(observer, reply, NON);
    this.#host.send(observer.request.from, bytes);
  }

  // A peer that does not acknowledge for 93 s is gone, with all it observes.
  #removeAll(peer: Peer): void {
    for (const observer of this.#byPeer.get(peer)?.values() ?? []) this.#remove(observer);
  }

  #remove(observer: Observer): void {
    if (observer.isRemoved) return;
    observer.isRemoved = true;
    const peer = observer.request.from;
    const ofPeer = this.#byPeer.get(peer);
    ofPeer?.delete(tokenOf(observer.request));
    if (ofPeer?.size === 0) this.#byPeer.delete(peer);
    peer.observers -= 1;
    this.#count -= 1;
    this.#changed.delete(observer);
    if (observer.transfer !== undefined) this.#transfers.get(observer.transfer.key)?.delete(observer);
    try {
      observer.unsubscribe();
    } catch (error) {
      this.#host.failed(observer.request, error);
    }
  }

  #tick(nowUs: number): boolean {
    for (const ofPeer of this.#byPeer.values()) {
      for (const observer of ofPeer.values()) {
        if (observer.transfer !== undefined) this.#checkTransfer(observer.transfer, nowUs);
        if (observer.isReady && observer.isStale(nowUs)) this.#markChanged(observer);
      }
    }
    return this.#count > 0;
  }

  #checkTransfer({ key, sinceUs }: NonNullable<Observer["transfer"]>, nowUs: number): void {
    const usedUs = Math.max(sinceUs, this.#host.pins.usedUs(key) ?? 0);
    if (nowUs - usedUs >= TRANSFER_IDLE_US) this.transferred(key);
  }

  #nextSequence(): number {
    this.#sequence = (this.#sequence + 1) & 0xff_ffff;
    return this.#sequence;
  }
}

function tokenOf({ message }: Request): string {
  return message.token.toString("latin1");
}

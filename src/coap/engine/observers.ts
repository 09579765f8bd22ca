// All observations: registered by peer and token, notified of changes, ended by the client, by an error or by silence.
// Changes coalesce: an observation sends its newest value when its previous notification is done with, and that means
// delivered (what that is depends on the transport), and fetched when it came in blocks. Nothing queues up for a slow client.

import type { Clock } from "../../base/clock.ts";
import { type MaybePromise, whenHere } from "../../base/maybe-promise.ts";
import type { Pins } from "./block2.ts";
import { PerComputer } from "./computers.ts";
import { sealed } from "./guard.ts";
import type { CoapLimits, CoapStats } from "./limits.ts";
import { Observer } from "./observer.ts";
import type { Peer } from "./peer.ts";
import { composeReply } from "./reply.ts";
import {
  answerKey,
  contentKey,
  type Delivery,
  type NotificationSource,
  observationKey,
  type Request,
} from "./request.ts";
import type { CoapResponse, Reply, ReplyMessage } from "./response.ts";
import { Ticker } from "../../base/ticker.ts";

const TICK_US = 1_000_000;

/** A client that stops fetching the blocks of a notification for this long gets the next one: two retransmissions fit in. */
const TRANSFER_IDLE_US = 10_000_000;

/** What the server lends to its observations. */
export interface ObserverHost {
  readonly clock: Clock;
  readonly limits: CoapLimits;
  readonly stats: CoapStats;
  readonly pins: Pins;
  /** The refusal of a request that may not be answered any more. */
  readonly admit: (request: Request) => Reply | undefined;
  /** Runs the handler; gives 5.00 when it fails. */
  readonly answer: (request: Request) => MaybePromise<Reply>;
  /** Logs what a handler's subscription threw. */
  readonly failed: (request: Request, error: unknown) => void;
}

type Subscribe = NonNullable<CoapResponse["observe"]>;

/** Answers rendered in one turn, shared by all who observe the same. */
type Rendered = Map<string, MaybePromise<Reply>>;

export class Observers {
  readonly #host: ObserverHost;
  readonly #byPeer = new Map<Peer, Map<string, Observer>>();
  readonly #changed = new Set<Observer>();
  readonly #transfers = new Map<string, Set<Observer>>();
  readonly #ticker: Ticker;
  readonly #held: PerComputer;
  #sequence = 0;

  constructor(host: ObserverHost) {
    this.#host = host;
    this.#held = new PerComputer(host.limits.observersPerPeer, host.limits.observers);
    this.#ticker = new Ticker(host.clock, TICK_US, (nowUs) => this.#tick(nowUs));
  }

  get size(): number {
    return this.#held.total;
  }

  /** Whether peers that may be forged have their share. */
  isCrowdedFor(peer: Peer): boolean {
    return this.#held.isCrowdedFor(peer);
  }

  ascertain(peer: Peer): void {
    this.#held.ascertain(peer);
  }

  /**
   * Registers who asked, in place of an earlier observation with the same token. Returns the sequence number for
   * the answer, or undefined when there are too many: then the answer has no Observe option and the client knows.
   */
  register(
    request: Request,
    { observe, maxAgeS, notifications }: Reply & { readonly observe: Subscribe },
  ): number | undefined {
    const { limits, clock } = this.#host;
    const peer = request.from;
    this.end(request);
    const isFull = this.#held.total >= limits.observers || !this.#held.hasRoom(peer);
    if (isFull || peer.observers >= limits.observersPerPeer) return undefined;
    request.confirmsNotifications = notifications?.isConfirmable === true;
    const observer = new Observer(request, (own) => this.#sourceOf(own));
    observer.isShared = notifications?.isShared !== false;
    this.#subscribe(observer, observe);
    observer.renewed(clock.nowUs(), maxAgeS);
    const ofPeer = this.#byPeer.get(peer) ?? new Map<string, Observer>();
    this.#byPeer.set(peer, ofPeer);
    ofPeer.set(observationKey(request), observer);
    peer.observers += 1;
    this.#held.take(peer);
    this.#ticker.wake();
    return this.#nextSequence();
  }

  /** Notes that the answer to a registration came in blocks, which the client fetches now. */
  startTransfer(request: Request): void {
    const observer = this.#byPeer.get(request.from)?.get(observationKey(request));
    if (observer !== undefined) this.#holdFor(observer);
  }

  /** Ends the observation of the request's peer and token, if there is one. */
  end(request: Request): void {
    const observer = this.#byPeer.get(request.from)?.get(observationKey(request));
    if (observer !== undefined) this.#remove(observer);
  }

  /** Ends all observations of a peer that is gone. */
  endAll(peer: Peer): void {
    for (const observer of this.#byPeer.get(peer)?.values() ?? []) this.#remove(observer);
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
    const last = { code: "5.03", payload: Buffer.from("the server is stopping") };
    for (const ofPeer of this.#byPeer.values()) {
      for (const observer of ofPeer.values()) {
        const message = this.#composed(observer, last);
        if (message !== undefined) observer.carrier.sendLast(message);
      }
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
      observer.isPreparing = true;
      if (observer.carrier.reserve()) this.#render(observer, rendered);
    }
  }

  #sourceOf(observer: Observer): NotificationSource {
    return {
      granted: () => {
        if (observer.isRemoved) observer.carrier.release();
        // After a wait, what was rendered for the others is old.
        else this.#render(observer, new Map());
      },
      settled: (delivery) => this.#settled(observer, delivery),
    };
  }

  #subscribe(observer: Observer, subscribe: Subscribe): void {
    try {
      observer.unsubscribe = subscribe(() => this.#markChanged(observer));
    } catch (error) {
      observer.carrier.close();
      throw error;
    }
  }

  #render(observer: Observer, rendered: Rendered): void {
    observer.isDirty = false;
    const reply = this.#rendered(observer, rendered);
    if (reply instanceof Promise) void reply.then((value) => this.#notify(observer, value));
    else this.#notify(observer, reply);
  }

  #rendered({ request, isShared }: Observer, rendered: Rendered): MaybePromise<Reply> {
    if (!isShared) return this.#host.answer(request);
    // What is shared tells of one observer only whether he may still see it.
    const refusal = this.#host.admit(request);
    if (refusal !== undefined) return refusal;
    const key = contentKey(request);
    const known = rendered.get(key);
    // The part of a body that fits one transport does not fit another, and each computer has room of its own.
    if (known !== undefined)
      return whenHere(known, (reply) =>
        reply.part === undefined && reply.isForNow !== true ? reply : this.#host.answer(request),
      );
    const reply = this.#host.answer(request);
    rendered.set(key, reply);
    return reply;
  }

  #notify(observer: Observer, reply: Reply): void {
    observer.isPreparing = false;
    // The tick tries again, with the value of then.
    if (reply.isForNow === true) {
      observer.isDirty = true;
      return observer.carrier.release();
    }
    const message = observer.isRemoved ? undefined : this.#composed(observer, reply);
    if (message === undefined) return observer.carrier.release();
    observer.isUnsettled = true;
    observer.carrier.send(message);
  }

  #settled(observer: Observer, delivery: Delivery): void {
    observer.isUnsettled = false;
    if (delivery === "refused") this.#remove(observer);
    // Who does not acknowledge for 93 s is gone, with all he observes.
    if (delivery === "lost") this.endAll(observer.request.from);
    this.#whenReady(observer);
  }

  /** Undefined when it cannot be protected: nobody would catch that here, and there is nothing else to send. */
  #composed(observer: Observer, reply: Reply): ReplyMessage | undefined {
    try {
      return this.#compose(observer, reply);
    } catch (error) {
      this.#host.failed(observer.request, error);
      this.#remove(observer);
      return undefined;
    }
  }

  // Removes the observer when the reply is an error: that is the last notification (RFC 7641 section 4.2).
  #compose(observer: Observer, reply: Reply): ReplyMessage {
    const { request } = observer;
    const { clock, pins, stats } = this.#host;
    const isError = !reply.code.startsWith("2.");
    const sequence = isError ? undefined : this.#nextSequence();
    const message = composeReply(request, reply, pins, { sequence, isNotification: true });
    stats.notifications += 1;
    observer.renewed(clock.nowUs(), reply.maxAgeS);
    if (isError) this.#remove(observer);
    else if (message.hasMore) this.#holdFor(observer);
    return sealed(request.opened, message, true);
  }

  #holdFor(observer: Observer): void {
    const key = answerKey(observer.request);
    observer.transfer = { key, sinceUs: this.#host.clock.nowUs() };
    this.#transfers.set(key, (this.#transfers.get(key) ?? new Set()).add(observer));
  }

  #endTransfer(observer: Observer, key: string): void {
    const others = this.#transfers.get(key);
    others?.delete(observer);
    if (others?.size === 0) this.#transfers.delete(key);
  }

  #remove(observer: Observer): void {
    if (observer.isRemoved) return;
    observer.isRemoved = true;
    const peer = observer.request.from;
    const ofPeer = this.#byPeer.get(peer);
    ofPeer?.delete(observationKey(observer.request));
    if (ofPeer?.size === 0) this.#byPeer.delete(peer);
    peer.observers -= 1;
    this.#held.give(peer);
    this.#changed.delete(observer);
    if (observer.transfer !== undefined) this.#endTransfer(observer, observer.transfer.key);
    observer.carrier.close();
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
        if (observer.isReady && (observer.isDirty || observer.isStale(nowUs))) this.#markChanged(observer);
      }
    }
    return this.#held.total > 0;
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

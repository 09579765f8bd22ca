// From a request to its answer, whatever carried it: faults, blocks, the handler, observations. Knows no transport: those
// hand in requests, and each request knows how its answer leaves. All transports share the limits and the counters.

import { setMaxListeners } from "node:events";
import { orAborted } from "../../base/abort.ts";
import type { Clock } from "../../base/clock.ts";
import { VscopeError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { type MaybePromise } from "../../base/maybe-promise.ts";
import { Uploads } from "./block1.ts";
import { Pins } from "./block2.ts";
import { BurstUploads } from "./burst-uploads.ts";
import { Bursts } from "./bursts.ts";
import { failedReply, withPart } from "./body.ts";
import type { Message } from "../message/codec.ts";
import { isSafe } from "../message/codes.ts";
import { PerComputer } from "./computers.ts";
import { FailureLog } from "./failure-log.ts";
import { type MessageGuard, type Opened, sealed } from "./guard.ts";
import { type CoapLimits, type CoapStats, newStats } from "./limits.ts";
import { Observers } from "./observers.ts";
import { findOption, OPTION } from "../message/options.ts";
import type { Peer } from "./peer.ts";
import { RateLimits } from "./rate-limit.ts";
import { composeReply } from "./reply.ts";
import { answerKey, type CoapRequest, type Request } from "./request.ts";
import { checkResponse, type CoapBody, type CoapResponse, type Reply } from "./response.ts";
import { Sending } from "./sending.ts";
import { UploadBudget } from "./upload-budget.ts";
import { Ticker } from "../../base/ticker.ts";

/** Answers one request. What it throws becomes 5.00 without text, and is logged. */
export type CoapHandler = (request: CoapRequest) => CoapResponse | Promise<CoapResponse>;

/** Looks at a request before its body is collected: a response refuses it. */
export type CoapAdmission = (request: CoapRequest) => CoapResponse | undefined;

export interface EngineOptions {
  readonly handler: CoapHandler;
  readonly admit: CoapAdmission | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: CoapLimits;
  readonly guard: MessageGuard | undefined;
}

const HOUSEKEEPING_US = 5_000_000;
/** How long close() waits for handlers to notice their signal. */
const CLOSE_WITHIN_US = 500_000;

const BUSY: Reply = { code: "5.03", maxAgeS: 1 };
/** RFC 8516: it is this client that asks too much. */
const TOO_MANY: Reply = { code: "4.29", maxAgeS: 1 };

export class Engine {
  readonly clock: Clock;
  readonly log: Log;
  /** Who could not prove who they are. */
  readonly failures: FailureLog;
  readonly limits: CoapLimits;
  /** Of a computer, whatever its transports. */
  readonly rates: RateLimits;
  /** Large answers on their way over connections. */
  readonly sending: Sending;
  readonly #counts = newStats();
  readonly #handler: CoapHandler;
  readonly #admit: CoapAdmission | undefined;
  readonly #guard: MessageGuard | undefined;
  readonly #pins: Pins;
  readonly #bursts: Bursts;
  readonly #uploadBudget: UploadBudget;
  readonly #uploads: Uploads;
  readonly #burstUploads: BurstUploads;
  readonly #observers: Observers;
  readonly #housekeeping: Ticker;
  readonly #keepers: (() => number)[] = [];
  readonly #closing = new AbortController();
  readonly #running: PerComputer;
  #whenIdle: () => void = () => {};
  #hasStopped = false;

  constructor({ handler, admit, clock, log, limits, guard }: EngineOptions) {
    this.clock = clock;
    this.log = log;
    this.limits = limits;
    this.failures = new FailureLog(clock, log);
    this.sending = new Sending(limits.sendingBytes);
    this.rates = new RateLimits(limits.requestsPerSecond);
    this.#running = new PerComputer(limits.requestsPerPeer, limits.requests);
    // A handler at work, for a request or for a notification, listens until it is done. Both are limited; Node is to warn of
    // a leak when there are more listeners than that, not from the eleventh handler on.
    setMaxListeners(limits.requests + limits.observers, this.#closing.signal);
    this.#handler = handler;
    this.#admit = admit;
    this.#guard = guard;
    this.#pins = new Pins(clock, limits);
    this.#bursts = new Bursts({
      clock,
      limits,
      pins: this.#pins,
      admit: (request) => this.#refusalOf(request),
      part: (request, reply, body) => this.#withPart(request, reply, body),
      ended: (key) => this.#observers.transferred(key),
    });
    this.#uploadBudget = new UploadBudget(limits);
    this.#uploads = new Uploads(clock, limits, this.#uploadBudget);
    this.#burstUploads = new BurstUploads(clock, limits, this.#uploadBudget);
    this.#housekeeping = new Ticker(clock, HOUSEKEEPING_US, () => this.#expire());
    this.#observers = new Observers({
      clock,
      limits,
      stats: this.#counts,
      pins: this.#pins,
      admit: (request) => this.#refusalOf(request),
      answer: (request) => this.#answer(request),
      failed: (request, error) => void this.#failed(request, error),
    });
  }

  /** To be counted up by the transports. */
  get counts(): CoapStats {
    return this.#counts;
  }

  get stats(): CoapStats {
    const held = { pinnedBytes: this.#pins.bytes, sendingBytes: this.sending.bytes };
    return { ...this.#counts, observers: this.#observers.size, ...held };
  }

  /** Aborts when the server closes. */
  get signal(): AbortSignal {
    return this.#closing.signal;
  }

  /** Has `keeper` called every few seconds while there is something to keep; it tidies up and returns how much is left. */
  keep(keeper: () => number): void {
    this.#keepers.push(keeper);
  }

  /** Something has come that housekeeping must look after. */
  wake(): void {
    this.#housekeeping.wake();
  }

  /** Opens a protected message; undefined for a plain one, or when the server has no keys: then its option is refused. */
  open(message: Message, { name }: Peer): Opened | undefined {
    if (this.#guard === undefined || findOption(message.options, OPTION.OSCORE) === undefined)
      return undefined;
    const opened = this.#guard.open(message, name);
    if (opened.failure !== undefined) this.failures.record({ peer: name, ...opened.failure });
    if (opened.identity === undefined) this.#counts.unverified += 1;
    else this.#counts.verified += 1;
    return opened;
  }

  /** Answers a request: at once, or when its handler has. */
  handle(request: Request): void {
    this.#counts.requests += 1;
    const known = request.fault === undefined ? this.#burstUploads.answerTo(request) : undefined;
    if (known !== undefined) return request.respond(known);
    const reply = request.opened?.reply ?? this.#screen(request);
    if (reply !== undefined && reply.body === undefined) return this.#finish(request, reply);
    const busy = this.#busyReply(request.from);
    if (busy !== undefined) this.#finish(request, busy);
    else if (reply?.body === undefined) this.#run(request);
    else this.#finishWhenHere(request, this.#withPart(request, reply, reply.body));
  }

  /** Whether the request is refused whatever its body is; then it is answered. */
  refuses(request: Request): boolean {
    const refusal = this.#refusalOf(request);
    if (refusal === undefined) return false;
    this.#counts.requests += 1;
    this.#finish(request, refusal);
    return true;
  }

  /** Whether peers that may be forged occupy their share of something: then the next ones must prove themselves. */
  isCrowdedFor(peer: Peer): boolean {
    return [this.#running, this.#observers, this.#uploadBudget].some((held) => held.isCrowdedFor(peer));
  }

  /** The peer has proven itself: what it occupies does not count as that of an uncertain one any longer. */
  ascertain(peer: Peer): void {
    for (const held of [this.#running, this.#observers, this.#uploadBudget]) held.ascertain(peer);
  }

  /** The peer does not want what it gets without having asked for it: only blocks that it asks for follow. */
  hush(peer: Peer): void {
    this.#bursts.forgetAll(peer);
  }

  /** Forgets all that was kept for a peer that is gone: observations, uploads, answers. */
  forget(peer: Peer): void {
    this.#bursts.forgetAll(peer);
    this.#observers.endAll(peer);
    this.#uploads.forgetAll(peer);
    this.#burstUploads.forgetAll(peer);
    this.#pins.forgetAll(peer);
  }

  /** Ends observations with 5.03, aborts running handlers and waits shortly for them. Nothing is sent afterwards. */
  async close(name: string): Promise<void> {
    this.failures.flush();
    this.#observers.close();
    this.#bursts.close();
    this.#burstUploads.close();
    this.#closing.abort(new VscopeError("OPERATION_CANCELLED", `${name}: the CoAP server closes`));
    const late = new AbortController();
    const cancel = this.clock.after(CLOSE_WITHIN_US, () => late.abort());
    await orAborted(this.#idle(), late.signal).catch(() => {});
    cancel();
    this.#hasStopped = true;
    this.#housekeeping.stop();
  }

  /** What can be answered without the handler: faults, later blocks of an answer, all but the last block of an upload. */
  #screen(request: Request): Reply | undefined {
    const { fault, block1, qBlock1, block2 } = request;
    if (fault !== undefined) return { code: fault.code, payload: Buffer.from(fault.text) };
    const isLater = block2 !== undefined && (block2.number > 0 || this.#bursts.hasLost(request));
    if (isLater) return this.#laterBlock(request);
    if (block1 === undefined && qBlock1 === undefined) return this.#uploads.refusalOf(request);
    const refusal = this.#refusalOf(request);
    if (refusal !== undefined) return refusal;
    const added = block1 === undefined ? this.#burstUploads.add(request) : this.#uploads.add(request, block1);
    if ("code" in added) return added;
    request.payload = added.body;
    return undefined;
  }

  // A later block of a GET can be rendered anew; of an action it cannot, as that would run it again, nor of a FETCH,
  // whose payload comes with the first request only.
  #laterBlock(request: Request): Reply | undefined {
    request.observe = undefined;
    request.isRepeatable = true;
    const pinned = this.#pins.find(answerKey(request));
    // The handler, which looks at who asks, has no part in this: he may have lost his key since the first block.
    const refusal = pinned === undefined ? undefined : this.#refusalOf(request);
    return refusal ?? pinned ?? (request.method === "GET" ? undefined : { code: "4.08" });
  }

  // Nobody catches what is thrown amid notifications.
  #refusalOf(request: Request): Reply | undefined {
    try {
      return this.#admit?.(request);
    } catch (error) {
      return this.#failed(request, error);
    }
  }

  /** Why nothing more can be begun for the peer. */
  #busyReply(from: Peer): Reply | undefined {
    const isFull = this.#running.total >= this.limits.requests;
    if (isFull || this.#closing.signal.aborted) return BUSY;
    const isMuch = from.running >= this.limits.requestsPerPeer || !this.#running.hasRoom(from);
    return isMuch ? TOO_MANY : undefined;
  }

  #run(request: Request): void {
    const { from, observe } = request;
    // A GET with the token of an observation ends or replaces it (RFC 7641 section 3.6), but not one for a later block.
    if (from.observers > 0 && observe !== 0 && !request.isRepeatable && isSafe(request.method))
      this.#observers.end(request);
    this.#finishWhenHere(request, this.#answer(request));
  }

  #finishWhenHere(request: Request, reply: MaybePromise<Reply>): void {
    if (reply instanceof Promise) void this.#defer(request, reply);
    else this.#finish(request, reply);
  }

  #answer(request: Request): MaybePromise<Reply> {
    try {
      const response = this.#handler(request);
      if (!(response instanceof Promise)) return this.#checked(request, response);
      return response.then(
        (value) => this.#checked(request, value),
        (error: unknown) => this.#failed(request, error),
      );
    } catch (error) {
      return this.#failed(request, error);
    }
  }

  #checked(request: Request, response: CoapResponse): MaybePromise<Reply> {
    try {
      checkResponse(response);
      return response.body === undefined ? response : this.#withPart(request, response, response.body);
    } catch (error) {
      return this.#failed(request, error);
    }
  }

  // Who meets another version of a body begins anew.
  #withPart(request: Request, reply: Reply, body: CoapBody): MaybePromise<Reply> {
    const failed = (error: unknown): Reply => {
      this.#pins.forget(answerKey(request));
      return (request.signal.aborted ? undefined : failedReply(error)) ?? this.#failed(request, error);
    };
    try {
      const part = withPart(request, reply, body, this.sending);
      return part instanceof Promise ? part.catch(failed) : part;
    } catch (error) {
      return failed(error);
    }
  }

  #failed(request: Request, error: unknown): Reply {
    this.#counts.failures += 1;
    const { method, path, peer } = request;
    if (!request.signal.aborted)
      this.log.error({ err: error, method, path, peer }, "CoAP: the handler failed");
    return request.signal.aborted ? BUSY : { code: "5.00" };
  }

  async #defer(request: Request, answer: Promise<Reply>): Promise<void> {
    request.from.running += 1;
    this.#running.take(request.from);
    request.defer();
    const reply = await answer;
    request.from.running -= 1;
    this.#running.give(request.from);
    if (this.#running.total === 0) this.#whenIdle();
    try {
      this.#finish(request, reply);
    } catch (error) {
      // Nobody waits for this promise.
      this.#failed(request, error);
    }
  }

  #finish(request: Request, given: Reply): void {
    // A handler that outlived the server, or the connection: nobody would end what it observes.
    if (this.#hasStopped || request.from.isGone) return;
    const { reply, sequence } = this.#observe(request, given);
    const answer = composeReply(request, reply, this.#pins, { sequence });
    if (sequence !== undefined && answer.hasMore) this.#observers.startTransfer(request);
    if (request.isRepeatable && !answer.hasMore) this.#observers.transferred(answerKey(request));
    if (request.qBlock1 !== undefined) this.#burstUploads.answered(request, answer);
    request.respond(sealed(request.opened, answer, false));
    // An observer asks for what follows the first block: messages that its registration gets are notifications to it.
    if (request.wanted.length > 0 && answer.hasMore && !answer.isUnwanted && sequence === undefined)
      this.#bursts.follow(request, reply.original ?? reply);
  }

  /** Registers the observation that was asked for, if it can be; gives 5.00 when subscribing fails. */
  #observe(
    request: Request,
    reply: Reply,
  ): { readonly reply: Reply; readonly sequence?: number | undefined } {
    if (request.observe !== 0 || !isSafe(request.method) || this.#closing.signal.aborted) return { reply };
    if (reply.observe === undefined || reply.code !== "2.05") return { reply };
    try {
      return { reply, sequence: this.#observers.register(request, { ...reply, observe: reply.observe }) };
    } catch (error) {
      return { reply: this.#failed(request, error) };
    }
  }

  #idle(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#running.total === 0) resolve();
      else this.#whenIdle = resolve;
    });
  }

  #expire(): boolean {
    let left = 0;
    for (const keeper of this.#keepers) left += keeper();
    const hasUploads = [this.#uploads.expire(), this.#burstUploads.expire()].includes(true);
    const hasPins = this.#pins.expire();
    return hasUploads || hasPins || left > 0;
  }
}

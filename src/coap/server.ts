// The server: datagrams in, requests to one handler, answers and notifications out. This file holds the message layer
// (RFC 7252 section 4); duplicates, blocks, observations and retransmission have files of their own.
// Nothing that arrives ends the process: bad datagrams are dropped, and a handler that throws gives 5.00.

import { orAborted } from "../base/abort.ts";
import type { Clock } from "../base/clock.ts";
import { VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { Uploads } from "./block1.ts";
import { Pins } from "./block2.ts";
import { type CoapMessage, decodeMessage, emptyMessage, encodeMessage, isCoap, NO_BYTES } from "./codec.ts";
import {
  ACK,
  classOf,
  codeNumber,
  type CoapMethod,
  CON,
  EMPTY,
  isSafe,
  methodOf,
  NON,
  RST,
} from "./codes.ts";
import { duplicateKey, type Running } from "./deduplication.ts";
import { DeferredRequests } from "./deferred.ts";
import { type CoapLimits, type CoapStats, DEFAULT_LIMITS, newStats } from "./limits.ts";
import { Observers } from "./observers.ts";
import { type Peer, Peers } from "./peer.ts";
import { Reliability } from "./reliability.ts";
import { composeReply, type ReplyMessage } from "./reply.ts";
import { answerKey, type CoapRequest, Request } from "./request.ts";
import { checkResponse, type CoapResponse, type Reply } from "./response.ts";
import { Ticker } from "./ticker.ts";
import { bindUdp, type DatagramSocket, endpointName } from "./udp.ts";

export type { CoapRequest, CoapResponse };

/** Answers one request. What it throws becomes 5.00 without text, and is logged. */
export type CoapHandler = (request: CoapRequest) => CoapResponse | Promise<CoapResponse>;

export interface CoapServerOptions {
  /** `::` for all addresses of both families, `0.0.0.0` for all of IPv4, an address, or a host name that is looked up once. */
  readonly address: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly handler: CoapHandler;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: Partial<CoapLimits>;
  /** Instead of a UDP socket. */
  readonly socket?: DatagramSocket;
}

const HOUSEKEEPING_US = 5_000_000;
/** How long close() waits for handlers to notice their signal. */
const CLOSE_WITHIN_US = 500_000;

const NOT_ACKNOWLEDGED: Running = { isAcknowledged: false };
const BUSY: Reply = { code: "5.03", maxAgeS: 1 };

export class CoapServer {
  readonly #socket: DatagramSocket;
  readonly #handler: CoapHandler;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #limits: CoapLimits;
  readonly #stats = newStats();
  readonly #peers: Peers;
  readonly #pins: Pins;
  readonly #uploads: Uploads;
  readonly #reliability: Reliability<Peer>;
  readonly #observers: Observers;
  readonly #deferred: DeferredRequests;
  readonly #housekeeping: Ticker;
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;
  #hasStopped = false;

  /**
   * Starts a server. Throws SERVER_CONFLICT when another program has the port (also on a wildcard address of either family),
   * CONFIG_INVALID when the address cannot be used.
   */
  static async listen(options: CoapServerOptions): Promise<CoapServer> {
    return new CoapServer(options, options.socket ?? (await bindUdp(options.address, options.port)));
  }

  private constructor({ handler, clock, log, limits }: CoapServerOptions, socket: DatagramSocket) {
    this.#socket = socket;
    this.#handler = handler;
    this.#clock = clock;
    this.#log = log;
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
    this.#peers = new Peers(clock, this.#limits);
    this.#pins = new Pins(clock, this.#limits);
    this.#uploads = new Uploads(clock, this.#limits);
    this.#deferred = new DeferredRequests(clock, (request) => this.#acknowledge(request));
    this.#housekeeping = new Ticker(clock, HOUSEKEEPING_US, () => this.#expire());
    const send = (peer: Peer, bytes: Buffer): void => this.#send(peer, bytes);
    const retransmitted = (): void => void (this.#stats.retransmissions += 1);
    this.#reliability = new Reliability({ clock, send, retransmitted });
    this.#observers = new Observers({
      clock,
      send,
      limits: this.#limits,
      stats: this.#stats,
      pins: this.#pins,
      reliability: this.#reliability,
      answer: (request) => this.#answer(request),
      failed: (request, error) => void this.#failed(request, error),
    });
    socket.attach({
      message: (bytes, address, port) => this.#receive(bytes, address, port),
      failed: (error) =>
        log.warn({ err: error }, `CoAP ${endpointName(this.address, this.port)}: socket error`),
    });
  }

  get address(): string {
    return this.#socket.address;
  }

  get port(): number {
    return this.#socket.port;
  }

  get stats(): Readonly<CoapStats> {
    return {
      ...this.#stats,
      peers: this.#peers.size,
      observers: this.#observers.size,
      pinnedBytes: this.#pins.bytes,
    };
  }

  /** Ends observations with 5.03, aborts running handlers, waits shortly for them, and closes the socket. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const name = endpointName(this.address, this.port);
    this.#observers.close();
    this.#closing.abort(new VscopeError("OPERATION_CANCELLED", `${name}: the CoAP server closes`));
    const late = new AbortController();
    const cancel = this.#clock.after(CLOSE_WITHIN_US, () => late.abort());
    await orAborted(this.#deferred.ended(), late.signal).catch(() => {});
    cancel();
    this.#hasStopped = true;
    this.#deferred.stop();
    this.#housekeeping.stop();
    this.#reliability.stop();
    await this.#socket.close();
  }

  #receive(bytes: Buffer, address: string, port: number): void {
    this.#stats.received += 1;
    try {
      if (!isCoap(bytes)) this.#stats.malformed += 1;
      else this.#receiveMessage(bytes, this.#peers.at(address, port));
    } catch (error) {
      this.#stats.failures += 1;
      this.#log.error(
        { err: error, peer: endpointName(address, port) },
        "CoAP: a datagram could not be handled",
      );
    }
  }

  // A malformed message is rejected by silence (RFC 7252 section 4.2 allows it): nothing to reflect to a forged address.
  #receiveMessage(bytes: Buffer, peer: Peer | undefined): void {
    if (peer === undefined) return;
    peer.heardUs = this.#clock.nowUs();
    this.#housekeeping.wake();
    const message = decodeMessage(bytes);
    if (message === undefined) {
      this.#stats.malformed += 1;
      return;
    }
    const isRequest = classOf(message.code) === 0 && message.code !== EMPTY && message.type <= NON;
    if (!isRequest) this.#control(peer, message);
    else {
      const method = methodOf(message.code);
      if (method === undefined) this.#refuseMethod(peer, message);
      else this.#request(method, message, peer);
    }
  }

  // Everything but requests: acknowledgements, resets, pings, and codes that have no place here.
  #control(peer: Peer, { type, code, messageId }: CoapMessage): void {
    if (type === CON) this.#send(peer, emptyMessage(RST, messageId));
    else if (code !== EMPTY) return;
    else if (type === ACK) this.#reliability.settle(peer, messageId, "acknowledged");
    else if (type === RST && !this.#reliability.settle(peer, messageId, "reset"))
      this.#observers.reset(peer, messageId);
  }

  #refuseMethod(peer: Peer, { type, messageId, token }: CoapMessage): void {
    const reply = { code: codeNumber("4.05"), token, options: [], payload: NO_BYTES };
    const bytes =
      type === CON
        ? encodeMessage({ ...reply, type: ACK, messageId })
        : encodeMessage({ ...reply, type: NON, messageId: peer.nextMessageId() });
    this.#send(peer, bytes);
  }

  #request(method: CoapMethod, message: CoapMessage, peer: Peer): void {
    if (!peer.duplicates.isEmpty && this.#isDuplicate(message, peer)) return;
    this.#stats.requests += 1;
    const request = new Request(method, message, peer, this.#closing.signal);
    const reply = this.#screen(request);
    if (reply !== undefined) this.#finish(request, reply);
    else this.#run(request);
  }

  #isDuplicate(message: CoapMessage, peer: Peer): boolean {
    const key = duplicateKey(message);
    const running = peer.duplicates.running(key);
    const reply = running === undefined ? peer.duplicates.replyTo(key) : emptyMessage(ACK, message.messageId);
    if (reply === undefined) return false;
    this.#stats.duplicates += 1;
    if (message.type !== CON || reply.length === 0) return true;
    if (running !== undefined) running.isAcknowledged = true;
    this.#send(peer, reply);
    return true;
  }

  /** What can be answered without the handler: faults, later blocks of an answer, all but the last block of an upload. */
  #screen(request: Request): Reply | undefined {
    const { fault, block1, block2 } = request;
    if (fault !== undefined) return { code: fault.code, payload: Buffer.from(fault.text) };
    if (block2 !== undefined && block2.number > 0) return this.#laterBlock(request);
    if (block1 === undefined) return undefined;
    const added = this.#uploads.add(request, block1);
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
    return pinned ?? (request.method === "GET" ? undefined : { code: "4.08" });
  }

  #run(request: Request): void {
    const { from, observe } = request;
    const isFull =
      from.running >= this.#limits.requestsPerPeer || this.#deferred.size >= this.#limits.requests;
    if (isFull || this.#closing.signal.aborted) return this.#finish(request, BUSY);
    // A GET with the token of an observation ends or replaces it (RFC 7641 section 3.6), but not one for a later block.
    if (from.observers > 0 && observe !== 0 && !request.isRepeatable && isSafe(request.method))
      this.#observers.end(request);
    const answer = this.#answer(request);
    if (answer instanceof Promise) void this.#defer(request, answer);
    else this.#finish(request, answer);
  }

  #answer(request: Request): Reply | Promise<Reply> {
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

  #checked(request: Request, response: CoapResponse): Reply {
    try {
      checkResponse(response);
      return response;
    } catch (error) {
      return this.#failed(request, error);
    }
  }

  #failed(request: Request, error: unknown): Reply {
    this.#stats.failures += 1;
    const { method, path, peer } = request;
    if (!request.signal.aborted)
      this.#log.error({ err: error, method, path, peer }, "CoAP: the handler failed");
    return request.signal.aborted ? BUSY : { code: "5.00" };
  }

  async #defer(request: Request, answer: Promise<Reply>): Promise<void> {
    const deferred = this.#deferred.begin(request);
    const reply = await answer;
    this.#deferred.end(deferred);
    this.#finish(request, reply, deferred);
  }

  #finish(request: Request, given: Reply, { isAcknowledged }: Running = NOT_ACKNOWLEDGED): void {
    // A handler that outlived the server.
    if (this.#hasStopped) return;
    const { reply, sequence } = this.#observe(request, given);
    const message = composeReply(request, reply, this.#pins, { sequence });
    if (sequence !== undefined && message.hasMore) this.#observers.startTransfer(request);
    if (request.isRepeatable && !message.hasMore) this.#observers.transferred(answerKey(request));
    const sent = this.#respond(request, message, isAcknowledged);
    const canRepeat = request.isRepeatable || isSafe(request.method);
    if (!canRepeat || isAcknowledged) request.from.duplicates.end(duplicateKey(request.message), sent);
  }

  /** Registers the observation that was asked for, if it can be; gives 5.00 when subscribing fails. */
  #observe(
    request: Request,
    reply: Reply,
  ): { readonly reply: Reply; readonly sequence?: number | undefined } {
    if (request.observe !== 0 || !isSafe(request.method) || this.#closing.signal.aborted) return { reply };
    if (reply.observe === undefined || reply.code !== "2.05") return { reply };
    try {
      return { reply, sequence: this.#observers.register(request, reply.observe, reply.maxAgeS) };
    } catch (error) {
      return { reply: this.#failed(request, error) };
    }
  }

  /** Sends the answer; returns what a copy of the request gets, nothing for a NON. */
  #respond(request: Request, { code, options, payload }: ReplyMessage, isAcknowledged: boolean): Buffer {
    const { from, message } = request;
    const { token } = message;
    const isUnwanted = (request.noResponse & (1 << (classOf(code) - 1))) !== 0;
    if (message.type === CON && !isAcknowledged) {
      const { messageId } = message;
      const bytes = isUnwanted
        ? emptyMessage(ACK, messageId)
        : encodeMessage({ type: ACK, code, messageId, token, options, payload });
      this.#send(from, bytes);
      return bytes;
    }
    const type = message.type === CON ? CON : NON;
    const messageId = from.nextMessageId();
    if (isUnwanted) return type === CON ? emptyMessage(ACK, message.messageId) : NO_BYTES;
    const bytes = encodeMessage({ type, code, messageId, token, options, payload });
    if (type === NON) {
      this.#send(from, bytes);
      return NO_BYTES;
    }
    this.#sendConfirmable(from, messageId, bytes);
    return emptyMessage(ACK, message.messageId);
  }

  #sendConfirmable(peer: Peer, messageId: number, bytes: Buffer): void {
    this.#reliability.whenFree(peer, () =>
      this.#reliability.transmit(peer, {
        messageId,
        bytes,
        settled: (outcome) => void (this.#stats.abandoned += outcome === "abandoned" ? 1 : 0),
      }),
    );
  }

  #acknowledge({ from, message }: Request): void {
    this.#send(from, emptyMessage(ACK, message.messageId));
  }

  #send(peer: Peer, bytes: Buffer): void {
    this.#stats.sent += 1;
    this.#socket.send(bytes, peer.port, peer.address);
  }

  #expire(): boolean {
    this.#peers.expire();
    const hasUploads = this.#uploads.expire();
    const hasPins = this.#pins.expire();
    return this.#peers.size > 0 || hasUploads || hasPins;
  }
}

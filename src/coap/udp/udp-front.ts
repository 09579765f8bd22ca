// The message layer of UDP (RFC 7252 section 4): datagrams in, requests to the engine, answers out. Message types and
// identifiers, copies, acknowledgements, resets and retransmission end here.
// Nothing that arrives ends the process: bad datagrams are dropped.

import {
  type CoapMessage,
  decodeMessage,
  emptyMessage,
  encodeMessage,
  isCoap,
  NO_BYTES,
} from "../message/codec.ts";
import { ACK, classOf, codeNumber, CON, EMPTY, isSafe, NON, RST } from "../message/codes.ts";
import { duplicateKey } from "./deduplication.ts";
import { DeferredRequests } from "./deferred.ts";
import type { Engine } from "../engine/engine.ts";
import { Leisure } from "./leisure.ts";
import type { Neighbours } from "../network/neighbours.ts";
import { OPTION, uintOption } from "../message/options.ts";
import { type Amplification, PROOF_WITHIN_US } from "./proof.ts";
import type { NotificationCarrier, NotificationSource } from "../engine/request.ts";
import type { ReplyMessage } from "../engine/response.ts";
import { type DatagramSocket, endpointName, type LocalSocket } from "../network/udp.ts";
import { TOO_MANY, TRY_AGAIN_S } from "../engine/rate-limit.ts";
import { UdpCarrier } from "./udp-carrier.ts";
import { UdpOutbox } from "./udp-outbox.ts";
import { type UdpPeer, UdpPeers } from "./udp-peer.ts";
import { UdpRequest, type UdpSender } from "./udp-request.ts";

/** Answers to who may not do what he asks for: a stranger gets them at once, without the text if that is too long for him. */
const REFUSALS: readonly number[] = [codeNumber("4.01"), codeNumber("4.03")];
const WITHOUT_TEXT = { options: [], payload: NO_BYTES } as const;

export interface UdpFrontOptions {
  readonly socket: DatagramSocket;
  readonly amplification: Amplification;
  readonly neighbours: Neighbours;
}

export class UdpFront implements UdpSender {
  readonly #engine: Engine;
  readonly #socket: DatagramSocket;
  readonly #peers: UdpPeers;
  readonly #outbox: UdpOutbox;
  readonly #deferred: DeferredRequests;
  readonly #leisure: Leisure;

  constructor(engine: Engine, { socket, amplification, neighbours }: UdpFrontOptions) {
    const { clock, limits, rates, signal, log } = engine;
    this.#engine = engine;
    this.#socket = socket;
    this.#outbox = new UdpOutbox({ engine, amplification, neighbours });
    this.#leisure = new Leisure(clock);
    this.#peers = new UdpPeers({
      clock,
      limits,
      signal,
      admit: (address) => ({
        isProven: this.#outbox.isExempt(address),
        isCertain: this.#outbox.isCertain(address),
        bucket: rates.of(address, clock.nowUs()),
      }),
      ascertained: (peer) => engine.ascertain(peer),
      evicted: (peer) => this.#outbox.reliability.forget(peer),
    });
    this.#deferred = new DeferredRequests(clock, (request) => this.#acknowledge(request));
    engine.keep(() => {
      this.#peers.expire();
      return this.#peers.size;
    });
    socket.attach({
      message: (bytes, address, port, local = socket) => this.#receive(bytes, local, address, port),
      failed: (error) => log.warn({ err: error }, `CoAP ${this.name}: socket error`),
    });
  }

  get address(): string {
    return this.#socket.address;
  }

  get port(): number {
    return this.#socket.port;
  }

  get name(): string {
    return endpointName(this.address, this.port);
  }

  /** How many remote endpoints are remembered. */
  get peers(): number {
    return this.#peers.size;
  }

  async close(): Promise<void> {
    this.#leisure.stop();
    this.#deferred.stop();
    this.#outbox.stop();
    await this.#socket.close();
  }

  /** From here on copies of the request find it running. */
  defer(request: UdpRequest): void {
    this.#deferred.begin(request);
  }

  respond(request: UdpRequest, answer: ReplyMessage): void {
    if (request.from.isProven || request.isMulticast || this.#fits(request, answer))
      this.#respond(request, answer);
    else if (REFUSALS.includes(answer.code)) this.#respond(request, { ...answer, ...WITHOUT_TEXT });
    else this.#afterProof(request, () => this.#respond(request, answer));
  }

  push({ from, message }: UdpRequest, { code, options, payload }: ReplyMessage): boolean {
    const verdict = from.bucket?.take(this.#engine.clock.nowUs()) ?? "allowed";
    if (!from.isProven || verdict !== "allowed") return false;
    const head = { type: NON, messageId: from.nextMessageId(), token: message.token } as const;
    this.#send(from, encodeMessage({ ...head, code, options, payload }));
    return true;
  }

  carry(request: UdpRequest, source: NotificationSource): NotificationCarrier {
    const carrier = new UdpCarrier(this.#outbox, request, source);
    request.carrier = carrier;
    return carrier;
  }

  #receive(bytes: Buffer, local: LocalSocket, address: string, port: number): void {
    const { counts, log } = this.#engine;
    counts.received += 1;
    try {
      if (!isCoap(bytes)) counts.malformed += 1;
      else this.#receiveMessage(bytes, this.#peers.at(local, address, port));
    } catch (error) {
      counts.failures += 1;
      const peer = endpointName(address, port);
      log.error({ err: error, peer }, "CoAP: a datagram could not be handled");
    }
  }

  // A malformed message is rejected by silence (RFC 7252 section 4.2 allows it): nothing to reflect to a forged address.
  #receiveMessage(bytes: Buffer, peer: UdpPeer | undefined): void {
    if (peer === undefined) return;
    peer.heardUs = this.#engine.clock.nowUs();
    this.#engine.wake();
    const message = decodeMessage(bytes);
    if (message === undefined) {
      this.#engine.counts.malformed += 1;
      return;
    }
    // Forged senders are on the way: nobody is believed unseen meanwhile.
    if (!peer.isCertain && peer.isProven && this.#engine.isCrowdedFor(peer)) this.#peers.doubt(peer);
    if (!peer.isProven) this.#outbox.heard(peer, bytes.length, message);
    const isRequest = classOf(message.code) === 0 && message.code !== EMPTY && message.type <= NON;
    if (peer.local.isMulticast === true) this.#groupRequest(message, peer);
    else if (isRequest) this.#request(message, peer);
    else this.#control(peer, message);
  }

  // Everything but requests: acknowledgements, resets, pings, and codes that have no place here.
  #control(peer: UdpPeer, { type, code, messageId }: CoapMessage): void {
    if (type === CON) this.#send(peer, emptyMessage(RST, messageId));
    else if (code !== EMPTY) return;
    else if (type === ACK) this.#outbox.settle(peer, messageId, "acknowledged");
    else if (type === RST && !this.#outbox.settle(peer, messageId, "reset")) this.#reset(peer, messageId);
  }

  // The peer has reset something that was not confirmable: a notification, or a block of a burst.
  #reset(peer: UdpPeer, messageId: number): void {
    for (const carrier of peer.carriers) if (carrier.hasSent(messageId)) return carrier.reset();
    this.#engine.hush(peer);
  }

  #request(message: CoapMessage, peer: UdpPeer): void {
    const verdict = peer.bucket?.take(peer.heardUs) ?? "allowed";
    if (verdict !== "allowed") return this.#limit(message, peer, verdict === "refused");
    if (!peer.duplicates.isEmpty && this.#isDuplicate(message, peer)) return;
    if (this.#outbox.isFull(peer)) return this.#limit(message, peer, true);
    const request = new UdpRequest(message, this.#engine.open(message, peer), peer, this);
    // Only a confirmable one is told so (RFC 7252 section 5.4.1).
    if (message.type === NON && request.hasBadOption) {
      this.#engine.counts.malformed += 1;
      return;
    }
    // Nobody else can protect a message with that key, nor send it twice.
    if (request.opened?.identity !== undefined && request.opened.reply === undefined) peer.prove();
    if (peer.isProven || isHarmless(request, this.#engine.isCrowdedFor(peer)))
      return this.#engine.handle(request);
    // Who may not do it need not prove anything, and nothing waits for him.
    if (this.#engine.refuses(request)) return;
    this.#afterProof(request, () => this.#engine.handle(request));
  }

  // Meanwhile copies find the request running, and are acknowledged.
  #afterProof(request: UdpRequest, then: () => void): void {
    this.#deferred.begin(request, PROOF_WITHIN_US);
    this.#outbox.afterProof(request, then, () => this.#deferred.end(request));
  }

  // Only discovery: of anything else every server of the network would do or tell the same (RFC 7252 section 8). What the
  // client should learn of an error it learns from one server alone.
  #groupRequest(message: CoapMessage, peer: UdpPeer): void {
    if (message.type !== NON || peer.bucket?.take(peer.heardUs) === "silent") return;
    const request = new UdpRequest(message, undefined, peer, this);
    const { method, path, fault } = request;
    const isDiscovery = path.length === 2 && path[0] === ".well-known" && path[1] === "core";
    if (!isDiscovery || !isSafe(method) || fault !== undefined) return;
    request.isMulticast = true;
    request.observe = undefined;
    request.block1 = undefined;
    // RFC 9177 section 5: no bursts from many servers at once.
    if (request.wanted.length > 0) return;
    this.#leisure.after(`${peer.key} ${request.duplicateKey}`, () => this.#engine.handle(request));
  }

  /** Refuses a request, or drops it. */
  #limit({ type, messageId, token }: CoapMessage, peer: UdpPeer, isTold: boolean): void {
    this.#engine.counts.limited += 1;
    if (!isTold) return;
    const head: Pick<CoapMessage, "type" | "messageId"> =
      type === CON ? { type: ACK, messageId } : { type: NON, messageId: peer.nextMessageId() };
    const options = [uintOption(OPTION.MAX_AGE, TRY_AGAIN_S)];
    this.#send(peer, encodeMessage({ ...head, code: TOO_MANY, token, options, payload: NO_BYTES }));
  }

  #isDuplicate({ messageId, token, type }: CoapMessage, peer: UdpPeer): boolean {
    const key = duplicateKey(messageId, token);
    const running = peer.duplicates.running(key);
    const reply = running === undefined ? peer.duplicates.replyTo(key) : emptyMessage(ACK, messageId);
    if (reply === undefined) return false;
    this.#engine.counts.duplicates += 1;
    if (type !== CON || reply.length === 0) return true;
    if (running !== undefined) running.isAcknowledged = true;
    this.#send(peer, reply);
    return true;
  }

  /** Whether an address that has not proven itself may get the answer. */
  #fits(
    { from, message: { token } }: UdpRequest,
    { code, options, payload, isUnwanted }: ReplyMessage,
  ): boolean {
    const bytes = encodeMessage({ type: NON, messageId: 0, code, token, options, payload });
    return isUnwanted || this.#outbox.mayGet(from, bytes);
  }

  #respond(request: UdpRequest, answer: ReplyMessage): void {
    if (request.isDeferred) this.#deferred.end(request);
    const sent = this.#transmit(request, answer);
    // A copy of a protected request would be taken for a replay, one of the last block of an upload for a gap; one of a
    // request for a large answer would pin a newer one while the client reads on in the first, one for a burst send it twice.
    const isOnce = request.opened !== undefined || request.block1 !== undefined || request.wanted.length > 0;
    const canRepeat = !isOnce && (request.isRepeatable || (isSafe(request.method) && !answer.hasMore));
    if (!canRepeat || request.isAcknowledged) request.from.duplicates.end(request.duplicateKey, sent);
  }

  /** Sends the answer; returns what a copy of the request gets, nothing for a NON. */
  #transmit(request: UdpRequest, { code, options, payload, isUnwanted }: ReplyMessage): Buffer {
    const { from, message, type, messageId } = request;
    if (request.isMulticast && (classOf(code) !== 2 || payload.length === 0)) return NO_BYTES;
    if (isUnwanted) return this.#transmitNothing(request);
    const { token } = message;
    if (type === CON && !request.isAcknowledged) {
      const bytes = encodeMessage({ type: ACK, code, messageId, token, options, payload });
      this.#send(from, bytes);
      return bytes;
    }
    const own = from.nextMessageId();
    request.carrier?.remember(own);
    const bytes = encodeMessage({ type, code, messageId: own, token, options, payload });
    if (type === CON) this.#outbox.sendConfirmable(request, own, bytes);
    else this.#send(from, bytes);
    return type === CON ? emptyMessage(ACK, messageId) : NO_BYTES;
  }

  #transmitNothing({ from, type, messageId, isAcknowledged }: UdpRequest): Buffer {
    if (type !== CON) return NO_BYTES;
    const bytes = emptyMessage(ACK, messageId);
    if (!isAcknowledged) this.#send(from, bytes);
    return bytes;
  }

  #acknowledge({ from, messageId }: UdpRequest): void {
    this.#send(from, emptyMessage(ACK, messageId));
  }

  #send(peer: UdpPeer, bytes: Buffer): void {
    this.#outbox.send(peer, bytes);
  }
}

// An observation or a burst is much to be sent for one datagram, the blocks of a body take memory, and nobody moves a shutter
// from a forged address. What is refused anyway does nothing. To read takes up the server, too, when the handler is slow.
function isHarmless(request: UdpRequest, isCrowded: boolean): boolean {
  const { method, observe, block1, fault, opened, wanted } = request;
  if (fault !== undefined || opened?.reply !== undefined) return true;
  return isSafe(method) && observe !== 0 && block1 === undefined && wanted.length === 0 && !isCrowded;
}

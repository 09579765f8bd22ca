// The message layer of UDP (RFC 7252 section 4): datagrams in, requests to the engine, answers out. Message types and
// identifiers, copies, acknowledgements, resets and retransmission end here.
// Nothing that arrives ends the process: bad datagrams are dropped.

import { type CoapMessage, decodeMessage, emptyMessage, encodeMessage, isCoap, NO_BYTES } from "./codec.ts";
import { ACK, classOf, CON, EMPTY, isSafe, NON, RST } from "./codes.ts";
import { duplicateKey } from "./deduplication.ts";
import { DeferredRequests } from "./deferred.ts";
import type { Engine } from "./engine.ts";
import { Reliability } from "./reliability.ts";
import type { NotificationCarrier, NotificationSource } from "./request.ts";
import type { ReplyMessage } from "./response.ts";
import { type DatagramSocket, endpointName } from "./udp.ts";
import { UdpCarrier, type UdpCarrierHost } from "./udp-carrier.ts";
import { type UdpPeer, UdpPeers } from "./udp-peer.ts";
import { UdpRequest, type UdpSender } from "./udp-request.ts";

export class UdpFront implements UdpSender {
  readonly #engine: Engine;
  readonly #socket: DatagramSocket;
  readonly #peers: UdpPeers;
  readonly #reliability: Reliability<UdpPeer>;
  readonly #deferred: DeferredRequests;
  readonly #carrierHost: UdpCarrierHost;

  constructor(engine: Engine, socket: DatagramSocket) {
    const { clock, limits, signal, log } = engine;
    this.#engine = engine;
    this.#socket = socket;
    this.#peers = new UdpPeers(clock, limits, signal);
    this.#deferred = new DeferredRequests(clock, (request) => this.#acknowledge(request));
    const send = (peer: UdpPeer, bytes: Buffer): void => this.#send(peer, bytes);
    const retransmitted = (): void => void (engine.counts.retransmissions += 1);
    this.#reliability = new Reliability({ clock, send, retransmitted });
    this.#carrierHost = { reliability: this.#reliability, nowUs: () => clock.nowUs(), send };
    engine.keep(() => {
      this.#peers.expire();
      return this.#peers.size;
    });
    socket.attach({
      message: (bytes, address, port) => this.#receive(bytes, address, port),
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
    this.#deferred.stop();
    this.#reliability.stop();
    await this.#socket.close();
  }

  /** From here on copies of the request find it running. */
  defer(request: UdpRequest): void {
    this.#deferred.begin(request);
  }

  respond(request: UdpRequest, answer: ReplyMessage): void {
    if (request.isDeferred) this.#deferred.end(request);
    const sent = this.#transmit(request, answer);
    // A copy of a protected request would be taken for a replay, one of the last block of an upload for a gap.
    const isOnce = request.opened !== undefined || request.block1 !== undefined;
    const canRepeat = !isOnce && (request.isRepeatable || isSafe(request.method));
    if (!canRepeat || request.isAcknowledged) request.from.duplicates.end(request.duplicateKey, sent);
  }

  carry(request: UdpRequest, source: NotificationSource): NotificationCarrier {
    return new UdpCarrier(this.#carrierHost, request, source);
  }

  #receive(bytes: Buffer, address: string, port: number): void {
    const { counts, log } = this.#engine;
    counts.received += 1;
    try {
      if (!isCoap(bytes)) counts.malformed += 1;
      else this.#receiveMessage(bytes, this.#peers.at(address, port));
    } catch (error) {
      counts.failures += 1;
      log.error({ err: error, peer: endpointName(address, port) }, "CoAP: a datagram could not be handled");
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
    const isRequest = classOf(message.code) === 0 && message.code !== EMPTY && message.type <= NON;
    if (isRequest) this.#request(message, peer);
    else this.#control(peer, message);
  }

  // Everything but requests: acknowledgements, resets, pings, and codes that have no place here.
  #control(peer: UdpPeer, { type, code, messageId }: CoapMessage): void {
    if (type === CON) this.#send(peer, emptyMessage(RST, messageId));
    else if (code !== EMPTY) return;
    else if (type === ACK) this.#reliability.settle(peer, messageId, "acknowledged");
    else if (type === RST && !this.#reliability.settle(peer, messageId, "reset")) reset(peer, messageId);
  }

  #request(message: CoapMessage, peer: UdpPeer): void {
    if (!peer.duplicates.isEmpty && this.#isDuplicate(message, peer)) return;
    this.#engine.handle(new UdpRequest(message, this.#engine.open(message, peer), peer, this));
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

  /** Sends the answer; returns what a copy of the request gets, nothing for a NON. */
  #transmit(request: UdpRequest, { code, options, payload, isUnwanted }: ReplyMessage): Buffer {
    const { from, message, type, messageId } = request;
    const { token } = message;
    if (type === CON && !request.isAcknowledged) {
      const bytes = isUnwanted
        ? emptyMessage(ACK, messageId)
        : encodeMessage({ type: ACK, code, messageId, token, options, payload });
      this.#send(from, bytes);
      return bytes;
    }
    const own = from.nextMessageId();
    if (isUnwanted) return type === CON ? emptyMessage(ACK, messageId) : NO_BYTES;
    const bytes = encodeMessage({ type, code, messageId: own, token, options, payload });
    if (type !== CON) {
      this.#send(from, bytes);
      return NO_BYTES;
    }
    this.#sendConfirmable(from, own, bytes);
    return emptyMessage(ACK, messageId);
  }

  #sendConfirmable(peer: UdpPeer, messageId: number, bytes: Buffer): void {
    this.#reliability.whenFree(peer, () =>
      this.#reliability.transmit(peer, {
        messageId,
        bytes,
        settled: (outcome) => void (this.#engine.counts.abandoned += outcome === "abandoned" ? 1 : 0),
      }),
    );
  }

  #acknowledge({ from, messageId }: UdpRequest): void {
    this.#send(from, emptyMessage(ACK, messageId));
  }

  #send(peer: UdpPeer, bytes: Buffer): void {
    this.#engine.counts.sent += 1;
    this.#socket.send(bytes, peer.port, peer.address);
  }
}

// The peer has reset a notification that was not confirmable.
function reset(peer: UdpPeer, messageId: number): void {
  for (const carrier of peer.carriers) {
    if (carrier.hasSent(messageId)) return carrier.reset();
  }
}

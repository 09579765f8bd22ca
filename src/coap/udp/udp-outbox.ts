// What leaves by datagram: one confirmable message per client at a time, answers that wait for their turn in bounded queues,
// and to an address that has not proven itself no more than proof.ts allows. A client that acknowledges nothing is given up
// with all that waits for it.

import type { CoapMessage } from "../message/codec.ts";
import { encodeMessage, NO_BYTES } from "../message/codec.ts";
import { ACK, CON, codeNumber, NON } from "../message/codes.ts";
import type { Engine } from "../engine/engine.ts";
import type { Neighbours } from "../network/neighbours.ts";
import { bytesOption, OPTION } from "../message/options.ts";
import { type Amplification, Proofs } from "./proof.ts";
import { type Confirmable, type Outcome, Reliability } from "./reliability.ts";
import type { UdpPeer } from "./udp-peer.ts";
import type { UdpRequest } from "./udp-request.ts";
import { Waiting } from "./waiting.ts";

export interface UdpOutboxOptions {
  readonly engine: Engine;
  readonly amplification: Amplification;
  readonly neighbours: Neighbours;
}

const UNAUTHORIZED = codeNumber("4.01");

export class UdpOutbox {
  readonly reliability: Reliability<UdpPeer>;
  readonly #engine: Engine;
  readonly #proofs: Proofs;
  /** What waits for its turn. */
  readonly #waiting: Waiting;

  constructor({ engine, amplification: policy, neighbours }: UdpOutboxOptions) {
    const { clock } = engine;
    this.#engine = engine;
    this.#waiting = new Waiting(engine.limits);
    this.#proofs = new Proofs({ policy, clock, neighbours, failed: (peer) => this.lose(peer) });
    this.reliability = new Reliability({
      clock,
      send: (peer, bytes) => this.send(peer, bytes),
      retransmitted: () => void (engine.counts.retransmissions += 1),
      before: (peer) => this.#challenge(peer),
    });
  }

  nowUs(): number {
    return this.#engine.clock.nowUs();
  }

  /** Whether the address is believed unseen. */
  isExempt(address: string): boolean {
    return this.#proofs.isExempt(address);
  }

  /** Whether the address can never be doubted. */
  isCertain(address: string): boolean {
    return this.#proofs.isCertain(address);
  }

  /** Counts what has come from an address that has not proven itself. */
  heard(peer: UdpPeer, bytes: number, message: CoapMessage): void {
    this.#proofs.heard(peer, bytes, message);
  }

  /** Sends, unless the address has not proven itself and got enough for what came from it. */
  send(peer: UdpPeer, bytes: Buffer): void {
    const { counts } = this.#engine;
    if (!peer.isProven) {
      if (!this.mayGet(peer, bytes)) {
        counts.withheld += 1;
        return;
      }
      peer.credit -= bytes.length;
    }
    counts.sent += 1;
    peer.local.send(bytes, peer.port, peer.address);
  }

  mayGet({ isProven, credit }: UdpPeer, bytes: Buffer): boolean {
    return isProven || bytes.length <= credit;
  }

  /** Whether no more answers to the peer may wait, so that another request of it must not run. */
  isFull(peer: UdpPeer): boolean {
    return this.#waiting.isFull(peer);
  }

  /** Sends an answer that is to be acknowledged, in its turn. */
  sendConfirmable(request: UdpRequest, messageId: number, bytes: Buffer): void {
    const { from } = request;
    this.#wait(request, (end) => {
      const settled = (outcome: Outcome): void => {
        end();
        if (outcome === "abandoned") this.lose(from);
      };
      this.reliability.transmit(from, { messageId, bytes, settled });
    });
  }

  /** Calls `then` when the peer has proven its address; asks it to by a ping. Otherwise calls `failed`. */
  afterProof(request: UdpRequest, then: () => void, failed: () => void = () => {}): void {
    const granted = (end: () => void): void => {
      end();
      try {
        then();
      } finally {
        this.reliability.release(request.from);
      }
    };
    this.#wait(request, granted, failed);
  }

  /** An acknowledgement or a reset of what was sent confirmably; false when there is no such message. */
  settle(peer: UdpPeer, messageId: number, outcome: "acknowledged" | "reset"): boolean {
    const isProof = this.#proofs.mayGuess(peer);
    if (peer.line.outstanding?.messageId !== messageId || !(isProof || peer.isProven)) {
      peer.guesses += 1;
      return false;
    }
    // Nobody else knows the identifier.
    if (isProof) peer.prove();
    return this.reliability.settle(peer, messageId, outcome);
  }

  /** Gives up a peer that acknowledges nothing, with all that waits for it. */
  lose(peer: UdpPeer): void {
    if (peer.isProven) this.#engine.counts.abandoned += 1;
    this.reliability.drop(peer);
    this.#engine.forget(peer);
  }

  stop(): void {
    this.reliability.stop();
  }

  /** `granted` gets what it must call when nothing waits any more. */
  #wait(request: UdpRequest, granted: (end: () => void) => void, dropped: () => void = () => {}): void {
    const { counts } = this.#engine;
    const oldest = request.from.isProven ? undefined : this.#waiting.oldestFor(request.from);
    if (oldest !== undefined) this.reliability.drop(oldest);
    const end = this.#waiting.begin(request);
    this.reliability.whenFree(request.from, {
      granted: () => granted(end),
      dropped: () => {
        end();
        counts.dropped += 1;
        dropped();
        if (!request.from.isProven) this.#askForEcho(request);
      },
    });
  }

  #challenge(peer: UdpPeer): Confirmable | undefined {
    const ping = this.#proofs.ping(peer);
    if (ping !== undefined) this.#engine.counts.challenges += 1;
    return ping;
  }

  // To a client that answers no pings. Nothing of the request has had an effect yet, so it can be sent again.
  #askForEcho(request: UdpRequest): void {
    const { from, message, type, messageId } = request;
    const isPiggybacked = type === CON && !request.isAcknowledged;
    const head: Pick<CoapMessage, "type" | "messageId"> = isPiggybacked
      ? { type: ACK, messageId }
      : { type: NON, messageId: from.nextMessageId() };
    const options = [bytesOption(OPTION.ECHO, this.#proofs.echoFor(from))];
    this.send(
      from,
      encodeMessage({ ...head, code: UNAUTHORIZED, token: message.token, options, payload: NO_BYTES }),
    );
  }
}

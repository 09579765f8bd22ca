// The notifications of one observation by datagram: confirmable ones in turn with all that goes to the peer, others at once.

import { CON, type MessageType, NON } from "../message/codes.ts";
import { encodeMessage } from "../message/codec.ts";
import type { Outcome, Reliability } from "./reliability.ts";
import type { NotificationCarrier, NotificationSource } from "../engine/request.ts";
import type { ReplyMessage } from "../engine/response.ts";
import type { Resettable, UdpPeer } from "./udp-peer.ts";
import type { UdpRequest } from "./udp-request.ts";

/** A client that registered with NON gets a confirmable notification at least this often, to learn whether it lives. */
const CONFIRM_EVERY = 20;
const CONFIRM_AFTER_US = 30_000_000;

/** RST names only the identifier of a message; this many are remembered per observation. */
const REMEMBERED = 8;

export interface UdpCarrierHost {
  readonly reliability: Reliability<UdpPeer>;
  /** The peer acknowledges nothing any more. */
  lose(peer: UdpPeer): void;
  nowUs(): number;
  send(peer: UdpPeer, bytes: Buffer): void;
}

export class UdpCarrier implements NotificationCarrier, Resettable {
  readonly #host: UdpCarrierHost;
  readonly #request: UdpRequest;
  readonly #source: NotificationSource;
  readonly #messageIds: number[] = [];
  #isConfirmable = false;
  #sinceConfirmed = 0;
  #confirmedUs: number;

  constructor(host: UdpCarrierHost, request: UdpRequest, source: NotificationSource) {
    this.#host = host;
    this.#request = request;
    this.#source = source;
    this.#confirmedUs = host.nowUs();
    request.from.carriers.add(this);
  }

  reserve(): boolean {
    this.#isConfirmable = this.#mustConfirm();
    if (!this.#isConfirmable) return true;
    let isNow = true;
    let isGranted = false;
    this.#host.reliability.whenFree(this.#request.from, {
      granted: () => {
        isGranted = true;
        if (!isNow) this.#source.granted();
      },
    });
    isNow = false;
    return isGranted;
  }

  release(): void {
    if (this.#isConfirmable) this.#host.reliability.release(this.#request.from);
  }

  send(message: ReplyMessage): void {
    if (this.#isConfirmable) {
      const settled = (outcome: Outcome): void => {
        if (outcome === "abandoned") this.#host.lose(this.#request.from);
        this.#source.settled(DELIVERIES[outcome]);
      };
      const { messageId, bytes } = this.#encode(message, CON);
      this.#host.reliability.transmit(this.#request.from, { messageId, bytes, settled });
    } else {
      this.sendLast(message);
      this.#source.settled("delivered");
    }
  }

  sendLast(message: ReplyMessage): void {
    this.#host.send(this.#request.from, this.#encode(message, NON).bytes);
  }

  close(): void {
    this.#request.from.carriers.delete(this);
  }

  /** Notes the identifier of a message that a reset may name: of a notification, or of the answer to the registration. */
  remember(messageId: number): void {
    if (this.#messageIds.length === REMEMBERED) this.#messageIds.shift();
    this.#messageIds.push(messageId);
  }

  hasSent(messageId: number): boolean {
    return this.#messageIds.includes(messageId);
  }

  reset(): void {
    this.#source.settled("refused");
  }

  #mustConfirm(): boolean {
    const { type, confirmsNotifications, from } = this.#request;
    if (type === CON || confirmsNotifications || !from.isProven) return true;
    const nowUs = this.#host.nowUs();
    this.#sinceConfirmed += 1;
    if (this.#sinceConfirmed < CONFIRM_EVERY && nowUs - this.#confirmedUs < CONFIRM_AFTER_US) return false;
    this.#sinceConfirmed = 0;
    this.#confirmedUs = nowUs;
    return true;
  }

  #encode({ code, options, payload }: ReplyMessage, type: MessageType) {
    const messageId = this.#request.from.nextMessageId();
    this.remember(messageId);
    const { token } = this.#request.message;
    return { messageId, bytes: encodeMessage({ type, code, messageId, token, options, payload }) };
  }
}

const DELIVERIES = {
  acknowledged: "delivered",
  cancelled: "delivered",
  reset: "refused",
  abandoned: "lost",
} as const satisfies Record<Outcome, string>;

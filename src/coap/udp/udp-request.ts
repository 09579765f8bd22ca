// A request that came in a datagram: what the message layer remembers of it until it is answered.

import type { CoapMessage } from "../message/codec.ts";
import type { MessageType } from "../message/codes.ts";
import { duplicateKey, type Running } from "./deduplication.ts";
import type { Opened } from "../engine/guard.ts";
import { type NotificationCarrier, type NotificationSource, Request } from "../engine/request.ts";
import type { ReplyMessage } from "../engine/response.ts";
import type { Resettable, UdpPeer } from "./udp-peer.ts";

/** The message layer, as requests see it. */
export interface UdpSender {
  defer(request: UdpRequest): void;
  respond(request: UdpRequest, answer: ReplyMessage): void;
  push(request: UdpRequest, answer: ReplyMessage): boolean;
  carry(request: UdpRequest, source: NotificationSource): NotificationCarrier;
}

export class UdpRequest extends Request implements Running {
  declare readonly from: UdpPeer;
  readonly type: MessageType;
  readonly messageId: number;
  isDeferred = false;
  /** An empty acknowledgement was sent: the answer must be a message of its own. */
  isAcknowledged = false;
  /** Set while the request observes. */
  carrier: Resettable | undefined;
  /** When the acknowledgement is due, while the handler runs. */
  acknowledgeAtUs = 0;
  readonly #sender: UdpSender;

  constructor(received: CoapMessage, opened: Opened | undefined, from: UdpPeer, sender: UdpSender) {
    super(received, opened, from);
    this.type = received.type;
    this.messageId = received.messageId;
    this.#sender = sender;
  }

  /** Equal for all copies of the request. */
  get duplicateKey(): string {
    return duplicateKey(this.messageId, this.message.token);
  }

  defer(): void {
    this.#sender.defer(this);
  }

  respond(answer: ReplyMessage): void {
    this.#sender.respond(this, answer);
  }

  override push(answer: ReplyMessage): boolean {
    return this.#sender.push(this, answer);
  }

  carry(source: NotificationSource): NotificationCarrier {
    return this.#sender.carry(this, source);
  }
}

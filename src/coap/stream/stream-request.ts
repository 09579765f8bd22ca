// A request that came over a connection, and the notifications of what it observes. Nothing is acknowledged here: the
// connection delivers, and what it has taken counts as delivered.

import type { Content, Message } from "../message/codec.ts";
import type { Opened } from "../engine/guard.ts";
import type { Peer } from "../engine/peer.ts";
import { type NotificationCarrier, type NotificationSource, Request } from "../engine/request.ts";
import type { ReplyMessage } from "../engine/response.ts";

/** The connection, as its requests see it. */
export interface StreamSender extends Peer {
  respond(token: Buffer, answer: ReplyMessage): void;
  send(token: Buffer, notification: Content): void;
  reserve(carrier: StreamCarrier): boolean;
  giveBack(): void;
  forget(carrier: StreamCarrier): void;
}

export class StreamRequest extends Request {
  declare readonly from: StreamSender;

  constructor(received: Message, opened: Opened | undefined, from: StreamSender) {
    super(received, opened, from);
  }

  defer(): void {}

  respond(answer: ReplyMessage): void {
    this.from.respond(this.message.token, answer);
  }

  carry(source: NotificationSource): NotificationCarrier {
    return new StreamCarrier(this.from, this.message.token, source);
  }
}

export class StreamCarrier implements NotificationCarrier {
  readonly #sender: StreamSender;
  readonly #token: Buffer;
  readonly #source: NotificationSource;

  constructor(sender: StreamSender, token: Buffer, source: NotificationSource) {
    this.#sender = sender;
    this.#token = token;
    this.#source = source;
  }

  reserve(): boolean {
    return this.#sender.reserve(this);
  }

  granted(): void {
    this.#source.granted();
  }

  release(): void {
    this.#sender.giveBack();
  }

  send(message: ReplyMessage): void {
    this.#sender.send(this.#token, message);
    this.#source.settled("delivered");
    this.#sender.giveBack();
  }

  sendLast(message: ReplyMessage): void {
    this.#sender.send(this.#token, message);
  }

  close(): void {
    this.#sender.forget(this);
  }
}

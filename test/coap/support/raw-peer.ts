// A peer that sends and sees single datagrams, over real UDP on loopback. `settled` tells what the server has sent so
// far without waiting for time to pass: it pings, and all that the server sent before the reset to the ping is here by then.

import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import {
  type CoapMessage,
  decodeMessage,
  encodeMessage,
  NO_BYTES,
  sortOptions,
} from "../../../src/coap/message/codec.ts";
import { classOf, CON, codeText, EMPTY, type MessageType, RST } from "../../../src/coap/message/codes.ts";
import {
  bytesOption,
  type CoapOption,
  OPTION,
  textOption,
  uintOption,
} from "../../../src/coap/message/options.ts";
import { Inbox } from "./inbox.ts";

export const CODE = { GET: 1, POST: 2, PUT: 3, DELETE: 4, FETCH: 5 } as const;

export interface RawRequest {
  readonly type?: MessageType;
  readonly code?: number;
  readonly path?: string;
  readonly token?: string;
  readonly messageId?: number;
  /** Option numbers with integer, text or bytes. */
  readonly options?: readonly (readonly [number: number, value: number | string | Buffer])[];
  readonly payload?: Uint8Array;
}

export class RawPeer {
  readonly #socket: Socket;
  readonly #received = new Inbox<CoapMessage>();
  #messageId = 1;

  static async open(
    port: number,
    { address = "127.0.0.1", from }: { readonly address?: string; readonly from?: string } = {},
  ): Promise<RawPeer> {
    const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
    socket.bind(0, from ?? address);
    await once(socket, "listening");
    socket.connect(port, address);
    await once(socket, "connect");
    return new RawPeer(socket);
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("message", (bytes) => {
      const message = decodeMessage(bytes);
      if (message === undefined)
        throw new Error(`the server sent a malformed datagram: ${bytes.toString("hex")}`);
      this.#received.push(message);
    });
  }

  sendBytes(bytes: Buffer): void {
    this.#socket.send(bytes);
  }

  /** Sends a request and returns its message identifier. */
  send(request: RawRequest): number {
    const messageId = request.messageId ?? this.nextMessageId();
    this.sendBytes(requestBytes({ ...request, messageId }));
    return messageId;
  }

  /** Sends a request and returns the first thing that comes back. */
  async ask(request: RawRequest): Promise<CoapMessage> {
    this.send(request);
    return this.next();
  }

  empty(type: MessageType, messageId: number): void {
    this.sendBytes(
      encodeMessage({ type, code: EMPTY, messageId, token: NO_BYTES, options: [], payload: NO_BYTES }),
    );
  }

  /** The next message from the server, in order of arrival. */
  async next(): Promise<CoapMessage> {
    const message = await this.#received.next();
    if (message === undefined) throw new Error("the peer is closed");
    return message;
  }

  /** All that the server has sent up to now and that was not taken. */
  async settled(): Promise<readonly CoapMessage[]> {
    const messageId = this.nextMessageId();
    this.empty(CON, messageId);
    const messages: CoapMessage[] = [];
    for (;;) {
      const message = await this.next();
      if (message.type === RST && message.messageId === messageId) return messages;
      messages.push(message);
    }
  }

  nextMessageId(): number {
    this.#messageId = (this.#messageId + 1) & 0xffff;
    return this.#messageId;
  }

  close(): void {
    this.#received.end();
    this.#socket.close();
  }
}

export function requestBytes(request: RawRequest): Buffer {
  const {
    type = CON,
    code = CODE.GET,
    path = "",
    token = "token",
    messageId = 1,
    payload = NO_BYTES,
  } = request;
  const segments = path.split("/").filter((segment) => segment !== "");
  const options = sortOptions([
    ...segments.map((segment) => textOption(OPTION.URI_PATH, segment)),
    ...(request.options ?? []).map(([number, value]) => optionOf(number, value)),
  ]);
  return encodeMessage({ type, code, messageId, token: Buffer.from(token, "latin1"), options, payload });
}

function optionOf(number: number, value: number | string | Buffer): CoapOption {
  if (typeof value === "number") return uintOption(number, value);
  return typeof value === "string" ? textOption(number, value) : bytesOption(number, value);
}

const TYPES = ["CON", "NON", "ACK", "RST"];

/** A message in short: "ACK 2.05". */
export function brief({ type, code }: CoapMessage): string {
  return `${TYPES[type]} ${classOf(code) === 0 && code === 0 ? "0.00" : codeText(code)}`;
}

export function briefs(messages: readonly CoapMessage[]): readonly string[] {
  return messages.map(brief);
}

export function textOf(message: Pick<CoapMessage, "payload">): string {
  return Buffer.from(message.payload).toString();
}

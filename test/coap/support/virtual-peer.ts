// A peer on the virtual network that sends and sees single datagrams.

import type { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { type CoapMessage, decodeMessage, emptyMessage } from "../../../src/coap/message/codec.ts";
import { type ACK, CON, EMPTY, RST } from "../../../src/coap/message/codes.ts";
import { brief, type RawRequest, requestBytes } from "./raw-peer.ts";
import type { VirtualNetwork, VirtualSocket } from "./virtual-network.ts";

export interface VirtualPeerOptions {
  readonly clock: VirtualClock;
  readonly network: VirtualNetwork;
  readonly address: string;
  readonly port?: number;
  readonly server: { readonly address: string; readonly port: number };
}

export class VirtualPeer {
  /** Whether pings are answered, as every client does. */
  answersPings = false;
  /** Bytes that went to the server, and that came from it. */
  sentBytes = 0;
  receivedBytes = 0;
  readonly received: CoapMessage[] = [];
  readonly #options: VirtualPeerOptions;
  readonly #socket: VirtualSocket;

  constructor(options: VirtualPeerOptions) {
    this.#options = options;
    this.#socket = options.network.socket(options.address, options.port ?? 4000);
    this.#socket.attach({ message: (bytes) => this.#receive(bytes), failed: () => {} });
  }

  sendBytes(bytes: Buffer): void {
    this.sentBytes += bytes.length;
    const { address, port } = this.#options.server;
    this.#socket.send(bytes, port, address);
  }

  send(request: RawRequest): void {
    this.sendBytes(requestBytes(request));
  }

  empty(type: typeof ACK | typeof RST, messageId: number): void {
    this.sendBytes(emptyMessage(type, messageId));
  }

  /** Sends, and returns what came within `us`, in short. */
  async ask(request: RawRequest, us = 1_000_000): Promise<readonly string[]> {
    const before = this.received.length;
    this.send(request);
    await this.#options.clock.advance(us);
    return this.received.slice(before).map(brief);
  }

  #receive(bytes: Buffer): void {
    this.receivedBytes += bytes.length;
    const message = decodeMessage(bytes);
    if (message === undefined)
      throw new Error(`the server sent a malformed datagram: ${bytes.toString("hex")}`);
    this.received.push(message);
    const isPing = message.type === CON && message.code === EMPTY;
    if (isPing && this.answersPings) this.empty(RST, message.messageId);
  }
}

// A peer on a virtual network that sends single messages, repeats confirmable ones until they are acknowledged, and
// acknowledges what wants it: RFC 7252 without anything on top, so that a test sees each message of the server.

import type { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { NEVER } from "../../../src/base/abort.ts";
import { SECOND } from "../../../src/base/clock.ts";
import { type CoapMessage, decodeMessage, emptyMessage } from "../../../src/coap/message/codec.ts";
import { ACK, CON, EMPTY, RST } from "../../../src/coap/message/codes.ts";
import { type RawRequest, requestBytes } from "./raw-peer.ts";
import type { VirtualSocket } from "./virtual-network.ts";

const TRANSMISSIONS = 5;

export interface Home {
  readonly address: string;
  readonly port: number;
}

export class LossyPeer {
  /** All but empty messages, copies included, in order of arrival. */
  readonly received: CoapMessage[] = [];
  /** What happens to a confirmable or non-confirmable message of the server. */
  manner: "acknowledges" | "resets" | "ignores" = "acknowledges";
  readonly #clock: VirtualClock;
  readonly #socket: VirtualSocket;
  readonly #server: Home;
  readonly #acknowledged = new Set<number>();
  #messageId = 0;

  constructor(clock: VirtualClock, socket: VirtualSocket, server: Home) {
    this.#clock = clock;
    this.#socket = socket;
    this.#server = server;
    socket.attach({ message: (bytes) => this.#receive(bytes), failed: () => {} });
  }

  /** Sends a message once; returns its identifier. */
  tell(request: RawRequest): number {
    const messageId = request.messageId ?? ++this.#messageId;
    this.#send(requestBytes({ ...request, messageId }));
    return messageId;
  }

  /** Sends a confirmable message until it is acknowledged; false when that never happened. */
  async confirm(request: RawRequest): Promise<boolean> {
    const messageId = ++this.#messageId;
    for (let transmission = 0; transmission < TRANSMISSIONS; transmission++) {
      this.tell({ ...request, type: CON, messageId });
      await this.#clock.delay(2 * SECOND * 2 ** transmission, NEVER);
      if (this.#acknowledged.has(messageId)) return true;
    }
    return false;
  }

  /** The answers and notifications with this token. */
  to(token: string): readonly CoapMessage[] {
    return this.received.filter((message) => message.token.toString("latin1") === token);
  }

  #receive(bytes: Buffer): void {
    const message = decodeMessage(bytes);
    if (message === undefined)
      throw new Error(`the server sent a malformed datagram: ${bytes.toString("hex")}`);
    const { type, code, messageId } = message;
    if (type === ACK || type === RST) this.#acknowledged.add(messageId);
    if (code === EMPTY) return;
    this.received.push(message);
    if (type === ACK || this.manner === "ignores") return;
    if (this.manner === "resets") this.#send(emptyMessage(RST, messageId));
    else if (type === CON) this.#send(emptyMessage(ACK, messageId));
  }

  #send(bytes: Buffer): void {
    this.#socket.send(bytes, this.#server.port, this.#server.address);
  }
}

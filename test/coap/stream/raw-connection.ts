// A client of a connection that sends and sees single bytes and messages, over real TCP on loopback.

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Budget } from "../../../src/base/budget.ts";
import { decodeMessage, type Message, NO_BYTES } from "../../../src/coap/message/codec.ts";
import { encodeFrame, FrameReader } from "../../../src/coap/stream/frame.ts";
import { capabilitiesMessage, SIGNAL } from "../../../src/coap/stream/signals.ts";
import { Inbox } from "../support/inbox.ts";
import { type RawRequest, requestBytes } from "../support/raw-peer.ts";

const LIMIT_BYTES = 64 * 1024 * 1024;

export class RawConnection {
  readonly socket: Socket;
  readonly #received = new Inbox<Message>();

  static async open(port: number): Promise<RawConnection> {
    const socket = connect({ port, host: "127.0.0.1" });
    await once(socket, "connect");
    return new RawConnection(socket);
  }

  /** Opens one that has said what it can take, and has heard the same of the server. */
  static async introduced(port: number, maxMessageBytes = 1_000_000): Promise<RawConnection> {
    const connection = await RawConnection.open(port);
    connection.send(capabilitiesMessage(maxMessageBytes));
    await connection.next();
    return connection;
  }

  private constructor(socket: Socket) {
    this.socket = socket;
    const reader = new FrameReader(LIMIT_BYTES, new Budget(4 * LIMIT_BYTES));
    socket.on("data", (chunk: Buffer) => {
      const fact = reader.push(chunk, (message) => {
        this.#received.push(message);
        return true;
      });
      if (fact !== undefined) throw new Error(`the server sent ${fact}`);
    });
    socket.on("error", () => {});
    socket.on("close", () => this.#received.end());
  }

  send(message: Partial<Message> & Pick<Message, "code">): void {
    this.sendBytes(encodeFrame({ token: NO_BYTES, options: [], payload: NO_BYTES, ...message }));
  }

  sendBytes(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  ask(request: RawRequest): void {
    this.send(messageOf(request));
  }

  /** The next message from the server, or undefined when the connection has ended. */
  next(): Promise<Message | undefined> {
    return this.#received.next();
  }

  /** All that the server has sent up to now and that was not taken: it answers a ping after it. */
  async settled(): Promise<readonly Message[]> {
    this.send({ code: SIGNAL.PING, token: Buffer.from("settled!") });
    const messages: Message[] = [];
    for (;;) {
      const message = await this.next();
      if (message === undefined || message.token.toString() === "settled!") return messages;
      messages.push(message);
    }
  }

  /** All messages until the connection ends. */
  async rest(): Promise<readonly Message[]> {
    const messages: Message[] = [];
    for (let next = await this.next(); next !== undefined; next = await this.next()) messages.push(next);
    return messages;
  }

  close(): void {
    this.socket.destroy();
  }
}

/** A request as the tests of UDP write it, for a connection. */
export function messageOf(request: RawRequest): Message {
  const message = decodeMessage(requestBytes(request));
  if (message === undefined) throw new Error("not a request");
  const { code, token, options, payload } = message;
  return { code, token, options, payload };
}

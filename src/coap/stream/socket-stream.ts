// Messages over a TCP or TLS socket.

import type { Socket } from "node:net";
import type { Budget } from "../../base/budget.ts";
import { type Message, NO_BYTES } from "../message/codec.ts";
import type { CoapIdentity } from "../engine/peer.ts";
import { plainAddress } from "../network/udp.ts";
import { encodeFrame, encodeFrameHead, FrameReader } from "./frame.ts";
import type { MessageStream, StreamListener } from "./message-stream.ts";

/** Above this nothing is added to what waits to be sent. */
export const FULL_BYTES = 256 * 1024;

/** Larger payloads are handed to the socket as they are. */
const COPIED_BELOW = 16 * 1024;

export interface SocketStreamOptions {
  readonly transport: "tcp" | "tls";
  readonly identity?: CoapIdentity | undefined;
  /** Largest message. */
  readonly limitBytes: number;
  /** What all unfinished messages occupy. */
  readonly budget: Budget;
}

export class SocketStream implements MessageStream {
  readonly transport: "tcp" | "tls";
  readonly address: string;
  readonly port: number;
  readonly identity: CoapIdentity | undefined;
  readonly #socket: Socket;
  readonly #reader: FrameReader;
  #isBroken = false;
  #isPaused = false;
  #listener: StreamListener | undefined;

  constructor(socket: Socket, { transport, identity, limitBytes, budget }: SocketStreamOptions) {
    this.transport = transport;
    this.identity = identity;
    this.address = plainAddress(socket.remoteAddress ?? "");
    this.port = socket.remotePort ?? 0;
    this.#socket = socket;
    this.#reader = new FrameReader(limitBytes, budget);
    // Requests and answers are small and somebody waits for each.
    socket.setNoDelay(true);
  }

  get isFull(): boolean {
    return this.#socket.writableLength >= FULL_BYTES;
  }

  get unfinishedBytes(): number {
    return this.#reader.heldBytes;
  }

  attach(listener: StreamListener): void {
    let cause: Error | undefined;
    this.#listener = listener;
    this.#socket.on("data", (chunk: Buffer) => this.#push(chunk));
    this.#socket.on("drain", () => listener.drained());
    this.#socket.on("error", (error) => {
      cause = error;
    });
    this.#socket.once("close", () => {
      this.#isBroken = true;
      this.#reader.close();
      listener.closed(cause);
    });
  }

  send(message: Message): void {
    if (!this.#socket.writable) return;
    if (message.payload.length < COPIED_BELOW) this.#socket.write(encodeFrame(message));
    else {
      this.#socket.cork();
      this.#socket.write(encodeFrameHead(message));
      this.#socket.write(message.payload);
      this.#socket.uncork();
    }
  }

  pause(): void {
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#isPaused = false;
    // What has come before the pause first; it can pause again.
    this.#push(NO_BYTES);
    if (!this.#isPaused) this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#isBroken = true;
    this.#socket.destroy();
  }

  #push(chunk: Buffer): void {
    if (this.#isBroken) return;
    const fact = this.#reader.push(chunk, this.#deliver);
    if (fact === undefined || this.#isBroken) return;
    this.#isBroken = true;
    this.#listener?.broken(fact);
  }

  readonly #deliver = (message: Message): boolean => {
    this.#listener?.message(message);
    return !this.#isPaused && !this.#isBroken;
  };
}

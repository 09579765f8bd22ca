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

/** A long message is handed to the socket in pieces of this size, so that it is seen how much of it the peer has taken. */
const PIECE_BYTES = 64 * 1024;

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
  readonly largestSentBytes = 8 * 1024 * 1024;
  readonly #socket: Socket;
  /** What the socket has not got yet. */
  readonly #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #isEnding = false;
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
    return this.#waitingBytes + this.#socket.writableLength >= FULL_BYTES;
  }

  get takenBytes(): number {
    return this.#socket.bytesWritten - this.#socket.writableLength;
  }

  get unfinishedBytes(): number {
    return this.#reader.heldBytes;
  }

  attach(listener: StreamListener): void {
    let cause: Error | undefined;
    this.#listener = listener;
    this.#socket.on("data", (chunk: Buffer) => this.#push(chunk));
    this.#socket.on("drain", () => {
      this.#writeOn();
      if (!this.#socket.writableNeedDrain) listener.drained();
    });
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
    if (!this.#socket.writable || this.#isEnding) return;
    const { payload } = message;
    if (payload.length < COPIED_BELOW) this.#write(encodeFrame(message));
    else {
      this.#socket.cork();
      this.#write(encodeFrameHead(message));
      this.#write(payload);
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
    this.#isEnding = true;
    if (this.#waitingBytes === 0) this.#socket.end();
  }

  destroy(): void {
    this.#isBroken = true;
    this.#socket.destroy();
  }

  #write(bytes: Uint8Array): void {
    if (this.#waitingBytes === 0 && bytes.length <= PIECE_BYTES) {
      this.#socket.write(bytes);
      return;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    // Otherwise the drain that is waited for goes on.
    if (!this.#socket.writableNeedDrain) this.#writeOn();
  }

  #writeOn(): void {
    while (!this.#socket.writableNeedDrain) {
      const [first] = this.#waiting;
      if (first === undefined) break;
      const piece = first.subarray(0, PIECE_BYTES);
      if (piece.length < first.length) this.#waiting[0] = first.subarray(PIECE_BYTES);
      else this.#waiting.shift();
      this.#waitingBytes -= piece.length;
      this.#socket.write(piece);
    }
    if (this.#isEnding && this.#waitingBytes === 0) this.#socket.end();
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

// Messages over a WebSocket, RFC 8323 section 4: each is one binary WebSocket message.

import type { Socket } from "node:net";
import type { Budget } from "../../base/budget.ts";
import type { RawData, WebSocket } from "ws";
import type { Message } from "../message/codec.ts";
import type { CoapIdentity } from "../engine/peer.ts";
import { plainAddress } from "../network/udp.ts";
import { decodeWebSocketMessage, encodeWebSocketMessage, NO_ROOM } from "./frame.ts";
import type { MessageStream, StreamListener } from "./message-stream.ts";
import { FULL_BYTES } from "./socket-stream.ts";

/** RFC 8323 section 4.1 and 8.3. */
export const WEBSOCKET_PATH = "/.well-known/coap";
export const WEBSOCKET_PROTOCOL = "coap";

export interface WebSocketStreamOptions {
  readonly transport: "ws" | "wss";
  readonly identity?: CoapIdentity | undefined;
  /** What all unfinished messages occupy. */
  readonly budget: Budget;
}

export class WebSocketStream implements MessageStream {
  readonly transport: "ws" | "wss";
  readonly address: string;
  readonly port: number;
  readonly identity: CoapIdentity | undefined;
  /** Larger bodies go in blocks: a message leaves in one piece, and it is not seen how much of it the peer has taken. */
  readonly largestSentBytes = FULL_BYTES;
  readonly #webSocket: WebSocket;
  readonly #socket: Socket;
  /** What had come when the newest message was whole: more than that is the beginning of the next one. */
  #wholeBytes: number;
  readonly #budget: Budget;
  /** As `#wholeBytes`, but for what comes between the fragments of a message. */
  #messageEnd: number;
  /** What is counted in the budget. */
  #chargedBytes = 0;
  #wasFull = false;
  #isBroken = false;
  #isPaused = true;
  #isClosed = false;
  #cause: Error | undefined;
  /** Those that came before there was a listener, or after a pause in the same bytes. */
  readonly #waiting: Message[] = [];
  readonly #sent: () => void;
  #listener: StreamListener | undefined;

  /** `socket` is the one under the WebSocket. */
  constructor(webSocket: WebSocket, socket: Socket, { transport, identity, budget }: WebSocketStreamOptions) {
    this.#budget = budget;
    this.transport = transport;
    this.identity = identity;
    this.address = plainAddress(socket.remoteAddress ?? "");
    this.port = socket.remotePort ?? 0;
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.#wholeBytes = socket.bytesRead;
    this.#messageEnd = socket.bytesRead;
    // After `ws`, which has taken the messages that are whole.
    socket.on("data", () => this.#charge());
    this.#sent = () => this.#hasSent();
    socket.setNoDelay(true);
    webSocket.on("message", (data, isBinary) => this.#receive(data, isBinary));
    webSocket.on("ping", () => this.#control()).on("pong", () => this.#control());
    webSocket.on("error", (error) => {
      this.#cause = error;
    });
    webSocket.once("close", () => {
      this.#isClosed = true;
      this.#charge();
      this.#listener?.closed(this.#cause);
    });
  }

  get isFull(): boolean {
    const isFull = this.#webSocket.bufferedAmount >= FULL_BYTES;
    if (isFull) this.#wasFull = true;
    return isFull;
  }

  get takenBytes(): number {
    return this.#socket.bytesWritten - this.#socket.writableLength;
  }

  get unfinishedBytes(): number {
    return this.#socket.bytesRead - this.#wholeBytes;
  }

  attach(listener: StreamListener): void {
    this.#listener = listener;
    const wasClosed = this.#isClosed;
    // Later, so that the listener is complete when it hears of the first message.
    queueMicrotask(() => {
      this.#isPaused = false;
      this.#deliverWaiting();
      if (wasClosed) listener.closed(this.#cause);
    });
  }

  send(message: Message): void {
    if (this.#webSocket.readyState === this.#webSocket.OPEN)
      this.#webSocket.send(encodeWebSocketMessage(message), this.#sent);
  }

  pause(): void {
    this.#isPaused = true;
    this.#webSocket.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#deliverWaiting();
    if (!this.#isPaused) this.#webSocket.resume();
  }

  end(): void {
    this.#webSocket.close();
  }

  destroy(): void {
    this.#isBroken = true;
    this.#webSocket.terminate();
  }

  #receive(data: RawData, isBinary: boolean): void {
    if (this.#isBroken) return;
    this.#isWhole();
    this.#messageEnd = this.#wholeBytes;
    const message = isBinary && Buffer.isBuffer(data) ? decodeWebSocketMessage(data) : undefined;
    if (message !== undefined) return this.#deliver(message);
    this.#break(isBinary ? "malformed message" : "a text message, CoAP is binary");
  }

  #deliver(message: Message): void {
    if (this.#isPaused) this.#waiting.push(message);
    else if (!this.#isBroken) this.#listener?.message(message);
  }

  #deliverWaiting(): void {
    for (const message of this.#waiting.splice(0)) this.#deliver(message);
  }

  #control(): void {
    this.#isWhole();
    this.#listener?.controlled();
  }

  // `ws` keeps the fragments of a message until it is whole.
  #charge(): void {
    const bytes = this.#isClosed ? 0 : this.#socket.bytesRead - this.#messageEnd;
    const more = bytes - this.#chargedBytes;
    if (more > 0 && !this.#budget.fits(more)) return this.#break(NO_ROOM);
    this.#budget.take(more);
    this.#chargedBytes = bytes;
  }

  #break(fact: string): void {
    if (this.#isBroken) return;
    this.#isBroken = true;
    this.#listener?.broken(fact);
  }

  #isWhole(): void {
    this.#wholeBytes = this.#socket.bytesRead;
  }

  #hasSent(): void {
    if (!this.#wasFull || this.#webSocket.bufferedAmount > 0) return;
    this.#wasFull = false;
    this.#listener?.drained();
  }
}

// A connection of any computer without a socket below: its other end says what a test wants, and reads nothing of a large
// message until it is told to.

import type { Message } from "../../../src/coap/message/codec.ts";
import type { MessageStream, StreamListener } from "../../../src/coap/stream/message-stream.ts";
import { SIGNAL } from "../../../src/coap/stream/signals.ts";

export class ScriptedStream implements MessageStream {
  readonly transport = "tcp";
  readonly address: string;
  readonly port = 4000;
  readonly identity = undefined;
  readonly unfinishedBytes = 0;
  readonly largestSentBytes = 8 * 1024 * 1024;
  readonly takenBytes = 0;
  /** All but the capabilities of the server. */
  readonly sent: Message[] = [];
  isFull = false;
  #isPaused = false;
  readonly #coming: Message[] = [];
  #listener: StreamListener | undefined;

  constructor(address: string) {
    this.address = address;
  }

  attach(listener: StreamListener): void {
    this.#listener = listener;
  }

  send(message: Message): void {
    if (message.code !== SIGNAL.CSM) this.sent.push(message);
    if (message.payload.length > 1024) this.isFull = true;
  }

  /** Messages of the other end. */
  receive(...messages: readonly Message[]): void {
    this.#coming.push(...messages);
    this.#deliver();
  }

  /** The other end reads all that was sent. */
  read(): void {
    this.isFull = false;
    this.#listener?.drained();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#deliver();
  }

  end(): void {}

  destroy(): void {
    this.#listener?.closed(undefined);
  }

  #deliver(): void {
    while (!this.#isPaused) {
      const message = this.#coming.shift();
      if (message === undefined) return;
      this.#listener?.message(message);
    }
  }
}

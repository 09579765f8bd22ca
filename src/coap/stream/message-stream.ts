// The port to a connection of any kind: whole messages in and out, in order. TCP, TLS and WebSocket are behind it.

import type { Message } from "../message/codec.ts";
import type { CoapIdentity, Transport } from "../engine/peer.ts";

export interface StreamListener {
  message(message: Message): void;
  /** A ping or pong of the layer below, which has dealt with it. */
  controlled(): void;
  /** What came is no message, or too large a one. Nothing more is delivered. */
  broken(fact: string): void;
  /** What was sent has left, after `isFull`. */
  drained(): void;
  /** Called once; `error` tells why when it was not in order. */
  closed(error: Error | undefined): void;
}

export interface MessageStream {
  readonly transport: Exclude<Transport, "udp">;
  /** Numeric; IPv4 plainly. */
  readonly address: string;
  readonly port: number;
  readonly identity: CoapIdentity | undefined;
  /** Nothing that is sent whole is larger, whatever the peer takes: a message holds up all that come after it. */
  readonly largestSentBytes: number;
  /** So much waits to be sent that no more should be added. */
  readonly isFull: boolean;
  /** How much of all that was sent has left for the peer: it grows while the peer reads a long message. */
  readonly takenBytes: number;
  /** The bytes that are here of a message that is not whole; 0 between messages. */
  readonly unfinishedBytes: number;
  /** Names who receives; called once. */
  attach(listener: StreamListener): void;
  /** Sends, in order; does nothing on a closed connection. */
  send(message: Message): void;
  /** Stops and starts reading: while it is stopped, the sender feels it. */
  pause(): void;
  resume(): void;
  /** Closes after all that was sent has left. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
}

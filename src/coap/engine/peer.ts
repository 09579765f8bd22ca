// A remote endpoint that talks to the server, whatever the transport: who it is, and what it occupies.

import { hostOf, scopeOf } from "../network/address.ts";
import type { SizeLimits } from "../message/block.ts";

export type Transport = "udp" | "tcp" | "tls" | "ws" | "wss";

/** Who has proven to be the sender. */
export interface CoapIdentity {
  readonly kind: "oscore" | "psk" | "certificate";
  /** The key's or certificate's name. */
  readonly name: string;
}

export abstract class Peer {
  /** The endpoint as in a URL, for logs. */
  abstract readonly name: string;
  /** Unlike that of any other peer, of other transports too. */
  abstract readonly key: string;
  /** Numeric, without port; IPv4 plainly. */
  abstract readonly plainAddress: string;
  abstract readonly transport: Transport;
  /** What the transport has proven: the key or certificate of TLS. */
  abstract readonly identity: CoapIdentity | undefined;
  /** Aborts when the server closes. */
  abstract readonly signal: AbortSignal;
  /** TCP, TLS and WebSocket: nothing is lost or doubled, and messages can be large. */
  abstract readonly isStream: boolean;
  /** What one message to it can carry. */
  abstract readonly sizes: SizeLimits;
  /** Nobody else can send from its address: it has answered something that was sent there. Datagrams begin without. */
  isCertain = true;
  /** Requests of this peer whose handler runs. */
  running = 0;
  observers = 0;
  uploadBytes = 0;
  pinnedBytes = 0;
  /** Bytes of bodies that are being read for its requests. */
  readingBytes = 0;
  /** Its connection has ended, and another one would be another peer. */
  isGone = false;
  #computer: string | undefined;
  #isLocal: boolean | undefined;

  /** The computer that it is on, as limits count. */
  get computer(): string {
    this.#computer ??= hostOf(this.plainAddress);
    return this.#computer;
  }

  /** It is on this computer. */
  get isLocal(): boolean {
    this.#isLocal ??= scopeOf(this.plainAddress) === "loopback";
    return this.#isLocal;
  }
}

// All connections of a server: who gets in, how many, and how long they may do nothing. One timer for all.

import type { Socket } from "node:net";
import { hostOf } from "../network/address.ts";
import { Budget } from "../../base/budget.ts";
import type { Engine } from "../engine/engine.ts";
import { Ticker } from "../../base/ticker.ts";
import { endpointName, plainAddress } from "../network/udp.ts";
import { OPEN_WITHIN_US } from "./connection.ts";
import type { MessageStream } from "./message-stream.ts";
import { StreamPeer } from "./stream-peer.ts";
import type { TlsCredentials } from "./tls-credentials.ts";

const TICK_US = 1_000_000;
const CLOSE_WITHIN_US = 500_000;

/** Beside the body: header, token and options of a request. */
const OVERHEAD_BYTES = 8 * 1024;

/** Clients of libcoap (4.3.5) that are told of larger messages cannot make a request any more. Larger bodies come in blocks. */
const LARGEST_MESSAGE_BYTES = 8 * 1024 * 1024 + 256;

/** A connection is let go for a new one only when it has done nothing for this long. */
const EVICT_AFTER_US = 10_000_000;

/** One port that connections come to. */
export interface Acceptor {
  readonly port: number;
  close(): Promise<void>;
  /** New connections get these, which must be usable; those that are there go on. Absent without TLS. */
  readonly renew?: (credentials: TlsCredentials) => void;
}

/** Whom acceptors ask, and hand connections to. */
export interface Gate {
  /** Largest message. */
  readonly limitBytes: number;
  /** What all unfinished messages occupy. */
  readonly budget: Budget;
  /** Counts a new socket in, or destroys it; it must become a connection soon. */
  admit(socket: Socket): void;
  /** A handshake of TLS has failed; `key` is the name that the client has said. */
  refused(socket: Socket, reason: string, key: string | undefined): void;
  /** An admitted socket, or one of TLS on it, has become a connection: its handshakes are done. */
  accept(stream: MessageStream, socket: Socket): void;
}

export class StreamFront implements Gate {
  readonly limitBytes: number;
  readonly budget: Budget;
  readonly #engine: Engine;
  readonly #acceptors: Acceptor[] = [];
  readonly #peers = new Map<string, StreamPeer>();
  /** Sockets in their handshakes, by their remote endpoint, and since when. */
  readonly #arriving = new Map<string, { readonly socket: Socket; readonly sinceUs: number }>();
  /** By computer, as the rate is. */
  readonly #perHost = new Map<string, number>();
  readonly #ticker: Ticker;
  #open = 0;
  #number = 0;
  #isClosing = false;
  #whenEmpty: () => void = () => {};

  constructor(engine: Engine) {
    this.#engine = engine;
    this.limitBytes = Math.min(engine.limits.bodyBytes + OVERHEAD_BYTES, LARGEST_MESSAGE_BYTES);
    this.budget = new Budget(Math.max(engine.limits.uploadBytes, 2 * this.limitBytes));
    this.#ticker = new Ticker(engine.clock, TICK_US, (nowUs) => this.#tick(nowUs));
  }

  /** How many connections there are, those in their handshakes too. */
  get size(): number {
    return this.#open;
  }

  /** Closes the port with the others, at once when they are closed. */
  add(acceptor: Acceptor): void {
    if (this.#isClosing) void acceptor.close();
    this.#acceptors.push(acceptor);
  }

  /** Gives every port of TLS other certificates. */
  renew(credentials: TlsCredentials): void {
    for (const acceptor of this.#acceptors) acceptor.renew?.(credentials);
  }

  admit(socket: Socket): void {
    const { remoteAddress } = socket;
    const { counts, clock } = this.#engine;
    // Without an address the other end has gone already.
    const host = remoteAddress === undefined || this.#isClosing ? undefined : hostOf(remoteAddress);
    if (host === undefined || !this.#hasRoomFor(host)) {
      counts.connectionsRefused += 1;
      // An error after this one is nobody's.
      socket.on("error", () => {}).destroy();
      return;
    }
    const key = keyOf(socket);
    this.#open += 1;
    this.#perHost.set(host, this.#ofHost(host) + 1);
    this.#arriving.set(key, { socket, sinceUs: clock.nowUs() });
    this.#ticker.wake();
    socket.on("error", () => {}).once("close", () => this.#left(host, key));
  }

  refused({ remoteAddress = "", remotePort = 0 }: Socket, reason: string, key: string | undefined): void {
    const peer = endpointName(plainAddress(remoteAddress), remotePort);
    this.#engine.failures.record({ peer, reason: `TLS: ${reason}`, ...(key === undefined ? {} : { key }) });
  }

  accept(stream: MessageStream, socket: Socket): void {
    const key = keyOf(socket);
    this.#arriving.delete(key);
    if (this.#isClosing) return stream.destroy();
    const peer: StreamPeer = new StreamPeer(stream, {
      engine: this.#engine,
      number: ++this.#number,
      maxMessageBytes: this.limitBytes,
      closed: (_peer, fact) => this.#closed(peer, key, fact),
    });
    this.#peers.set(key, peer);
  }

  /** Says farewell to all, and closes the ports. */
  async close(): Promise<void> {
    this.#isClosing = true;
    const ports = Promise.all(this.#acceptors.map((acceptor) => acceptor.close()));
    for (const { socket } of this.#arriving.values()) socket.destroy();
    for (const peer of this.#peers.values()) peer.release();
    await this.#emptied();
    this.#ticker.stop();
    await ports;
  }

  #emptied(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#engine.clock.after(CLOSE_WITHIN_US, () => {
        for (const peer of this.#peers.values()) peer.destroy();
      });
      this.#whenEmpty = () => {
        cancel();
        resolve();
      };
      if (this.#open === 0) this.#whenEmpty();
    });
  }

  #closed(peer: StreamPeer, key: string, fact: string | undefined): void {
    if (this.#peers.get(key) === peer) this.#peers.delete(key);
    this.#engine.forget(peer);
    if (fact === undefined) return;
    this.#engine.counts.connectionsAborted += 1;
    this.#engine.log.debug({ peer: peer.name, transport: peer.transport }, `CoAP: connection ended: ${fact}`);
  }

  // Who has too many already must not end the connection of somebody else.
  #hasRoomFor(host: string): boolean {
    const { connections, connectionsPerAddress } = this.#engine.limits;
    if (this.#ofHost(host) >= connectionsPerAddress) return false;
    return this.#open < connections || this.#evictOne();
  }

  #ofHost(host: string): number {
    return this.#perHost.get(host) ?? 0;
  }

  #left(host: string, key: string): void {
    this.#arriving.delete(key);
    this.#open -= 1;
    const left = this.#ofHost(host) - 1;
    if (left <= 0) this.#perHost.delete(host);
    else this.#perHost.set(host, left);
    if (this.#open === 0) this.#whenEmpty();
  }

  // The one that has been silent for longest, if it does nothing; rather one that TLS knows nobody of.
  #evictOne(): boolean {
    const heardBeforeUs = this.#engine.clock.nowUs() - EVICT_AFTER_US;
    const idle = [...this.#peers].filter(([, peer]) => !peer.isBusy && peer.heardUs <= heardBeforeUs);
    const anonymous = idle.filter(([, { identity }]) => identity === undefined);
    const [first, ...others] = anonymous.length > 0 ? anonymous : idle;
    if (first === undefined) return false;
    const [key, idlest] = others.reduce(
      (one, other) => (other[1].heardUs < one[1].heardUs ? other : one),
      first,
    );
    // Its end takes a turn; the next newcomer must not count on the same one.
    this.#peers.delete(key);
    idlest.destroy();
    return true;
  }

  #tick(nowUs: number): boolean {
    const idleUs = this.#engine.limits.connectionIdleS * 1_000_000;
    for (const { socket, sinceUs } of this.#arriving.values()) {
      if (nowUs - sinceUs >= OPEN_WITHIN_US) socket.destroy();
    }
    for (const peer of this.#peers.values()) peer.check(nowUs, idleUs);
    return this.#open > 0;
  }
}

// The same for a socket of TLS and the one below it. One port of a client can be connected to several addresses of this computer.
function keyOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}

// A network for tests: sockets joined by a link that loses, doubles and reorders datagrams, on a virtual clock, by a seed.

import type { VirtualClock } from "../../src/base/virtual-clock.ts";
import type { DatagramListener, DatagramSocket } from "../../src/coap/udp.ts";

export interface Weather {
  /** Shares of datagrams from 0 to 1. */
  readonly lost: number;
  readonly doubled: number;
  /** Each datagram takes from 1 ms to this. */
  readonly slowestMs: number;
}

export const CLEAR: Weather = { lost: 0, doubled: 0, slowestMs: 1 };

export class VirtualNetwork {
  weather: Weather;
  /** Every datagram that was handed to the link, lost ones included. */
  readonly sent: { readonly from: string; readonly to: string; readonly bytes: Buffer }[] = [];
  readonly #clock: VirtualClock;
  readonly #sockets = new Map<string, VirtualSocket>();
  readonly #random: () => number;

  constructor(
    clock: VirtualClock,
    { weather = CLEAR, seed = 1 }: { readonly weather?: Weather; readonly seed?: number } = {},
  ) {
    this.#clock = clock;
    this.weather = weather;
    this.#random = seededRandom(seed);
  }

  socket(address: string, port: number): VirtualSocket {
    const socket = new VirtualSocket(this, address, port);
    this.#sockets.set(`${address} ${port}`, socket);
    return socket;
  }

  remove(socket: VirtualSocket): void {
    this.#sockets.delete(`${socket.address} ${socket.port}`);
  }

  carry(from: VirtualSocket, bytes: Buffer, port: number, address: string): void {
    const to = `${address} ${port}`;
    this.sent.push({ from: `${from.address} ${from.port}`, to, bytes: Buffer.from(bytes) });
    if (this.#random() < this.weather.lost) return;
    const copies = this.#random() < this.weather.doubled ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const us = 1000 + this.#random() * (this.weather.slowestMs - 1) * 1000;
      this.#clock.after(us, () =>
        this.#sockets.get(to)?.listener?.message(Buffer.from(bytes), from.address, from.port),
      );
    }
  }
}

export class VirtualSocket implements DatagramSocket {
  readonly address: string;
  readonly port: number;
  readonly #network: VirtualNetwork;
  listener: DatagramListener | undefined;

  constructor(network: VirtualNetwork, address: string, port: number) {
    this.#network = network;
    this.address = address;
    this.port = port;
  }

  attach(listener: DatagramListener): void {
    this.listener = listener;
  }

  send(bytes: Buffer, port: number, address: string): void {
    this.#network.carry(this, bytes, port, address);
  }

  close(): Promise<void> {
    this.#network.remove(this);
    return Promise.resolve();
  }
}

/** Mulberry32: the same sequence for the same seed. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

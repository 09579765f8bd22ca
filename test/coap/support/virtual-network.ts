// A network for tests: sockets joined by a link that loses, doubles and reorders datagrams, on a virtual clock, by a seed.

import type { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { VscopeError } from "../../../src/base/errors.ts";
import type { NetworkAddress, UdpNetwork } from "../../../src/coap/network/network.ts";
import type { DatagramListener, DatagramSocket, GroupSocket } from "../../../src/coap/network/udp.ts";

export interface Weather {
  /** Shares of datagrams from 0 to 1. */
  readonly lost: number;
  readonly doubled: number;
  /** Each datagram takes from this, 1 ms when absent, ... */
  readonly fastestMs?: number;
  /** ... to this. */
  readonly slowestMs: number;
}

export const CLEAR: Weather = { lost: 0, doubled: 0, slowestMs: 1 };

export class VirtualNetwork {
  weather: Weather;
  /** Every datagram that was handed to the link, lost ones included. */
  readonly sent: { readonly from: string; readonly to: string; readonly bytes: Buffer }[] = [];
  /** Which datagrams get lost for certain. */
  loses: (bytes: Buffer, to: string) => boolean = () => false;
  readonly #clock: VirtualClock;
  readonly #sockets = new Map<string, VirtualSocket>();
  readonly #groups = new Map<string, Set<VirtualGroupSocket>>();
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

  /** A computer with these addresses, all on the interface eth0 (loopback on lo). */
  host(...addresses: readonly string[]): VirtualHost {
    return new VirtualHost(this, addresses);
  }

  isTaken(address: string, port: number): boolean {
    return this.#sockets.has(`${address} ${port}`);
  }

  remove(socket: VirtualSocket): void {
    this.#sockets.delete(`${socket.address} ${socket.port}`);
  }

  group(group: string, port: number): Set<VirtualGroupSocket> {
    // The zone of a site-local group tells the sender's interface only.
    const key = `${group.replace(/^(ff05.*)%.*$/, "$1")} ${port}`;
    const members = this.#groups.get(key) ?? new Set();
    this.#groups.set(key, members);
    return members;
  }

  carry(from: VirtualSocket, bytes: Buffer, port: number, address: string): void {
    const to = `${address} ${port}`;
    const source = from.sourceFor(address);
    this.sent.push({ from: `${source} ${from.port}`, to, bytes: Buffer.from(bytes) });
    const { lost, fastestMs = 1, slowestMs } = this.weather;
    if (this.#random() < lost || this.loses(bytes, to)) return;
    const copies = this.#random() < this.weather.doubled ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const us = fastestMs * 1000 + this.#random() * (slowestMs - fastestMs) * 1000;
      this.#clock.after(us, () => {
        const receivers = [
          this.#sockets.get(to),
          ...[...this.group(address, port)].filter(({ joined }) => joined.size > 0),
        ];
        for (const each of receivers) each?.listener?.message(Buffer.from(bytes), source, from.port);
      });
    }
  }
}

export class VirtualSocket implements DatagramSocket {
  readonly address: string;
  readonly port: number;
  protected readonly network: VirtualNetwork;
  listener: DatagramListener | undefined;

  constructor(network: VirtualNetwork, address: string, port: number) {
    this.network = network;
    this.address = address;
    this.port = port;
  }

  attach(listener: DatagramListener): void {
    this.listener = listener;
  }

  /** The address that a datagram to `_receiver` leaves from. */
  sourceFor(_receiver: string): string {
    return this.address;
  }

  send(bytes: Buffer, port: number, address: string): void {
    this.network.carry(this, bytes, port, address);
  }

  close(): Promise<void> {
    this.network.remove(this);
    return Promise.resolve();
  }
}

class VirtualGroupSocket extends VirtualSocket implements GroupSocket {
  readonly isMulticast = true;
  readonly joined = new Set<string>();
  readonly #host: VirtualHost;

  constructor(host: VirtualHost, group: string, port: number) {
    super(host.network, group, port);
    this.#host = host;
    this.network.group(group, port).add(this);
  }

  join(via: string): boolean {
    this.joined.add(via);
    return true;
  }

  override sourceFor(receiver: string): string {
    const family = this.#host.addresses().filter(({ isIPv6 }) => isIPv6 === receiver.includes(":"));
    return family[0]?.address ?? this.address;
  }

  override close(): Promise<void> {
    this.network.group(this.address, this.port).delete(this);
    return Promise.resolve();
  }
}

const FIRST_EPHEMERAL_PORT = 49_152;

export class VirtualHost implements UdpNetwork {
  readonly network: VirtualNetwork;
  /** What it has now; tests change it. */
  present: readonly string[];
  #nextPort = FIRST_EPHEMERAL_PORT;

  constructor(network: VirtualNetwork, addresses: readonly string[]) {
    this.network = network;
    this.present = addresses;
  }

  addresses(): readonly NetworkAddress[] {
    return this.present.map((address) => {
      const isIPv6 = address.includes(":");
      const interfaceName = address === "127.0.0.1" || address === "::1" ? "lo" : "eth0";
      return { address, cidr: `${address.replace(/%.*/, "")}/${isIPv6 ? 64 : 24}`, interfaceName, isIPv6 };
    });
  }

  bind(address: string, port: number): Promise<DatagramSocket> {
    const isOwn = this.present.includes(address) || address.startsWith("127.");
    if (!isOwn) return Promise.reject(new VscopeError("CONFIG_INVALID", `${address}: not of this machine`));
    const number = port === 0 ? this.#nextPort++ : port;
    if (this.network.isTaken(address, number))
      return Promise.reject(new VscopeError("SERVER_CONFLICT", `${address}: port ${number} is taken`));
    return Promise.resolve(this.network.socket(address, number));
  }

  bindGroup(group: string, port: number): Promise<GroupSocket> {
    return Promise.resolve(new VirtualGroupSocket(this, group, port));
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

// One UDP socket per address of this computer, as one: an answer leaves from the address that was asked, which a socket on
// a wildcard cannot do here (node:dgram does not tell the destination of a datagram). Wildcards follow the addresses
// that come and go. Why, and the traps: docs/decisions/0005-one-socket-per-address.md.

import { isIPv6 } from "node:net";
import type { Clock } from "../../base/clock.ts";
import { asVscopeError, isVscopeError, messageOf, VscopeError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { Groups } from "./groups.ts";
import type { NetworkAddress, UdpNetwork } from "./network.ts";
import { Ticker } from "../../base/ticker.ts";
import type { DatagramListener, DatagramSocket, LocalSocket } from "./udp.ts";

/** How often the computer's addresses are read. */
const FOLLOW_US = 5_000_000;

/** How often a port is chosen anew when another program has it on one of the addresses. */
const ATTEMPTS = 8;

/** Debian and its kin give the computer's own name this address (/etc/hosts); no interface lists it. */
const OWN_NAME = "127.0.1.1";

export interface LocalSocketsOptions {
  /** `::` for every address, `0.0.0.0` for every IPv4 address, an address or a host name. */
  readonly addresses: readonly string[];
  /** 0 lets the system choose one that is free on every address. */
  readonly port: number;
  /** Join the groups of RFC 7252 section 12.8. */
  readonly multicast: boolean;
  readonly network: UdpNetwork;
  readonly clock: Clock;
  readonly log: Log;
}

/** A place of its own for each address, which stays when the address goes, as clients may come back with it. */
class Local implements LocalSocket {
  readonly address: string;
  socket: DatagramSocket | undefined;
  hasFailed = false;

  constructor(address: string) {
    this.address = address;
  }

  send(bytes: Buffer, port: number, address: string): void {
    this.socket?.send(bytes, port, address);
  }
}

export class LocalSockets implements DatagramSocket {
  /** The configured addresses, for messages. */
  readonly address: string;
  #port: number;
  readonly #options: LocalSocketsOptions;
  readonly #locals = new Map<string, Local>();
  readonly #ticker: Ticker;
  #groups: Groups | undefined;
  #listener: DatagramListener | undefined;
  #following: Promise<void> | undefined;
  #isClosed = false;

  /**
   * Throws SERVER_CONFLICT when another program has the port on one of the addresses, CONFIG_INVALID when a given
   * address is not this computer's or not known. An address found by a wildcard that cannot be used yet is tried later.
   */
  static async open(options: LocalSocketsOptions): Promise<LocalSockets> {
    for (let attempt = 1; ; attempt++) {
      const sockets = new LocalSockets(options);
      try {
        await sockets.#start();
        return sockets;
      } catch (error) {
        await sockets.close();
        const isOtherPortPossible = options.port === 0 && isVscopeError(error, "SERVER_CONFLICT");
        if (!isOtherPortPossible || attempt === ATTEMPTS) throw error;
      }
    }
  }

  private constructor(options: LocalSocketsOptions) {
    this.#options = options;
    this.address = options.addresses.join(", ");
    this.#port = options.port;
    this.#ticker = new Ticker(options.clock, FOLLOW_US, () => this.#tick());
  }

  get port(): number {
    return this.#port;
  }

  /** The addresses that are served now. */
  get bound(): readonly string[] {
    return [...this.#locals.values()].flatMap(({ socket }) => socket?.address ?? []);
  }

  attach(listener: DatagramListener): void {
    this.#listener = listener;
  }

  /** From any address of the receiver's family. */
  send(bytes: Buffer, port: number, address: string): void {
    const local = [...this.#locals.values()].find((each) => isIPv6(each.address) === isIPv6(address));
    local?.send(bytes, port, address);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#ticker.stop();
    await this.#following;
    const open = [...this.#locals.values()].flatMap(({ socket }) => socket ?? []);
    await Promise.all([this.#groups?.close(), ...open.map((socket) => socket.close())]);
  }

  async #start(): Promise<void> {
    const { addresses, network, multicast, log } = this.#options;
    const present = network.addresses();
    for (const address of this.#wanted(present)) {
      const isGiven = addresses.includes(address);
      await this.#bind(address).catch((error: unknown) => {
        if (isGiven || isVscopeError(error, "SERVER_CONFLICT")) throw error;
      });
    }
    if (this.#port === 0)
      throw new VscopeError("CONFIG_INVALID", `${this.address}: this computer has no such address`);
    if (multicast) {
      const listener: DatagramListener = {
        message: (...datagram) => this.#listener?.message(...datagram),
        failed: (error) => this.#listener?.failed(error),
      };
      this.#groups = new Groups({ network, port: this.#port, log, listener, isLimited: !this.#follows });
      await this.#groups.join(this.#served(present));
    }
    if (this.#follows) this.#ticker.wake();
  }

  get #follows(): boolean {
    return this.#options.addresses.some(isWildcard);
  }

  #wanted(present: readonly NetworkAddress[]): ReadonlySet<string> {
    const { addresses } = this.#options;
    const ipv4 = present.filter((each) => !each.isIPv6).map(({ address }) => address);
    if (ipv4.includes("127.0.0.1")) ipv4.push(OWN_NAME);
    const ipv6 = present.filter((each) => each.isIPv6).map(({ address }) => address);
    return new Set(
      addresses.flatMap((address) => {
        if (address === "::") return [...ipv4, ...ipv6];
        return address === "0.0.0.0" ? ipv4 : [address];
      }),
    );
  }

  /** Those of the computer's addresses that have a socket. */
  #served(present: readonly NetworkAddress[]): readonly NetworkAddress[] {
    const bound = new Set([...this.bound, ...this.#locals.keys()]);
    return present.filter(({ address }) => bound.has(address));
  }

  async #bind(address: string): Promise<void> {
    const local = this.#locals.get(address) ?? new Local(address);
    const socket = await this.#options.network.bind(address, this.#port);
    this.#port = socket.port;
    local.socket = socket;
    local.hasFailed = false;
    this.#locals.set(address, local);
    socket.attach({
      message: (bytes, from, port) => this.#listener?.message(bytes, from, port, local),
      failed: (error) => this.#listener?.failed(error),
    });
  }

  #tick(): boolean {
    this.#following ??= this.#follow()
      // The system could not tell its addresses, as with no file descriptor left; it is asked again.
      .catch((error: unknown) => this.#listener?.failed(asVscopeError(error)))
      .finally(() => {
        this.#following = undefined;
      });
    return true;
  }

  async #follow(): Promise<void> {
    const present = this.#options.network.addresses();
    const wanted = this.#wanted(present);
    for (const local of this.#locals.values()) if (!wanted.has(local.address)) await this.#leave(local);
    for (const address of wanted) {
      if (this.#isClosed || this.#locals.get(address)?.socket !== undefined) continue;
      await this.#tryToBind(address);
    }
    if (!this.#isClosed) await this.#groups?.join(this.#served(present));
  }

  async #leave(local: Local): Promise<void> {
    const { socket, address } = local;
    if (socket === undefined) return;
    local.socket = undefined;
    await socket.close();
    this.#options.log.info({ address }, "CoAP: the address has gone");
  }

  // A new IPv6 address cannot be bound before the kernel has checked that nobody else has it: the next look succeeds.
  async #tryToBind(address: string): Promise<void> {
    const { log } = this.#options;
    try {
      await this.#bind(address);
      log.info({ address }, "CoAP: listens on a new address");
    } catch (error) {
      const local = this.#locals.get(address) ?? new Local(address);
      this.#locals.set(address, local);
      if (!local.hasFailed) log.warn({ address }, `CoAP: ${messageOf(error)}; tried again`);
      local.hasFailed = true;
    }
  }
}

/** Whether the address stands for all of a family. */
export function isWildcard(address: string): boolean {
  return address === "::" || address === "0.0.0.0";
}

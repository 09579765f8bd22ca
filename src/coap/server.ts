// The server: one engine behind its transports. What a request goes through is in engine.ts, what is special about
// datagrams in udp-front.ts, about connections in stream/.

import { isIPv4 } from "node:net";
import { type Clock, SystemClock } from "../base/clock.ts";
import { type Log, SILENT } from "../base/log.ts";
import { type CoapAdmission, type CoapHandler, Engine } from "./engine/engine.ts";
import type { MessageGuard } from "./engine/guard.ts";
import { type CoapLimits, type CoapStats, DEFAULT_LIMITS } from "./engine/limits.ts";
import type { CoapRequest } from "./engine/request.ts";
import type { CoapResponse } from "./engine/response.ts";
import { LocalSockets } from "./network/local-sockets.ts";
import { Neighbours } from "./network/neighbours.ts";
import { SYSTEM_NETWORK, type UdpNetwork } from "./network/network.ts";
import type { Amplification } from "./udp/proof.ts";
import { type ListenAt, listenTcp } from "./stream/listen.ts";
import { listenTls } from "./stream/listen-tls.ts";
import { listenWebSocket } from "./stream/listen-websocket.ts";
import { type Acceptor, StreamFront } from "./stream/stream-front.ts";
import { checkTls, type TlsCredentials } from "./stream/tls-credentials.ts";
import type { DatagramSocket } from "./network/udp.ts";
import { UdpFront } from "./udp/udp-front.ts";

export type { CoapAdmission, CoapHandler, CoapRequest, CoapResponse, TlsCredentials };

/** Ports for connections (RFC 8323), on the address of the server; 0 lets the system choose. */
export interface StreamPorts {
  /** coap+tcp */
  readonly tcp?: number;
  /** coaps+tcp; needs `tls`. */
  readonly tls?: number;
  /** coap+ws */
  readonly ws?: number;
  /** coaps+ws; needs `tls`. */
  readonly wss?: number;
}

export interface CoapServerOptions {
  /** `::` for all addresses of both families, `0.0.0.0` for all of IPv4, an address, or a host name; or several of these. */
  readonly address: string | readonly string[];
  /** 0 lets the system choose. */
  readonly port: number;
  readonly handler: CoapHandler;
  /**
   * Asked where the handler is not: about every part of an upload, and before an address must prove itself, so that nobody
   * fills memory with what the handler would refuse; about later blocks of an answer, and about each observer of a
   * notification that is rendered once for several. What it throws becomes 5.00 without text, and is logged.
   */
  readonly admit?: CoapAdmission;
  /**
   * Whether a request does something. All do but GET and FETCH when absent; a server whose GETs act, or whose PUTs only read,
   * says so here: copies of a command are answered and not carried out, and so are those from addresses that are doubted.
   */
  readonly isCommand?: (request: CoapRequest) => boolean;
  /** The system's when absent; tests have their own. */
  readonly clock?: Clock;
  /** Nothing is logged when absent. */
  readonly log?: Log;
  readonly limits?: Partial<CoapLimits>;
  /** Opens protected messages (OSCORE); without one they are refused. */
  readonly guard?: MessageGuard;
  /** Instead of UDP sockets. */
  readonly socket?: DatagramSocket;
  /** Answer who looks for servers at the groups "All CoAP Nodes"; not when absent. */
  readonly multicast?: boolean;
  /** Whose address is doubted; that of `public` ones when absent. See proof.ts. */
  readonly amplification?: Amplification;
  /** Instead of this computer's. */
  readonly network?: UdpNetwork;
  /** Other ports to listen on, beside that of UDP. */
  readonly streams?: StreamPorts;
  readonly tls?: TlsCredentials;
  /** Origins whose web pages may connect by WebSocket, such as `https://box.example`. */
  readonly origins?: readonly string[];
}

type Complete = CoapServerOptions & Required<Pick<CoapServerOptions, "clock" | "log">>;

/** A socket of the caller's tells nothing of the subnets around it. */
const NOWHERE: Pick<UdpNetwork, "addresses"> = { addresses: () => [] };

function addressesOf(address: string | readonly string[]): readonly string[] {
  return typeof address === "string" ? [address] : address;
}

// A wildcard has the port on the addresses that it stands for; that of IPv6 has it on those of IPv4, too.
function withoutCovered(addresses: readonly string[]): readonly string[] {
  if (addresses.includes("::")) return ["::"];
  const isCovered = (address: string): boolean => isIPv4(address) && address !== "0.0.0.0";
  const left = addresses.includes("0.0.0.0") ? addresses.filter((each) => !isCovered(each)) : addresses;
  return [...new Set(left)];
}

function openUdp(options: Complete): Promise<DatagramSocket> {
  const { address, port, clock, log, multicast = false, network = SYSTEM_NETWORK } = options;
  return LocalSockets.open({ addresses: addressesOf(address), port, multicast, network, clock, log });
}

export class CoapServer {
  readonly #engine: Engine;
  readonly #udp: UdpFront;
  readonly #streams: StreamFront;
  readonly #options: Pick<CoapServerOptions, "address" | "origins">;
  #ports: StreamPorts = {};
  #closed: Promise<void> | undefined;

  /**
   * Starts a server. Throws SERVER_CONFLICT when another program has the port (also on a wildcard address of either family),
   * CONFIG_INVALID when the address, or a certificate, cannot be used.
   */
  static async listen(given: CoapServerOptions): Promise<CoapServer> {
    const options = { clock: new SystemClock(), log: SILENT, ...given };
    const socket = options.socket ?? (await openUdp(options));
    const server = new CoapServer(options, socket);
    try {
      await server.#openStreams(options);
      return server;
    } catch (error) {
      await server.close();
      throw error;
    }
  }

  private constructor(options: Complete, socket: DatagramSocket) {
    const { handler, admit, isCommand, clock, log, guard, amplification = "public" } = options;
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#engine = new Engine({ handler, admit, isCommand, clock, log, guard, limits });
    const network = options.network ?? (options.socket === undefined ? SYSTEM_NETWORK : NOWHERE);
    const neighbours = new Neighbours(network, clock);
    this.#udp = new UdpFront(this.#engine, { socket, amplification, neighbours });
    this.#streams = new StreamFront(this.#engine);
    this.#options = options;
  }

  get address(): string {
    return this.#udp.address;
  }

  get port(): number {
    return this.#udp.port;
  }

  /** The ports for connections that are open. */
  get ports(): StreamPorts {
    return this.#ports;
  }

  get stats(): Readonly<CoapStats> {
    return { ...this.#engine.stats, peers: this.#udp.peers, connections: this.#streams.size };
  }

  /**
   * Uses other certificates and keys of TLS from now on: connections go on, new ones get these. Opens those of `streams` that
   * are not open. Whether clients are asked for certificates is settled when a port opens. Throws CONFIG_INVALID when they cannot
   * be used, and all is as it was; SERVER_CONFLICT when a port is taken.
   */
  async renew({ streams = {}, tls = {} }: Pick<CoapServerOptions, "streams" | "tls">): Promise<void> {
    checkTls(tls);
    if (this.#closed !== undefined) return;
    this.#streams.renew(tls);
    await this.#openStreams({ streams, tls });
  }

  /** Ends observations with 5.03, aborts running handlers, waits shortly for them, and closes all ports. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#engine.close(this.#udp.name);
    await Promise.all([this.#udp.close(), this.#streams.close()]);
  }

  async #openStreams({ streams = {}, tls = {} }: Pick<CoapServerOptions, "streams" | "tls">): Promise<void> {
    const gate = this.#streams;
    const { origins = [] } = this.#options;
    const open = async (name: keyof StreamPorts, listen: (at: ListenAt) => Promise<Acceptor>) => {
      const port = streams[name];
      if (port === undefined || this.#ports[name] !== undefined) return;
      const acceptors = await this.#acceptors(port, listen);
      for (const acceptor of acceptors) gate.add(acceptor);
      this.#ports = { ...this.#ports, [name]: acceptors[0]?.port ?? port };
    };
    await open("tcp", (at) => listenTcp(at, gate));
    await open("tls", (at) => listenTls(at, tls, gate));
    await open("ws", (at) => listenWebSocket({ ...at, origins }, gate));
    await open("wss", (at) => listenWebSocket({ ...at, origins, tls }, gate));
  }

  // The same port on every address, or none.
  async #acceptors(
    wanted: number,
    listen: (at: ListenAt) => Promise<Acceptor>,
  ): Promise<readonly Acceptor[]> {
    const acceptors: Acceptor[] = [];
    try {
      for (const address of withoutCovered(addressesOf(this.#options.address))) {
        // After the first one it is the port that the system has chosen.
        acceptors.push(await listen({ address, port: acceptors[0]?.port ?? wanted }));
      }
      return acceptors;
    } catch (error) {
      await Promise.all(acceptors.map((acceptor) => acceptor.close()));
      throw error;
    }
  }
}

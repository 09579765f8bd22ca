// The server: one engine behind its transports. What a request goes through is in engine.ts, what is special about
// datagrams in udp-front.ts.

import { type Clock, SystemClock } from "../base/clock.ts";
import { type Log, SILENT } from "../base/log.ts";
import { type CoapHandler, Engine } from "./engine.ts";
import type { MessageGuard } from "./guard.ts";
import { type CoapLimits, type CoapStats, DEFAULT_LIMITS } from "./limits.ts";
import type { CoapRequest } from "./request.ts";
import type { CoapResponse } from "./response.ts";
import { bindUdp, type DatagramSocket } from "./udp.ts";
import { UdpFront } from "./udp-front.ts";

export type { CoapHandler, CoapRequest, CoapResponse };

export interface CoapServerOptions {
  /** `::` for all addresses of both families, `0.0.0.0` for all of IPv4, an address, or a host name that is looked up once. */
  readonly address: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly handler: CoapHandler;
  /** The system's when absent; tests have their own. */
  readonly clock?: Clock;
  /** Nothing is logged when absent. */
  readonly log?: Log;
  readonly limits?: Partial<CoapLimits>;
  /** Opens protected messages (OSCORE); without one they are refused. */
  readonly guard?: MessageGuard;
  /** Instead of a UDP socket. */
  readonly socket?: DatagramSocket;
}

export class CoapServer {
  readonly #engine: Engine;
  readonly #udp: UdpFront;
  #closed: Promise<void> | undefined;

  /**
   * Starts a server. Throws SERVER_CONFLICT when another program has the port (also on a wildcard address of either family),
   * CONFIG_INVALID when the address cannot be used.
   */
  static async listen(options: CoapServerOptions): Promise<CoapServer> {
    return new CoapServer(options, options.socket ?? (await bindUdp(options.address, options.port)));
  }

  private constructor(options: CoapServerOptions, socket: DatagramSocket) {
    const { handler, clock = new SystemClock(), log = SILENT, guard } = options;
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#engine = new Engine({ handler, clock, log, guard, limits });
    this.#udp = new UdpFront(this.#engine, socket);
  }

  get address(): string {
    return this.#udp.address;
  }

  get port(): number {
    return this.#udp.port;
  }

  get stats(): Readonly<CoapStats> {
    return { ...this.#engine.stats, peers: this.#udp.peers };
  }

  /** Ends observations with 5.03, aborts running handlers, waits shortly for them, and closes the socket. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#engine.close(this.#udp.name);
    await this.#udp.close();
  }
}

// The client: requests with their blocks, and observations as async iterables. For the command line and the TypeScript library.

import { type Clock, SystemClock } from "../../base/clock.ts";
import type { ClientEndpoint } from "./client-endpoint.ts";
import type { BodyPiece, CoapClientRequest, CoapReply, Resume } from "./client-message.ts";
import { Transfer } from "./client-transfer.ts";
import type { Message } from "../message/codec.ts";
import { Mailbox } from "./mailbox.ts";
import { findUint, OPTION } from "../message/options.ts";
import type { OscoreContext } from "../oscore/oscore-context.ts";
import { OscoreEndpoint } from "./oscore-endpoint.ts";
import { type ClientTls, type StreamScheme } from "../stream/connect.ts";
import { StreamEndpoint } from "./stream-endpoint.ts";
import { connectUdp, type DatagramSocket } from "../network/udp.ts";
import { UdpEndpoint } from "./udp-endpoint.ts";

export type { BodyPiece, ClientTls, CoapClientRequest, CoapReply, Resume };

export type CoapScheme = "coap" | StreamScheme;

export interface CoapClientOptions {
  /** coap (UDP) when absent. */
  readonly scheme?: CoapScheme;
  /** Host name (looked up once) or address. */
  readonly host: string;
  /** The scheme's own when absent: 5683, with TLS 5684, WebSockets 80 and 443. */
  readonly port?: number;
  /** The system's when absent; tests have their own. */
  readonly clock?: Clock;
  /** For coaps+tcp and coaps+ws. */
  readonly tls?: ClientTls;
  /** Instead of a UDP socket. */
  readonly socket?: DatagramSocket;
  /** Protects all that is sent, and takes nothing that is not protected. */
  readonly security?: { readonly oscore: OscoreContext };
  /** Puts an endpoint that protects messages (OSCORE) in front of the transport's. */
  readonly wrap?: (endpoint: ClientEndpoint) => ClientEndpoint;
}

/** RFC 7252 section 12.6, RFC 8323 sections 8.1 to 8.4. */
export const DEFAULT_PORTS: Readonly<Record<CoapScheme, number>> = {
  coap: 5683,
  "coap+tcp": 5683,
  "coaps+tcp": 5684,
  "coap+ws": 80,
  "coaps+ws": 443,
};

// A notification may be this late after Max-Age before the client registers again.
const LATENESS_US = 10_000_000;

export class CoapClient {
  readonly #endpoint: ClientEndpoint;
  readonly #clock: Clock;

  /**
   * UDP: sends nothing, throws CONFIG_INVALID when the host name is not known. The others connect, and again when a
   * request finds the connection ended; they throw DEVICE_NOT_CONNECTED without a server, or one that TLS does not trust.
   */
  static async open(options: CoapClientOptions): Promise<CoapClient> {
    const { security, wrap, clock = new SystemClock() } = options;
    const opened = await openEndpoint(options, clock);
    const endpoint = security === undefined ? opened : new OscoreEndpoint(opened, security.oscore);
    return new CoapClient(wrap?.(endpoint) ?? endpoint, clock);
  }

  private constructor(endpoint: ClientEndpoint, clock: Clock) {
    this.#endpoint = endpoint;
    this.#clock = clock;
  }

  /**
   * Sends a request and resolves with the whole reply; replies of 4.xx and 5.xx are not thrown. Throws DEVICE_TIMEOUT
   * without an answer, DEVICE_NOT_CONNECTED when no server listens there, DEVICE_PROTOCOL when it misbehaves.
   */
  request(request: CoapClientRequest, signal: AbortSignal): Promise<CoapReply> {
    return new Transfer(this.#endpoint, this.#clock, request).run(signal);
  }

  /**
   * Yields the present reply and then the newest one after each change; a slow reader skips. Ends after an error reply,
   * or after the first reply when the resource cannot be observed. Registers again when the server falls silent for
   * longer than Max-Age, or the connection ends. Throws as `request` does, and the signal's reason.
   */
  async *observe(request: CoapClientRequest, signal: AbortSignal): AsyncGenerator<CoapReply, void, void> {
    const transfer = new Transfer(this.#endpoint, this.#clock, request);
    const mailbox = new Mailbox(this.#clock);
    const token = this.#endpoint.nextToken();
    const stop = this.#endpoint.listen(
      token,
      (message) => mailbox.put(message),
      () => mailbox.lose(),
    );
    let isRegistered = true;
    try {
      let message: Message | undefined;
      while (isRegistered) {
        if (message === undefined) {
          message = await transfer.register(token, signal);
          mailbox.begin(message);
        }
        isRegistered = findUint(message.options, OPTION.OBSERVE) !== undefined;
        // Undefined when a newer notification has overtaken this one; it comes next.
        const reply = await transfer.download(message, signal);
        if (reply !== undefined) yield reply;
        const maxAgeS = reply?.maxAgeS ?? 0;
        if (isRegistered) message = await mailbox.take(maxAgeS * 1_000_000 + LATENESS_US, signal);
      }
    } finally {
      stop();
      if (isRegistered) transfer.deregister(token);
    }
  }

  /** Fails what is under way with OPERATION_CANCELLED and closes the socket or connection. */
  close(): Promise<void> {
    return this.#endpoint.close();
  }
}

async function openEndpoint(options: CoapClientOptions, clock: Clock): Promise<ClientEndpoint> {
  const { scheme = "coap", host, tls = {} } = options;
  const port = options.port ?? DEFAULT_PORTS[scheme];
  if (scheme !== "coap") return StreamEndpoint.open({ scheme, host, port, tls }, clock);
  const socket = options.socket ?? (await connectUdp(host, port));
  return new UdpEndpoint({ host, port }, socket, clock);
}

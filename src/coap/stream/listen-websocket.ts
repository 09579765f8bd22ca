// CoAP over WebSocket, RFC 8323 section 4: an HTTP server that knows one path and one protocol.

import { createServer as createHttpServer, type IncomingMessage } from "node:http";
import { createServer as createHttpsServer, Server as HttpsServer } from "node:https";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import { WebSocketServer } from "ws";
import { messageOf } from "../../base/errors.ts";
import { bareAddress } from "../network/address.ts";
import type { CoapIdentity } from "../engine/peer.ts";
import { listen, type ListenAt } from "./listen.ts";
import { checked } from "./listen-tls.ts";
import type { Acceptor, Gate } from "./stream-front.ts";
import { type TlsCredentials, TlsGuardian } from "./tls-credentials.ts";
import { WEBSOCKET_PATH, WEBSOCKET_PROTOCOL, WebSocketStream } from "./websocket-stream.ts";

export interface WebSocketOptions extends ListenAt {
  /** With it the port speaks TLS (coaps+ws). */
  readonly tls?: TlsCredentials;
  /** Origins whose pages may connect, such as `https://box.example`; those of the server's own address and port always may. */
  readonly origins?: readonly string[];
}

/** Largest header of the request that opens a WebSocket. */
const HEADER_BYTES = 8 * 1024;

/** What an origin does not name. */
const PAGE_PORTS: ReadonlyMap<string, number> = new Map([
  ["http:", 80],
  ["https:", 443],
]);

/** Opens a port for WebSockets. Throws as `listenTcp` and `listenTls` do. */
export async function listenWebSocket(options: WebSocketOptions, gate: Gate): Promise<Acceptor> {
  const guardian = options.tls === undefined ? undefined : new TlsGuardian(options.tls);
  const scheme = guardian === undefined ? "coap+ws" : "coaps+ws";
  const limits = { maxHeaderSize: HEADER_BYTES };
  const { limitBytes, budget } = gate;
  const server =
    guardian === undefined
      ? createHttpServer(limits)
      : checked(scheme, () => createHttpsServer({ ...guardian.options, ...limits }));
  const webSockets = new WebSocketServer({
    noServer: true,
    maxPayload: limitBytes,
    perMessageDeflate: false,
    clientTracking: false,
    handleProtocols: () => WEBSOCKET_PROTOCOL,
  });
  server.on("connection", (socket) => gate.admit(socket));
  // This server has no pages: those are elsewhere.
  server.on("request", (_request, response) => response.writeHead(404, { connection: "close" }).end());
  server.on("tlsClientError", (error: Error, socket: TLSSocket) =>
    gate.refused(socket, messageOf(error), guardian?.claimOf(socket)),
  );
  server.on("clientError", (_error, socket) => socket.destroy());
  server.on("upgrade", (request, socket, head) => {
    const refusal = refusalOf(request, options.origins ?? []);
    const identity = socket instanceof TLSSocket ? guardian?.identify(socket) : undefined;
    if (identity === "false" && socket instanceof TLSSocket)
      gate.refused(socket, `certificate refused, ${String(socket.authorizationError)}`, undefined);
    if (refusal !== undefined || identity === "false" || !(socket instanceof Socket))
      return refuse(socket, refusal ?? FORBIDDEN);
    webSockets.handleUpgrade(request, socket, head, (webSocket) =>
      gate.accept(new WebSocketStream(webSocket, socket, { ...proven(socket, identity), budget }), socket),
    );
  });
  const acceptor = await listen(scheme, server, options);
  if (guardian === undefined || !(server instanceof HttpsServer)) return acceptor;
  return { ...acceptor, renew: (renewed) => server.setSecureContext(guardian.renew(renewed)) };
}

function proven(socket: Socket, identity: CoapIdentity | undefined) {
  return { transport: socket instanceof TLSSocket ? "wss" : "ws", identity } as const;
}

interface Refusal {
  /** Of HTTP. */
  readonly status: string;
  /** For who looks into it, in the tools of a browser or with curl. */
  readonly text?: string;
}

const FORBIDDEN: Refusal = { status: "403 Forbidden" };

/** Undefined for who may open a WebSocket. */
function refusalOf(
  { url, headers, socket }: IncomingMessage,
  origins: readonly string[],
): Refusal | undefined {
  if (url !== WEBSOCKET_PATH) return { status: "404 Not Found" };
  const offered = (headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
  if (!offered.includes(WEBSOCKET_PROTOCOL)) return { status: "400 Bad Request" };
  if (isAllowedOrigin(headers.origin, socket, origins)) return undefined;
  return { ...FORBIDDEN, text: `origin ${headers.origin} is not in websocket_origins\n` };
}

// A browser sends any page's request, with the rights of the computer it runs on, and names the page in Origin. A page of
// the numeric address and the port that it has connected to may talk to this server. Another port may be another program's,
// and a name, localhost too, may be one that an attacker lets point here (DNS rebinding).
function isAllowedOrigin(
  origin: string | undefined,
  { localAddress = "", localPort }: Socket,
  origins: readonly string[],
): boolean {
  if (origin === undefined || origins.includes(origin)) return true;
  if (!URL.canParse(origin)) return false;
  const { hostname, port, protocol } = new URL(origin);
  const pagePort = port === "" ? PAGE_PORTS.get(protocol) : Number(port);
  return hostname.replace(/^\[|\]$/g, "") === bareAddress(localAddress) && pagePort === localPort;
}

function refuse(socket: Duplex, { status, text = "" }: Refusal): void {
  // Node.js reads headers as latin1, so that a character is a byte.
  const head = `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${text.length}`;
  socket.end(`${head}\r\n\r\n${text}`, "latin1");
}

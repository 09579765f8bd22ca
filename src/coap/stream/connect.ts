// Connections to a server: TCP, TLS and WebSocket, RFC 8323.

import { isIP, connect as connectTcp, Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { WebSocket } from "ws";
import { type ErrorOptions, messageOf, systemCodeOf, VscopeError } from "../../base/errors.ts";
import { Budget } from "../../base/budget.ts";
import { endpointName } from "../network/udp.ts";
import type { MessageStream } from "./message-stream.ts";
import { SocketStream } from "./socket-stream.ts";
import { ALPN } from "./tls-credentials.ts";
import { WEBSOCKET_PATH, WEBSOCKET_PROTOCOL, WebSocketStream } from "./websocket-stream.ts";

export type StreamScheme = "coap+tcp" | "coaps+tcp" | "coap+ws" | "coaps+ws";

/** What the client shows, and trusts. */
export interface ClientTls {
  readonly psk?: { readonly identity: string; readonly key: Uint8Array };
  /** Certificates (PEM) that sign the server's; those of the system when absent. */
  readonly ca?: string;
  /** The client's own certificate and key (PEM), for a server that asks for one. */
  readonly certificate?: string;
  readonly key?: string;
  /** The server's name, when the host is an address of it: TLS expects it in the certificate. */
  readonly serverName?: string;
}

export interface StreamTarget {
  readonly scheme: StreamScheme;
  readonly host: string;
  readonly port: number;
  readonly tls: ClientTls;
}

/** Largest message that the client takes; longer answers come in blocks, each in time also over a link of 100 kbit/s. */
export const CLIENT_MESSAGE_BYTES = 2 * 1024 * 1024 + 8 * 1024;

// TLS 1.2 names the way the key is used in the cipher suite; the suites of 1.3 leave it open.
const PSK_CIPHERS = [
  "TLS_AES_128_GCM_SHA256",
  "ECDHE-PSK-CHACHA20-POLY1305",
  "DHE-PSK-AES128-GCM-SHA256",
  "PSK-AES128-GCM-SHA256",
  "PSK-AES128-CCM8",
].join(":");

/** A target as a URL. */
export function targetName({ scheme, host, port }: Omit<StreamTarget, "tls">): string {
  return `${scheme}://${endpointName(host, port)}`;
}

/** Connects. Throws DEVICE_NOT_CONNECTED with what was in the way, or the signal's reason. */
export function connectStream(target: StreamTarget, signal: AbortSignal): Promise<MessageStream> {
  switch (target.scheme) {
    case "coap+tcp":
    case "coaps+tcp":
      return openSocket(target, signal);
    case "coap+ws":
    case "coaps+ws":
      return openWebSocket(target, signal);
  }
}

function openSocket(target: StreamTarget, signal: AbortSignal): Promise<MessageStream> {
  const { scheme, host, port, tls } = target;
  const isTls = scheme === "coaps+tcp";
  return new Promise((resolve, reject) => {
    const socket = isTls
      ? connectTls({ host, port, ALPNProtocols: ALPN, ...tlsOptions(host, tls) })
      : connectTcp({ host, port });
    const settle = settling(signal, () => socket.destroy(), reject);
    socket.once(isTls ? "secureConnect" : "connect", () => {
      settle();
      const budget = new Budget(2 * CLIENT_MESSAGE_BYTES);
      const transport = isTls ? "tls" : "tcp";
      resolve(new SocketStream(socket, { transport, limitBytes: CLIENT_MESSAGE_BYTES, budget }));
    });
    // Stays: later ones are the stream's to tell, and must not be without a listener before.
    socket.on("error", (error) => {
      settle();
      reject(unreachable(target, error));
    });
  });
}

function openWebSocket(target: StreamTarget, signal: AbortSignal): Promise<MessageStream> {
  const { scheme, host, port, tls } = target;
  const isTls = scheme === "coaps+ws";
  return new Promise((resolve, reject) => {
    const url = `${isTls ? "wss" : "ws"}://${endpointName(host, port)}${WEBSOCKET_PATH}`;
    const webSocket = new WebSocket(url, WEBSOCKET_PROTOCOL, {
      perMessageDeflate: false,
      maxPayload: CLIENT_MESSAGE_BYTES,
      followRedirects: false,
      // A gateway in front of several servers tells them apart by it.
      ...(tls.serverName === undefined ? {} : { headers: { host: endpointName(tls.serverName, port) } }),
      ...(isTls ? tlsOptions(host, tls) : {}),
    });
    const settle = settling(signal, () => webSocket.terminate(), reject);
    let socket: Socket | undefined;
    webSocket.once("upgrade", (response) => {
      socket = response.socket;
    });
    webSocket.once("open", () => {
      settle();
      const transport = isTls ? "wss" : "ws";
      const budget = new Budget(2 * CLIENT_MESSAGE_BYTES);
      resolve(new WebSocketStream(webSocket, socket ?? new Socket(), { transport, budget }));
    });
    webSocket.on("error", (error) => {
      settle();
      reject(unreachable(target, error));
    });
  });
}

/** Ends an attempt when the signal aborts; the returned function is called when the attempt is over. */
function settling(signal: AbortSignal, destroy: () => void, reject: (reason: unknown) => void): () => void {
  const onAbort = (): void => {
    destroy();
    reject(signal.reason);
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  return () => signal.removeEventListener("abort", onAbort);
}

function tlsOptions(host: string, { psk, ca, certificate, key, serverName }: ClientTls): ConnectionOptions {
  const name = serverName ?? host;
  return {
    minVersion: "TLSv1.2",
    ...(isIP(name) === 0 ? { servername: name } : {}),
    ...(ca === undefined ? {} : { ca }),
    ...(certificate === undefined ? {} : { cert: certificate }),
    ...(key === undefined ? {} : { key }),
    ...(psk === undefined ? {} : pskOptions(psk)),
  };
}

// The key proves the server, too: there is no certificate whose name could be checked. A server that answers with a
// certificate instead has not shown the key, and is refused.
function pskOptions({ identity, key }: NonNullable<ClientTls["psk"]>): ConnectionOptions {
  return {
    ciphers: PSK_CIPHERS,
    pskCallback: () => ({ identity, psk: key }),
    checkServerIdentity: (_name, certificate) =>
      certificate?.subject === undefined
        ? undefined
        : new VscopeError("DEVICE_NOT_CONNECTED", "the server does not know the pre-shared key"),
  };
}

// Without a code of the network the other end was there: TLS did not come about, or it speaks no CoAP.
function unreachable(target: StreamTarget, cause: Error): VscopeError {
  const isTls = target.scheme.startsWith("coaps");
  const reason = "reason" in cause && typeof cause.reason === "string" ? cause.reason : messageOf(cause);
  if (NETWORK_CODES.has(systemCodeOf(cause) ?? ""))
    return notConnected(target, `no connection, ${reason}`, { cause, details: { isRefusal: false } });
  const fact = isTls
    ? `TLS refused, is it the right key or certificate? ${reason}`
    : `${NO_COAP[target.scheme]} ${reason}`;
  return notConnected(target, fact, { cause, details: { isRefusal: true } });
}

/** The other end took the connection, and ended it before it had said anything of CoAP. */
export function foreign(target: StreamTarget, fact: string): VscopeError {
  return notConnected(target, `${NO_COAP[target.scheme]} ${fact}`, { details: { isRefusal: true } });
}

function notConnected(target: StreamTarget, fact: string, options: ErrorOptions): VscopeError {
  return new VscopeError("DEVICE_NOT_CONNECTED", `${targetName(target)}: ${fact}`, options);
}

const NO_COAP: Readonly<Record<StreamScheme, string>> = {
  "coap+tcp": "no CoAP over TCP there, another protocol?",
  "coaps+tcp": "no CoAP over TLS there, another protocol?",
  "coap+ws": "no CoAP over WebSocket there, another protocol?",
  "coaps+ws": "no CoAP over WebSocket there, another protocol?",
};

const NETWORK_CODES: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ETIMEDOUT",
  "EADDRNOTAVAIL",
]);

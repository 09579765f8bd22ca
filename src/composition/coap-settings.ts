// What the configuration says about CoAP, in the words of the CoAP library: limits, ports for connections, and the
// registration at a directory.

import { stat } from "node:fs/promises";
import { hostname } from "node:os";
import type { Clock } from "../base/clock.ts";
import { VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { CoapLimits } from "../coap/engine/limits.ts";
import { Registration } from "../coap/client/registration.ts";
import type { StreamPorts, TlsCredentials } from "../coap/server.ts";
import { portClashIn } from "../config/port-clash.ts";
import type { ServerConfig } from "../config/server-config.ts";
import { readTlsFiles } from "./tls-files.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const EVERYBODY = 0o007;

/** The limits that an owner can set. */
export function limitsOf({ limits }: Pick<ServerConfig, "limits">): CoapLimits {
  return {
    bodyBytes: limits.bodyKb * KIB,
    uploadBytesPerPeer: limits.uploadsPerClientMb * MIB,
    uploadBytes: limits.uploadsMb * MIB,
    pinnedBytesPerPeer: limits.answersPerClientMb * MIB,
    pinnedBytes: limits.answersMb * MIB,
    sendingBytes: limits.sendingMb * MIB,
    transferIdleS: limits.transferIdleS,
    replyBytesPerPeer: limits.repliesPerClientKb * KIB,
    replyBytes: limits.repliesMb * MIB,
    observersPerPeer: limits.observersPerClient,
    observers: limits.observers,
    requestsPerPeer: limits.requestsPerClient,
    requests: limits.requests,
    requestsPerSecond: limits.requestsPerSecond,
    responsesPerPeer: limits.waitingPerClient,
    responses: limits.waiting,
    peers: limits.clients,
    connections: limits.connections,
    connectionsPerAddress: limits.connectionsPerComputer,
    connectionIdleS: limits.connectionIdleS,
    connectionUnreadS: limits.connectionUnreadS,
    connectionBytesPerS: limits.connectionBytesPerS,
  };
}

export interface StreamSettings {
  readonly streams: StreamPorts;
  readonly tls: TlsCredentials;
  readonly origins: readonly string[];
}

/** The ports that open with the first key, for people. */
export function portsOfTls({ coap }: Pick<ServerConfig, "coap">): string {
  const { tlsPort, websocketTlsPort: wss } = coap;
  return `tls ${tlsPort}${wss === undefined ? "" : `, wss ${wss}`}`;
}

export interface KeySettings {
  /** Whether anybody has a key. */
  readonly hasKeys: boolean;
  readonly psk: (identity: string) => Uint8Array | undefined;
}

/**
 * The ports for connections, those of TLS when there is a certificate or a key, and what TLS needs. Throws CONFIG_INVALID
 * when a certificate or key cannot be used.
 */
export async function streamSettings(
  { coap }: Pick<ServerConfig, "coap">,
  { hasKeys, psk }: KeySettings,
): Promise<StreamSettings> {
  const { port, tlsPort, websocketPort: ws, websocketTlsPort } = coap;
  const tls = { ...(await readTlsFiles(coap)), psk };
  const hasTls = tls.certificate !== undefined || hasKeys;
  const wss = hasTls ? websocketTlsPort : undefined;
  // The two ports of TLS will be open together, if not now then with the first key.
  const clash = portClashIn({
    port: coap.tcp ? port : undefined,
    tls_port: hasTls || websocketTlsPort !== undefined ? tlsPort : undefined,
    websocket_port: ws,
    websocket_tls_port: websocketTlsPort,
  });
  if (clash !== undefined) throw new VscopeError("CONFIG_INVALID", `coap.${clash.key}: ${clash.fact}`);
  const streams = {
    ...(coap.tcp ? { tcp: port } : {}),
    ...(hasTls ? { tls: tlsPort } : {}),
    ...(ws === undefined ? {} : { ws }),
    ...(wss === undefined ? {} : { wss }),
  };
  return { streams, tls, origins: coap.websocketOrigins };
}

/** Says so in the log when everybody on this computer can read the server's private key; a group may, as Debian's ssl-cert. */
export async function warnOfOpenKey(
  { tlsKey }: Pick<ServerConfig["coap"], "tlsKey">,
  log: Log,
): Promise<void> {
  if (tlsKey === undefined) return;
  const found = await stat(tlsKey).catch(() => undefined);
  if (found !== undefined && (found.mode & EVERYBODY) !== 0)
    log.warn({ file: tlsKey }, `coap.tls_key: others can read ${tlsKey}: chmod o= ${tlsKey}`);
}

export interface RegistrationParts {
  readonly config: ServerConfig;
  readonly serverPort: number;
  /** The links of the server as they are now. */
  readonly links: () => Uint8Array;
  readonly clock: Clock;
  readonly log: Log;
}

/** Begins to register when a directory is configured; it need not be there yet. */
export function startRegistration({ config, ...parts }: RegistrationParts): Registration | undefined {
  const { resourceDirectory: directory, endpointName: endpoint = hostname() } = config.coap;
  if (directory === undefined) return undefined;
  const registration = new Registration({ ...parts, directory, endpoint });
  registration.start();
  return registration;
}

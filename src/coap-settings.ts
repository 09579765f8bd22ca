// What the configuration says about CoAP, in the words of the CoAP library: limits, ports for connections and what TLS needs,
// and the registration at a directory.

import { hostname } from "node:os";
import type { Clock } from "./base/clock.ts";
import type { Log } from "./base/log.ts";
import type { CoapLimits } from "./coap/limits.ts";
import { definedOnly } from "./base/defined-only.ts";
import { Registration } from "./coap/registration.ts";
import type { CoapServerOptions, TlsCredentials } from "./coap/server.ts";
import { readConfigFile, type ServerConfig } from "./config/server-config.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** The limits that an owner can set. */
export function limitsOf({ limits }: Pick<ServerConfig, "limits">): Partial<CoapLimits> {
  return {
    bodyBytes: limits.bodyKb * KIB,
    uploadBytesPerPeer: limits.uploadsPerClientMb * MIB,
    uploadBytes: limits.uploadsMb * MIB,
    observersPerPeer: limits.observersPerClient,
    observers: limits.observers,
    requestsPerPeer: limits.requestsPerClient,
    requests: limits.requests,
    requestsPerSecond: limits.requestsPerSecond,
    peers: limits.clients,
  };
}

type StreamOptions = Pick<CoapServerOptions, "streams" | "tls" | "origins">;

/** The ports beside UDP. Throws CONFIG_INVALID when a file with a certificate or its key cannot be read. */
export async function streamsOf(
  { coap }: Pick<ServerConfig, "coap">,
  psk: NonNullable<TlsCredentials["psk"]>,
): Promise<StreamOptions> {
  const { port, tcp, tlsPort: tls, wsPort: ws, wssPort: wss, origins } = coap;
  const [certificate, key, clientCa] = await Promise.all([
    textOf(coap.certificate),
    textOf(coap.certificateKey),
    textOf(coap.clientCa),
  ]);
  return {
    streams: definedOnly({ tcp: tcp ? port : undefined, tls, ws, wss }),
    tls: { ...definedOnly({ certificate, key, clientCa }), psk },
    origins,
  };
}

async function textOf(file: string | undefined): Promise<string | undefined> {
  return file === undefined ? undefined : await readConfigFile(file);
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

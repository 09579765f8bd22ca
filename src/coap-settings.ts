// What the configuration says about CoAP, in the words of the CoAP library: limits, and the registration at a directory.

import { hostname } from "node:os";
import type { Clock } from "./base/clock.ts";
import type { Log } from "./base/log.ts";
import type { CoapLimits } from "./coap/limits.ts";
import { Registration } from "./coap/registration.ts";
import type { ServerConfig } from "./config/server-config.ts";

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

// What TLS needs at the server's end, and who the client is: a certificate, pre-shared keys, or both on one port.

import { randomBytes } from "node:crypto";
import { constants } from "node:crypto";
import { createSecureContext, type TlsOptions, type TLSSocket } from "node:tls";
import { messageOf, VscopeError } from "../../base/errors.ts";
import type { CoapIdentity } from "../engine/peer.ts";

export interface TlsCredentials {
  /** The server's certificate (with those between it and the root) and its private key, as PEM. */
  readonly certificate?: string;
  readonly key?: string;
  /** Certificates of clients that one of these (PEM) has signed prove who they are. */
  readonly clientCa?: string;
  /** The pre-shared key of an identity; undefined when there is none. */
  readonly psk?: (identity: string) => Uint8Array | undefined;
}

// Forward secrecy first. CCM_8 is what RFC 7925 asks of constrained devices; OpenSSL leaves it out of its defaults.
const CIPHERS = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
  "ECDHE-ECDSA-AES128-CCM8",
];
const PSK_CIPHERS = [
  "ECDHE-PSK-CHACHA20-POLY1305",
  "DHE-PSK-AES128-GCM-SHA256",
  "DHE-PSK-AES256-GCM-SHA384",
  "PSK-AES128-GCM-SHA256",
  "PSK-AES256-GCM-SHA384",
  "PSK-AES128-CCM",
  "PSK-AES128-CCM8",
];

/** RFC 8323 section 8.2: the protocol's name in the handshake. Clients that name none are served as well. */
export const ALPN = ["coap"];

/** Throws CONFIG_INVALID when a port of TLS could not be opened with these. */
export function checkTls(credentials: TlsCredentials): void {
  try {
    const { cert, key, ca, ciphers } = new TlsGuardian(credentials).options;
    createSecureContext({ cert, key, ca, ciphers });
  } catch (cause) {
    throw new VscopeError("CONFIG_INVALID", `TLS: certificate or key: ${messageOf(cause)}`, { cause });
  }
}

/** As much of a name as is worth a line; keys have no longer ones. */
const LONGEST_CLAIM = 64;

export class TlsGuardian {
  #credentials: TlsCredentials;
  readonly #pskNames = new WeakMap<TLSSocket, string>();
  /** What clients say, whether there is such a key or not. */
  readonly #claims = new WeakMap<TLSSocket, string>();

  constructor(credentials: TlsCredentials) {
    this.#credentials = credentials;
  }

  get options(): TlsOptions {
    const { certificate, key, clientCa, psk } = this.#credentials;
    return {
      ...(certificate === undefined ? {} : { cert: certificate }),
      ...(key === undefined ? {} : { key }),
      ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true }),
      // Who has no certificate is nobody in particular; a wrong one is refused in `identify`.
      rejectUnauthorized: false,
      ciphers: [...CIPHERS, ...(psk === undefined ? [] : PSK_CIPHERS)].join(":"),
      minVersion: "TLSv1.2",
      // A resumed session would not ask for the key again, which may have been revoked.
      secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
      ...(psk === undefined ? {} : { pskCallback: (socket, identity) => this.#pskOf(socket, identity) }),
    };
  }

  /** Takes others from now on. */
  renew(credentials: TlsCredentials): TlsOptions {
    this.#credentials = credentials;
    return this.options;
  }

  /** Who is at the other end: an identity, nobody in particular (undefined), or somebody to be refused ("false"). */
  identify(socket: TLSSocket): CoapIdentity | undefined | "false" {
    const name = this.#pskNames.get(socket);
    if (name !== undefined && hasUsedPsk(socket)) return { kind: "psk", name };
    if (this.#credentials.clientCa === undefined) return undefined;
    const { subject } = socket.getPeerCertificate();
    if (subject === undefined) return undefined;
    if (!socket.authorized || typeof subject.CN !== "string") return "false";
    return { kind: "certificate", name: subject.CN };
  }

  /** The name of a key that the other end has said, cut; for logs. */
  claimOf(socket: TLSSocket): string | undefined {
    return this.#claims.get(socket);
  }

  // An unknown identity gets a key that nobody has, so that it fails as a wrong key does and tells nothing.
  #pskOf(socket: TLSSocket, identity: string): Uint8Array {
    this.#claims.set(socket, identity.slice(0, LONGEST_CLAIM));
    const key = this.#credentials.psk?.(identity);
    if (key === undefined) return randomBytes(32);
    this.#pskNames.set(socket, identity);
    return key;
  }
}

// TLS 1.3 asks for the key of an identity before it is known whether the key will be used: for a client whose suites do not
// fit, the handshake goes on with the certificate alone, and whoever knows the name would be taken for its owner (RFC 8446
// section 4.2.11). Nothing else is ever resumed here.
function hasUsedPsk(socket: TLSSocket): boolean {
  const isTls13 = socket.getProtocol() === "TLSv1.3";
  return isTls13 ? socket.isSessionReused() : socket.getCipher().name.includes("PSK");
}

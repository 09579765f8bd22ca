// TLS while the server runs: its ports open with the first key, and its certificates are read again when somebody asks.
// Files that are wrong by then are told in the log, and those of before hold on.

import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { CoapServer } from "../coap/server.ts";
import { portsOfTls, type StreamSettings, streamSettings, warnOfOpenKey } from "./coap-settings.ts";
import type { ServerConfig } from "../config/server-config.ts";
import type { Security } from "../security/security.ts";

export interface TlsKeeperParts {
  readonly config: ServerConfig;
  readonly security: Security;
  readonly server: CoapServer;
  readonly log: Log;
}

export class TlsKeeper {
  readonly #parts: TlsKeeperParts;
  readonly #unsubscribe: () => void;
  /** One after the other, so that the newest files win. */
  #renewing: Promise<void> = Promise.resolve();

  constructor(parts: TlsKeeperParts) {
    this.#parts = parts;
    const { keys } = parts.security;
    this.#unsubscribe = keys.subscribe(() => this.#openPorts());
    if (!this.#isOpen) parts.log.info({ ports: portsOfTls(parts.config) }, "TLS opens with the first key");
    // One that came between the server's start and this.
    this.#openPorts();
  }

  /** Reads the files of certificates again; connections go on. */
  renew(): void {
    const { tlsCertificate, tlsKey, tlsClientCa } = this.#parts.config.coap;
    this.#next(async () => {
      await this.#renew();
      if (tlsCertificate !== undefined || tlsClientCa !== undefined)
        this.#parts.log.info({ tlsCertificate, tlsKey, tlsClientCa }, "certificates read again");
    });
  }

  async close(): Promise<void> {
    this.#unsubscribe();
    await this.#renewing;
  }

  get #isOpen(): boolean {
    return this.#parts.server.ports.tls !== undefined;
  }

  #openPorts(): void {
    if (!this.#isOpen && this.#parts.security.keys.value.length > 0) this.#next(() => this.#renew());
  }

  async #renew(): Promise<void> {
    const { config, security, server, log } = this.#parts;
    const wasOpen = this.#isOpen;
    await server.renew(await tlsSettings(config, security));
    await warnOfOpenKey(config.coap, log);
    if (!wasOpen && this.#isOpen) log.info({ ...server.ports }, "TLS listens");
  }

  #next(work: () => Promise<void>): void {
    this.#renewing = this.#renewing.then(work).catch((error: unknown) => {
      this.#parts.log.error({ reason: messageOf(error) }, "TLS stays as it was, SIGHUP tries again");
    });
  }
}

/** What the configuration and the keys of now make of TLS and the ports. */
export function tlsSettings(config: ServerConfig, security: Security): Promise<StreamSettings> {
  const psk = (identity: string): Uint8Array | undefined => security.psk(identity);
  return streamSettings(config, { hasKeys: security.keys.value.length > 0, psk });
}

// Keys, policy and audit of a server together, from its configuration.

import type { ReadableCell } from "../base/cell.ts";
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { OscoreContexts } from "../coap/oscore/oscore-context.ts";
import type { ServerConfig } from "../config/server-config.ts";
import { AuditLog } from "./audit.ts";
import type { Key } from "./key.ts";
import { KeyStore } from "./key-store.ts";
import { OscoreKeys } from "./oscore-keys.ts";
import { AccessPolicy } from "./policy.ts";

export interface SecurityParts {
  readonly clock: Clock;
  readonly log: Log;
}

export class Security {
  readonly policy: AccessPolicy;
  readonly audit: AuditLog;
  readonly #keys: KeyStore;
  readonly #oscore: OscoreKeys;
  readonly #unsubscribe: () => void;
  /** Keys are taken one after the other. */
  #taking: Promise<void>;

  static async open(config: ServerConfig["security"], parts: SecurityParts): Promise<Security> {
    const security = new Security(config, parts);
    await security.#taking;
    return security;
  }

  private constructor(config: ServerConfig["security"], parts: SecurityParts) {
    const { clock, log } = parts;
    this.#keys = new KeyStore(config.keys, parts);
    this.#oscore = new OscoreKeys(config.state, log);
    this.policy = new AccessPolicy({ config, clock, roleOfKey: (name) => this.#keys.named(name)?.role });
    this.audit = AuditLog.open(config.auditLog, parts);
    const { value: keys } = this.#keys.keys;
    this.#taking = this.#oscore.take(keys);
    this.#unsubscribe = this.#keys.keys.subscribe((changed) => this.#take(changed, log));
    const { policy, loopback } = config;
    const allow = config.allow.map(({ address, prefix, role }) => `${address}/${prefix} ${role}`);
    log.info({ policy, loopback, allow, keys: keys.length }, "who may do what");
  }

  /** For OSCORE. */
  get contexts(): OscoreContexts {
    return this.#oscore;
  }

  /** Those that hold now. */
  get keys(): ReadableCell<readonly Key[]> {
    return this.#keys.keys;
  }

  /** The pre-shared key of a TLS client that says this name. */
  psk(identity: string): Uint8Array | undefined {
    const key = this.#keys.named(identity);
    return key === undefined ? undefined : Buffer.from(key.secret, "ascii");
  }

  /** Writes to the file that has the audit log's name now, and reads the keys again. */
  reload(): void {
    this.audit.reopen();
    this.#keys.readAgain();
  }

  async close(): Promise<void> {
    this.#unsubscribe();
    this.#keys.close();
    await this.#taking;
    this.audit.close();
  }

  #take(keys: readonly Key[], log: Log): void {
    this.#taking = this.#taking
      .then(() => this.#oscore.take(keys))
      .catch((error: unknown) => log.error({ reason: messageOf(error) }, "keys not taken"));
  }
}

// Who has which role: by key or certificate, by address, by the policy. The one place that decides.

import { isIP } from "node:net";
import { type Clock, SECOND } from "../base/clock.ts";
import { VscopeError } from "../base/errors.ts";
import { bareAddress, scopeOf } from "../coap/network/address.ts";
import { Neighbours } from "../coap/network/neighbours.ts";
import { SYSTEM_NETWORK, type UdpNetwork } from "../coap/network/network.ts";
import type { CoapIdentity } from "../coap/engine/request.ts";
import type { Role } from "../config/access.ts";
import type { ServerConfig } from "../config/server-config.ts";
import { NetworkTable } from "./network-table.ts";
import { higherOf, includes } from "./role.ts";

/** Whoever asks, by any protocol. */
export interface Caller {
  /** What has been proven; absent for anybody. */
  readonly identity?: CoapIdentity | undefined;
  /** Numeric, without port. */
  readonly peerAddress: string;
  /** Sent to a group: nobody knows from where, and everybody heard it. */
  readonly isMulticast: boolean;
}

/** What needs a role, for messages: "PUT /shutters/upwelling". */
export interface Wish {
  readonly what: string;
  readonly need: Role;
}

export interface PolicyParts {
  readonly config: Pick<ServerConfig["security"], "policy" | "loopback" | "allow" | "certificates">;
  /** The role of a key; undefined when there is none of this name (any more). */
  readonly roleOfKey: (name: string) => Role | undefined;
  readonly clock: Clock;
  /** The networks that this computer is in. */
  readonly network?: Pick<UdpNetwork, "addresses">;
}

/** Interfaces come and go; so do the roles that follow from them. */
const KEEP_US = 30 * SECOND;
/** Addresses remembered; more than a box has clients. */
const MOST_ADDRESSES = 4096;

export class AccessPolicy {
  readonly #parts: PolicyParts;
  readonly #allowed: NetworkTable;
  readonly #neighbours: Neighbours;
  readonly #roles = new Map<string, Role>();
  #untilUs = Number.NEGATIVE_INFINITY;

  constructor(parts: PolicyParts) {
    this.#parts = parts;
    this.#allowed = new NetworkTable(parts.config.allow);
    this.#neighbours = new Neighbours(parts.network ?? SYSTEM_NETWORK, parts.clock);
  }

  /** The highest of what key and address give. A request to a group never gets more than reading. */
  roleOf({ identity, peerAddress, isMulticast }: Caller): Role {
    const byAddress = this.#roleOfAddress(peerAddress);
    const byName = identity === undefined ? undefined : this.#roleOfIdentity(identity);
    const role = byName === undefined ? byAddress : higherOf(byName, byAddress);
    return isMulticast && includes(role, "read") ? "read" : role;
  }

  allows(caller: Caller, need: Role): boolean {
    return includes(this.roleOf(caller), need);
  }

  /** What to tell a caller whose role is too low: ROLE_INSUFFICIENT with a valid key, else CREDENTIALS_REQUIRED. */
  refusal(caller: Caller, { what, need }: Wish): VscopeError {
    const { identity, peerAddress } = caller;
    const details = { need, role: this.roleOf(caller) };
    if (identity !== undefined && this.#roleOfIdentity(identity) !== undefined) {
      const text = `${what}: needs role ${need}, ${wordOf(identity)} has ${details.role}`;
      return new VscopeError("ROLE_INSUFFICIENT", text, { details });
    }
    const who =
      identity === undefined
        ? `${peerAddress} has ${details.role}`
        : `${wordOf(identity)} is unknown or revoked`;
    const mend = `vscope key new NAME --role ${need}, or allow = ADDRESS ${need} in [security]`;
    const text = `${what}: needs a key with role ${need}, ${who}; on the server: ${mend}`;
    return new VscopeError("CREDENTIALS_REQUIRED", text, { details });
  }

  #roleOfIdentity({ kind, name }: CoapIdentity): Role | undefined {
    const { config, roleOfKey } = this.#parts;
    if (kind !== "certificate") return roleOfKey(name);
    return config.certificates.find((one) => one.name === name)?.role;
  }

  #roleOfAddress(peerAddress: string): Role {
    const nowUs = this.#parts.clock.nowUs();
    if (nowUs >= this.#untilUs || this.#roles.size >= MOST_ADDRESSES) {
      this.#roles.clear();
      this.#untilUs = nowUs + KEEP_US;
    }
    const known = this.#roles.get(peerAddress);
    if (known !== undefined) return known;
    const role = this.#findRole(bareAddress(peerAddress));
    this.#roles.set(peerAddress, role);
    return role;
  }

  #findRole(address: string): Role {
    const { policy, loopback } = this.#parts.config;
    const ofAnybody = policy === "open" ? "admin" : "none";
    if (isIP(address) === 0) return ofAnybody;
    const allowed = this.#allowed.roleOf(address);
    if (allowed !== undefined) return allowed;
    const scope = scopeOf(address);
    if (scope === "loopback") return higherOf(ofAnybody, loopback);
    const isNear = policy === "network" && (scope === "private" || this.#neighbours.include(address));
    return isNear ? "read" : ofAnybody;
  }
}

function wordOf({ kind, name }: CoapIdentity): string {
  return `${kind === "certificate" ? "certificate" : "key"} ${name}`;
}

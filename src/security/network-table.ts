// Networks and their roles, looked up by address: the narrowest network that holds an address decides.

import { BlockList, isIP, isIPv4 } from "node:net";
import type { NetworkRole, Role } from "../config/access.ts";

interface Row {
  readonly network: BlockList;
  readonly role: Role;
}

export class NetworkTable {
  readonly #rows: readonly Row[];

  constructor(networks: readonly NetworkRole[]) {
    // Prefixes of IPv4 and IPv6 never compete: an address is one of both.
    const narrowestFirst = [...networks].sort((a, b) => b.prefix - a.prefix);
    this.#rows = narrowestFirst.map(({ address, prefix, role }) => {
      const network = new BlockList();
      network.addSubnet(address, prefix, isIPv4(address) ? "ipv4" : "ipv6");
      return { network, role };
    });
  }

  /** Undefined when no network holds the address. */
  roleOf(address: string): Role | undefined {
    const family = isIP(address);
    if (family === 0) return undefined;
    const type = family === 4 ? "ipv4" : "ipv6";
    return this.#rows.find(({ network }) => network.check(address, type))?.role;
  }
}

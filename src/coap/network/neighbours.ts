// Who is on a subnet of this computer: a router that filters as it should (BCP 38) lets in no such sender from afar.

import { BlockList } from "node:net";
import type { Clock } from "../../base/clock.ts";
import { bareAddress } from "./address.ts";
import type { NetworkAddress, UdpNetwork } from "./network.ts";

/** Addresses change rarely, and reading them takes time that a flood of forged senders must not cost. */
const FRESH_US = 5_000_000;

export class Neighbours {
  readonly #network: Pick<UdpNetwork, "addresses">;
  readonly #clock: Clock;
  #subnets = new Subnets([]);
  #readUs = Number.NEGATIVE_INFINITY;

  constructor(network: Pick<UdpNetwork, "addresses">, clock: Clock) {
    this.#network = network;
    this.#clock = clock;
  }

  include(address: string): boolean {
    const nowUs = this.#clock.nowUs();
    if (nowUs - this.#readUs >= FRESH_US) {
      this.#readUs = nowUs;
      this.#subnets = new Subnets(this.#network.addresses());
    }
    return this.#subnets.include(address);
  }
}

/** The subnets of some addresses. */
export class Subnets {
  readonly #list = new BlockList();

  constructor(addresses: readonly NetworkAddress[]) {
    for (const { cidr, isIPv6 } of addresses) {
      const [network = "", prefix] = cidr.split("/");
      this.#list.addSubnet(network, Number(prefix ?? (isIPv6 ? 128 : 32)), isIPv6 ? "ipv6" : "ipv4");
    }
  }

  include(address: string): boolean {
    const bare = bareAddress(address);
    return this.#list.check(bare, bare.includes(":") ? "ipv6" : "ipv4");
  }
}

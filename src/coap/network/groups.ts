// The multicast groups "All CoAP Nodes" (RFC 7252 section 12.8), by which a client finds servers it does not know: one
// socket per group, bound to the group's address, so that whatever it receives is known to be multicast.

import { messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { Subnets } from "./neighbours.ts";
import type { NetworkAddress, UdpNetwork } from "./network.ts";
import type { DatagramListener, GroupSocket } from "./udp.ts";

export const GROUP_IPV4 = "224.0.1.187";
/** All nodes of the link, and all of the site. */
export const GROUP_LINK = "ff02::fd";
export const GROUP_SITE = "ff05::fd";

export interface GroupsOptions {
  readonly network: UdpNetwork;
  readonly port: number;
  readonly log: Log;
  /** Answer only who is on the subnet of a joined address: for a server that listens on chosen addresses. */
  readonly isLimited: boolean;
  readonly listener: DatagramListener;
}

interface Membership {
  readonly group: string;
  readonly via: string;
}

export class Groups {
  readonly #options: GroupsOptions;
  /** By the address they are bound to; undefined where that failed. */
  readonly #sockets = new Map<string, GroupSocket | undefined>();
  readonly #joined = new Set<string>();
  #near = new Subnets([]);

  constructor(options: GroupsOptions) {
    this.#options = options;
  }

  /** Joins on interfaces that are new, and forgets those that have gone. Never throws: a server works without groups. */
  async join(addresses: readonly NetworkAddress[]): Promise<void> {
    const wanted = new Map(
      addresses
        .flatMap(membershipsOf)
        .map((membership) => [`${membership.group} ${membership.via}`, membership]),
    );
    for (const name of this.#joined) if (!wanted.has(name)) this.#joined.delete(name);
    for (const [name, { group, via }] of wanted) {
      if (this.#joined.has(name)) continue;
      const socket = await this.#socketOf(group);
      if (socket?.join(via) === true) this.#joined.add(name);
    }
    this.#near = new Subnets(addresses);
  }

  async close(): Promise<void> {
    const open = [...this.#sockets.values()].flatMap((socket) => socket ?? []);
    await Promise.all(open.map((socket) => socket.close()));
    this.#sockets.clear();
    this.#joined.clear();
  }

  async #socketOf(group: string): Promise<GroupSocket | undefined> {
    if (this.#sockets.has(group)) return this.#sockets.get(group);
    const { network, port, log } = this.#options;
    try {
      const socket = await network.bindGroup(group, port);
      this.#sockets.set(group, socket);
      this.#attach(socket);
      return socket;
    } catch (error) {
      this.#sockets.set(group, undefined);
      log.warn(
        { group },
        `CoAP multicast: ${messageOf(error)}; clients cannot find the server by this group`,
      );
      return undefined;
    }
  }

  #attach(socket: GroupSocket): void {
    const { listener, isLimited } = this.#options;
    socket.attach({
      message: (bytes, address, port) => {
        // Linux delivers to a group's socket whatever any program of this computer has joined, on any interface.
        if (!isLimited || this.#near.include(address)) listener.message(bytes, address, port, socket);
      },
      failed: (error) => listener.failed(error),
    });
  }
}

function membershipsOf({ address, interfaceName, isIPv6 }: NetworkAddress): readonly Membership[] {
  if (!isIPv6) return [{ group: GROUP_IPV4, via: address }];
  const via = `::%${interfaceName}`;
  return [
    { group: `${GROUP_LINK}%${interfaceName}`, via },
    { group: GROUP_SITE, via },
  ];
}

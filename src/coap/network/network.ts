// The computer's network as the server sees it: its addresses, which come and go, and sockets on them. Tests put a
// virtual one in its place.

import { networkInterfaces } from "node:os";
import { bindGroup, bindUdp, type DatagramSocket, type GroupSocket } from "./udp.ts";

/** One address of one interface. */
export interface NetworkAddress {
  /** With a zone when it is link-local IPv6: `fe80::1%eth0`. */
  readonly address: string;
  /** The subnet: `192.0.2.7/24`. */
  readonly cidr: string;
  readonly interfaceName: string;
  readonly isIPv6: boolean;
}

export interface UdpNetwork {
  /** What this computer has now. */
  addresses(): readonly NetworkAddress[];
  /** As `bindUdp`. */
  bind(address: string, port: number): Promise<DatagramSocket>;
  /** As `bindGroup`. */
  bindGroup(group: string, port: number): Promise<GroupSocket>;
}

export const SYSTEM_NETWORK: UdpNetwork = {
  addresses: () =>
    Object.entries(networkInterfaces()).flatMap(([interfaceName, addresses = []]) =>
      addresses.map(({ address, cidr, family }) => ({
        address: isLinkLocal(address) ? `${address}%${interfaceName}` : address,
        cidr: cidr ?? address,
        interfaceName,
        isIPv6: family === "IPv6",
      })),
    ),
  bind: bindUdp,
  bindGroup,
};

/** RFC 4291 section 2.5.6: such an address means nothing without its interface. */
export function isLinkLocal(address: string): boolean {
  return /^fe[89ab]/i.test(address);
}

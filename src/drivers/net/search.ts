// One search for spectrometers on the local network: a question to the multicast group on every interface, and the
// answers of one second.

import { type Clock, SECOND } from "../../base/clock.ts";
import { messageOf, VscopeError } from "../../base/errors.ts";
import {
  addressText,
  type Datagrams,
  type Network,
  type NetworkProtocol,
  type SocketAddress,
} from "./port.ts";

const ANSWERS_US = SECOND;
// No box has more spectrometers; whoever answers under more addresses is none.
const MOST_FOUND = 64;

export interface SearchOptions {
  readonly network: Network;
  readonly protocol: NetworkProtocol;
  readonly clock: Clock;
  /** The multicast group. */
  readonly group: SocketAddress;
}

export interface Found {
  /** Where the answer came from; TCP has the same port. */
  readonly address: SocketAddress;
  readonly productId: number;
}

/** Who answers within a second. Throws DEVICE_NOT_CONNECTED when no interface takes the question. */
export async function search(options: SearchOptions, signal: AbortSignal): Promise<readonly Found[]> {
  const { network, protocol, clock, group } = options;
  const found = new Map<string, Found>();
  const heard = (bytes: Uint8Array, address: SocketAddress): void => {
    const productId = protocol.productIdOf(bytes);
    if (productId !== undefined && found.size < MOST_FOUND)
      found.set(addressText(address), { address, productId });
  };
  const sockets: Datagrams[] = [];
  const failures: string[] = [];
  try {
    for (const own of network.interfaces()) {
      try {
        const socket = await network.openDatagrams(own, heard);
        sockets.push(socket);
        await socket.send(protocol.searchQuestion, group);
      } catch (error) {
        failures.push(`${own}: ${messageOf(error)}`);
      }
    }
    if (sockets.length === failures.length) throw unsent(group, failures);
    await clock.delay(ANSWERS_US, signal);
  } finally {
    for (const socket of sockets) socket.close();
  }
  return [...found.values()];
}

function unsent(group: SocketAddress, failures: readonly string[]): VscopeError {
  const fact = failures.length === 0 ? "no network interface has an IPv4 address" : failures.join("; ");
  return new VscopeError("DEVICE_NOT_CONNECTED", `search at ${addressText(group)}: ${fact}`);
}

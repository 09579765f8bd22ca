// The byte-level port to an IPv4 network: TCP streams and UDP datagrams. Two implementations: node-network.ts and the
// emulator's. Below it nothing knows a spectrometer.

import type { VscopeError } from "../../base/errors.ts";

export interface SocketAddress {
  /** IPv4 address such as `192.0.2.7`. */
  readonly host: string;
  readonly port: number;
}

export interface StreamListener {
  /** Bytes as they come, in pieces of any size. */
  received(bytes: Uint8Array): void;
  /** Once, when the connection has ended by itself; not after `destroy`. Nothing is received afterwards. */
  ended(reason: VscopeError): void;
}

/** An open TCP connection. A far end that has vanished without a word ends it after some 20 s. */
export interface ByteStream {
  /** Resolves when the system has taken all bytes. Rejects with DEVICE_NOT_CONNECTED. */
  write(bytes: Uint8Array): Promise<void>;
  /** Closes at once. Further calls do nothing. */
  destroy(): void;
}

/** An open UDP socket. */
export interface Datagrams {
  send(bytes: Uint8Array, to: SocketAddress): Promise<void>;
  close(): void;
}

export interface Network {
  /** Rejects with DEVICE_NOT_CONNECTED, or with the signal's reason; there is no other time limit. */
  connect(address: SocketAddress, listener: StreamListener, signal: AbortSignal): Promise<ByteStream>;
  /** IPv4 addresses of this computer's network interfaces, without loopback. */
  interfaces(): readonly string[];
  /** A socket of one interface, for unicast and multicast. `heard` is called for every datagram that comes. */
  openDatagrams(
    interfaceAddress: string,
    heard: (bytes: Uint8Array, from: SocketAddress) => void,
  ): Promise<Datagrams>;
}

/** What the protocol of the devices adds: drivers/oceanoptics/obp-network.ts is one. */
export interface NetworkProtocol {
  /** Devices tell their product only. */
  readonly vendorId: number;
  /** Asks for the product id, by UDP. */
  readonly searchQuestion: Uint8Array;
  /** Asks for the product id, by TCP. */
  readonly question: Uint8Array;
  /** The product id in a whole message; undefined when it is another message. */
  productIdOf(message: Uint8Array): number | undefined;
  /** Length of the message, or of the rubbish before one, that `bytes` begin with; undefined when it takes more to know. */
  lengthOf(bytes: Uint8Array): number | undefined;
}

/** `192.0.2.7:57357`. */
export function addressText({ host, port }: SocketAddress): string {
  return `${host}:${port}`;
}

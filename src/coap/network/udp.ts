// Datagrams: the port that the server and the client are written against, and UDP behind it.
// Tests put a lossy link in its place. Nothing that arrives can throw here; a datagram from port 0 is dropped,
// because it cannot be answered (node:dgram throws on such a send).

import { createSocket, type Socket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { isIPv6 } from "node:net";
import { messageOf, systemCodeOf, VscopeError } from "../../base/errors.ts";

/** Where datagrams come in and answers leave: one address of this computer, or a multicast group. */
export interface LocalSocket {
  readonly address: string;
  /** What comes in here was sent to a group, not to this computer alone. */
  readonly isMulticast?: boolean;
  /** Sends, or loses the datagram: never throws. */
  send(bytes: Buffer, port: number, address: string): void;
}

export interface DatagramListener {
  /** `address` and `port` are the sender's; `local` is where an answer must leave, when there are several. */
  message(bytes: Buffer, address: string, port: number, local?: LocalSocket): void;
  /** A socket error, such as ECONNREFUSED on a connected socket. The socket stays usable. */
  failed(error: Error): void;
}

export interface DatagramSocket extends LocalSocket {
  readonly port: number;
  /** Names who receives; datagrams before that are lost. */
  attach(listener: DatagramListener): void;
  close(): Promise<void>;
}

/** A socket that receives what is sent to a multicast group, on the interfaces it has joined. */
export interface GroupSocket extends DatagramSocket {
  /** Joins on an interface: the address of one of IPv4, `::%eth0` of IPv6. False when that cannot be. */
  join(via: string): boolean;
}

type Family = 4 | 6;

// The system caps this at net.core.rmem_max; it is for the bursts of block-wise transfers and many observers.
const BUFFER_BYTES = 4 * 1024 * 1024;

/**
 * Binds a UDP socket to one address and port (0 lets the system choose). `::` takes IPv4 as well; a host name is looked up once.
 * Throws SERVER_CONFLICT when the port is taken, CONFIG_INVALID when the address is not this machine's or not known.
 */
export async function bindUdp(address: string, port: number): Promise<DatagramSocket> {
  const local = await resolve(address);
  try {
    return await bind(local, port);
  } catch (error) {
    // A kernel without IPv6 cannot serve "::", but "any address" still has a meaning there.
    if (local.address === "::" && systemCodeOf(error) === "EAFNOSUPPORT") {
      return bind({ address: "0.0.0.0", family: 4 }, port).catch((again: unknown) => {
        throw bindError(address, port, again);
      });
    }
    throw bindError(address, port, error);
  }
}

/** Opens a UDP socket that talks to one remote endpoint only. Throws CONFIG_INVALID when the host is not known. */
export async function connectUdp(host: string, port: number): Promise<DatagramSocket> {
  const remote = await resolve(host);
  const socket = open(remote.family);
  await new Promise<void>((done, fail) => {
    socket.once("error", (error) => {
      socket.close();
      fail(
        new VscopeError("DEVICE_NOT_CONNECTED", `${endpointName(host, port)}: ${messageOf(error)}`, {
          cause: error,
        }),
      );
    });
    socket.once("connect", done);
    socket.connect(port, remote.address);
  });
  socket.removeAllListeners("error");
  return new UdpSocket(socket, true);
}

async function resolve(host: string): Promise<{ readonly address: string; readonly family: Family }> {
  try {
    const { address, family } = await lookup(host);
    return { address, family: family === 6 ? 6 : 4 };
  } catch (error) {
    throw new VscopeError(
      "CONFIG_INVALID",
      `${host}: the name is not known, an address or host name is needed`,
      { cause: error },
    );
  }
}

/**
 * Binds a socket to a multicast group and port, so that it receives nothing else; what it sends leaves from the address of
 * the route. Several servers can share a group: each gets every datagram. A link-local group (ff02::) needs a zone.
 * Throws CONFIG_INVALID when the system cannot.
 */
export async function bindGroup(group: string, port: number): Promise<GroupSocket> {
  const family = isIPv6(group) ? 6 : 4;
  const socket = open(family, true);
  try {
    await bound(socket, { address: group, port });
  } catch (error) {
    throw bindError(group, port, error);
  }
  return new UdpGroupSocket(socket, group);
}

function open(family: Family, isShared = false): Socket {
  return createSocket({
    type: family === 6 ? "udp6" : "udp4",
    // With true a second server would start beside the first and take its traffic; a group goes to all that share it.
    reuseAddr: isShared,
    recvBufferSize: BUFFER_BYTES,
    sendBufferSize: BUFFER_BYTES,
    // Peers are numeric already; the default would ask the resolver before each send.
    lookup: (host, _options, callback) => callback(null, host, family),
  });
}

async function bind(
  local: { readonly address: string; readonly family: Family },
  port: number,
): Promise<DatagramSocket> {
  const socket = open(local.family);
  await bound(socket, { address: local.address, port });
  return new UdpSocket(socket, false);
}

function bound(socket: Socket, local: { readonly address: string; readonly port: number }): Promise<void> {
  return new Promise((done, fail) => {
    const onError = (error: Error): void => {
      socket.close();
      fail(error);
    };
    socket.once("error", onError);
    socket.bind({ ...local, exclusive: true }, () => {
      socket.off("error", onError);
      done();
    });
  });
}

function bindError(address: string, port: number, cause: unknown): VscopeError {
  const name = endpointName(address, port);
  const fact = BIND_FACTS.get(systemCodeOf(cause) ?? "") ?? `cannot listen there, ${messageOf(cause)}`;
  const code = systemCodeOf(cause) === "EADDRINUSE" ? "SERVER_CONFLICT" : "CONFIG_INVALID";
  return new VscopeError(code, `${name}: ${fact}`, { cause });
}

/** What the system's refusals to bind mean. */
export const BIND_FACTS = new Map([
  ["EADDRINUSE", "another server has this address and port"],
  ["EADDRNOTAVAIL", "this machine does not have the address"],
  ["EACCES", "this user may not open the port, use one above 1023"],
]);

/** An address without the form that IPv4 has on an IPv6 socket (`::ffff:192.0.2.1`). */
export function plainAddress(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}

/** An endpoint as in a URL: `192.0.2.1:5683`, `[::1]:5683`. IPv4 through an IPv6 socket is written as IPv4. */
export function endpointName(address: string, port: number): string {
  const plain = plainAddress(address);
  return plain.includes(":") ? `[${plain}]:${port}` : `${plain}:${port}`;
}

class UdpSocket implements DatagramSocket {
  readonly address: string;
  readonly port: number;
  readonly #socket: Socket;
  readonly #isConnected: boolean;
  #listener: DatagramListener | undefined;
  #closed: Promise<void> | undefined;

  constructor(socket: Socket, isConnected: boolean) {
    this.#socket = socket;
    this.#isConnected = isConnected;
    const { address, port } = socket.address();
    this.address = address;
    this.port = port;
    socket.on("message", (bytes, remote) => {
      if (remote.port !== 0) this.#listener?.message(bytes, remote.address, remote.port);
    });
    socket.on("error", (error) => this.#listener?.failed(error));
  }

  attach(listener: DatagramListener): void {
    this.#listener = listener;
  }

  send(bytes: Buffer, port: number, address: string): void {
    if (this.#closed !== undefined || port === 0) return;
    // Without a callback, which would cost a request object; CoAP repeats what is lost.
    if (this.#isConnected) this.#socket.send(bytes);
    else this.#socket.send(bytes, port, address);
  }

  close(): Promise<void> {
    this.#closed ??= new Promise((done) => this.#socket.close(() => done()));
    return this.#closed;
  }
}

class UdpGroupSocket extends UdpSocket implements GroupSocket {
  readonly isMulticast = true;
  readonly #group: string;
  readonly #udp: Socket;

  constructor(socket: Socket, group: string) {
    super(socket, false);
    this.#udp = socket;
    this.#group = group;
  }

  join(via: string): boolean {
    try {
      this.#udp.addMembership(this.#group, via);
      return true;
    } catch (error) {
      // A second address of an interface joins what the first has joined.
      return systemCodeOf(error) === "EADDRINUSE";
    }
  }
}

// The network port over Node.js sockets.

import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createConnection, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { messageOf, VscopeError } from "../../base/errors.ts";
import {
  addressText,
  type ByteStream,
  type Datagrams,
  type Network,
  type SocketAddress,
  type StreamListener,
} from "./port.ts";

// Silence after which the system asks whether the far end is still there; Node.js then asks ten times, once a second.
const KEEP_ALIVE_MS = 10_000;

export const NODE_NETWORK: Network = { connect, interfaces, openDatagrams };

function connect(address: SocketAddress, listener: StreamListener, signal: AbortSignal): Promise<ByteStream> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const socket = createConnection({
      ...address,
      family: 4,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
    });
    const stream = new NodeStream(socket, addressText(address), listener);
    const onAbort = (): void => {
      stream.destroy();
      reject(signal.reason);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    socket.once("close", () => {
      signal.removeEventListener("abort", onAbort);
      reject(stream.reason());
    });
    socket.once("connect", () => {
      signal.removeEventListener("abort", onAbort);
      stream.connected();
      resolve(stream);
    });
  });
}

class NodeStream implements ByteStream {
  readonly #socket: Socket;
  readonly #name: string;
  readonly #listener: StreamListener;
  #failure: Error | undefined;
  #isConnected = false;
  #isDestroyed = false;

  constructor(socket: Socket, name: string, listener: StreamListener) {
    this.#socket = socket;
    this.#name = name;
    this.#listener = listener;
    socket.on("data", (bytes: Buffer) => {
      if (!this.#isDestroyed) listener.received(bytes);
    });
    socket.on("error", (error) => (this.#failure = error));
    // The far end has closed its half and sends nothing any more.
    socket.on("end", () => socket.destroy());
    socket.on("close", () => this.#closed());
  }

  /** From now on an end is told to the listener; before, `connect` rejects. */
  connected(): void {
    this.#isConnected = true;
  }

  /** Why there is no connection. */
  reason(): VscopeError {
    const fact = this.#failure === undefined ? "closed by the device" : messageOf(this.#failure);
    return new VscopeError("DEVICE_NOT_CONNECTED", `network ${this.#name}: ${fact}`, {
      cause: this.#failure,
    });
  }

  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.write(bytes, (error) =>
        error === undefined || error === null ? resolve() : reject(this.reason()),
      );
    });
  }

  destroy(): void {
    this.#isDestroyed = true;
    this.#socket.destroy();
  }

  #closed(): void {
    if (this.#isDestroyed || !this.#isConnected) return;
    this.#isDestroyed = true;
    this.#listener.ended(this.reason());
  }
}

function interfaces(): readonly string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, internal }) => family === "IPv4" && !internal)
    .map(({ address }) => address);
}

async function openDatagrams(
  interfaceAddress: string,
  heard: (bytes: Uint8Array, from: SocketAddress) => void,
): Promise<Datagrams> {
  const socket = createSocket("udp4");
  socket.on("message", (bytes, { address, port }) => heard(bytes, { host: address, port }));
  try {
    socket.bind(0, interfaceAddress);
    await once(socket, "listening");
    // An error of a later datagram (a device refuses it) is that datagram's loss.
    socket.on("error", () => {});
    socket.setMulticastInterface(interfaceAddress);
  } catch (error) {
    socket.close();
    throw error;
  }
  return {
    send: (bytes, { host, port }) =>
      new Promise((resolve, reject) => {
        socket.send(bytes, port, host, (error) => (error === null ? resolve() : reject(error)));
      }),
    close: () => socket.close(),
  };
}

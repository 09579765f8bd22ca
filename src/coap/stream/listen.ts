// Binding a TCP port, with the errors that the person who starts the server understands.

import { createServer, type Server } from "node:net";
import { messageOf, systemCodeOf, VscopeError } from "../../base/errors.ts";
import { BIND_FACTS, endpointName } from "../network/udp.ts";
import { SocketStream } from "./socket-stream.ts";
import type { Acceptor, Gate } from "./stream-front.ts";

export interface ListenAt {
  readonly address: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

// A queue of half-open connections; the limit of connections is the gate's.
const BACKLOG = 64;

/** CoAP over TCP, RFC 8323. Throws SERVER_CONFLICT when the port is taken, CONFIG_INVALID when it cannot be used. */
export function listenTcp(at: ListenAt, gate: Gate): Promise<Acceptor> {
  const server = createServer((socket) => {
    gate.admit(socket);
    if (!socket.destroyed) {
      const { limitBytes, budget } = gate;
      gate.accept(new SocketStream(socket, { transport: "tcp", limitBytes, budget }), socket);
    }
  });
  return listen("coap+tcp", server, at);
}

/** Opens the port of a server that is set up. `scheme` begins the errors. */
export async function listen(scheme: string, server: Server, at: ListenAt): Promise<Acceptor> {
  try {
    await bind(server, at);
  } catch (error) {
    // A kernel without IPv6 cannot serve "::", but "any address" still has a meaning there.
    if (at.address !== "::" || systemCodeOf(error) !== "EAFNOSUPPORT") throw bindError(scheme, at, error);
    await bind(server, { ...at, address: "0.0.0.0" }).catch((again: unknown) => {
      throw bindError(scheme, at, again);
    });
  }
  const bound = server.address();
  return {
    port: bound === null || typeof bound === "string" ? at.port : bound.port,
    close: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}

function bind(server: Server, { address, port }: ListenAt): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: address, port, backlog: BACKLOG, exclusive: true }, () => {
      server.off("error", reject);
      // Such as too many open files: the port stays open, this connection is lost.
      server.on("error", () => {});
      resolve();
    });
  });
}

function bindError(scheme: string, { address, port }: ListenAt, cause: unknown): VscopeError {
  const systemCode = systemCodeOf(cause) ?? "";
  const fact = BIND_FACTS.get(systemCode) ?? `cannot listen there, ${messageOf(cause)}`;
  const code = systemCode === "EADDRINUSE" ? "SERVER_CONFLICT" : "CONFIG_INVALID";
  return new VscopeError(code, `${scheme} ${endpointName(address, port)}: ${fact}`, { cause });
}

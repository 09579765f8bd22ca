// CoAP over TLS, RFC 8323 section 9.

import { createServer, type TLSSocket } from "node:tls";
import { messageOf, VscopeError } from "../../base/errors.ts";
import { listen, type ListenAt } from "./listen.ts";
import { SocketStream } from "./socket-stream.ts";
import type { Acceptor, Gate } from "./stream-front.ts";
import { ALPN, type TlsCredentials, TlsGuardian } from "./tls-credentials.ts";

/**
 * Opens a port for TLS. Throws SERVER_CONFLICT when it is taken, CONFIG_INVALID when it, the certificate or its key
 * cannot be used.
 */
export async function listenTls(at: ListenAt, credentials: TlsCredentials, gate: Gate): Promise<Acceptor> {
  const guardian = new TlsGuardian(credentials);
  const server = checked("coaps+tcp", () =>
    createServer({ ...guardian.options, ALPNProtocols: ALPN }, (socket) => accept(socket, guardian, gate)),
  );
  server.on("connection", (socket) => gate.admit(socket));
  // Its socket is destroyed; there is nobody to tell but the log.
  server.on("tlsClientError", (error, socket) =>
    gate.refused(socket, messageOf(error), guardian.claimOf(socket)),
  );
  const acceptor = await listen("coaps+tcp", server, at);
  return { ...acceptor, renew: (renewed) => server.setSecureContext(guardian.renew(renewed)) };
}

function accept(socket: TLSSocket, guardian: TlsGuardian, gate: Gate): void {
  const identity = guardian.identify(socket);
  if (identity === "false") {
    gate.refused(socket, `certificate refused, ${String(socket.authorizationError)}`, undefined);
    return void socket.destroy();
  }
  const { limitBytes, budget } = gate;
  gate.accept(new SocketStream(socket, { transport: "tls", identity, limitBytes, budget }), socket);
}

/** Makes a server of TLS; what OpenSSL says about certificate and key becomes CONFIG_INVALID. */
export function checked<T>(scheme: string, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    throw new VscopeError("CONFIG_INVALID", `${scheme}: certificate or key: ${messageOf(cause)}`, { cause });
  }
}

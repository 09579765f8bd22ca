// An emulated spectrometer behind real sockets: TCP and UDP on one port of 127.0.0.1, as a device has them.

import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { systemCodeOf } from "../../base/errors.ts";
import type { SocketAddress } from "../../drivers/net/port.ts";
import type { NetworkFarEnd } from "./network-far-end.ts";

const HOST = "127.0.0.1";

export class LoopbackServer {
  readonly address: SocketAddress;
  readonly #tcp: Server;
  readonly #udp: UdpSocket;
  readonly #sockets = new Set<Socket>();

  private constructor(farEnd: NetworkFarEnd, tcp: Server, udp: UdpSocket) {
    this.address = { host: HOST, port: udp.address().port };
    this.#tcp = tcp;
    this.#udp = udp;
    udp.on("message", (bytes, { address, port }) => {
      const answer = farEnd.answerTo(bytes);
      if (answer !== undefined) udp.send(answer, port, address);
    });
    tcp.on("connection", (socket) => this.#connected(farEnd, socket));
  }

  /** Listens on a port that the system chooses. */
  static async open(farEnd: NetworkFarEnd): Promise<LoopbackServer> {
    const tcp = createServer({ noDelay: true });
    const udp = createSocket("udp4");
    udp.bind(0, HOST);
    await once(udp, "listening");
    try {
      tcp.listen(udp.address().port, HOST);
      await once(tcp, "listening");
      return new LoopbackServer(farEnd, tcp, udp);
    } catch (error) {
      udp.close();
      if (systemCodeOf(error) !== "EADDRINUSE") throw error;
      // Free for UDP, but not for TCP: another port.
      return LoopbackServer.open(farEnd);
    }
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#udp.close();
    this.#tcp.close();
    await once(this.#tcp, "close");
  }

  #connected(farEnd: NetworkFarEnd, socket: Socket): void {
    this.#sockets.add(socket);
    const connection = farEnd.accept({
      send: (bytes) => socket.write(bytes),
      // What was sent before still arrives.
      cut: () => socket.end(),
    });
    if (connection === undefined) {
      socket.resetAndDestroy();
      return;
    }
    socket.on("data", (bytes: Buffer) => connection.receive(bytes));
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#sockets.delete(socket);
      connection.closed();
    });
  }
}

// The sample server with one key, a client that has it, and somebody in between, on a virtual network.

import { randomBytes } from "node:crypto";
import { NEVER } from "../../../src/base/abort.ts";
import { SILENT } from "../../../src/base/log.ts";
import { VirtualClock } from "../../../src/base/virtual-clock.ts";
import { CoapClient, type CoapReply } from "../../../src/coap/client/client.ts";
import {
  type CoapMessage,
  type Content,
  decodeMessage,
  emptyMessage,
  encodeMessage,
  NO_BYTES,
} from "../../../src/coap/message/codec.ts";
import { CON, EMPTY, RST } from "../../../src/coap/message/codes.ts";
import { OscoreContext } from "../../../src/coap/oscore/oscore-context.ts";
import { OscoreGuard } from "../../../src/coap/oscore/oscore-guard.ts";
import { type CoapHandler, CoapServer } from "../../../src/coap/server.ts";
import { Sample } from "../support/sample-server.ts";
import { CLEAR, VirtualNetwork, type VirtualSocket, type Weather } from "../support/virtual-network.ts";
import { contextsOf, KEY, MemoryStore, mirrored } from "./oscore-pair.ts";

export const HOST = "192.0.2.1";

export interface Secured {
  readonly clock: VirtualClock;
  readonly network: VirtualNetwork;
  /** What the server's handler is. It stays when the server starts anew. */
  readonly sample: Sample;
  readonly server: () => CoapServer;
  /** The server's stores and the client's outlive both. */
  readonly stores: { readonly server: MemoryStore; readonly client: MemoryStore };
  readonly client: CoapClient;
  /** A client with the key, by default as a process of its own. */
  readonly another: (context?: OscoreContext) => Promise<CoapClient>;
  /** A client without a key. */
  readonly plain: (socket?: VirtualSocket) => Promise<CoapClient>;
  /** Ends the server without a word, and starts it again. */
  readonly restart: () => Promise<void>;
  readonly raw: () => RawSocket;
}

export async function withSecured(
  { weather = CLEAR, seed = 1 }: { readonly weather?: Weather; readonly seed?: number },
  run: (bench: Secured) => Promise<void>,
): Promise<void> {
  const clock = new VirtualClock();
  const network = new VirtualNetwork(clock, { weather, seed });
  const stores = { server: new MemoryStore(), client: new MemoryStore() };
  const sample = new Sample(clock);
  let server = await startServer({ clock, network, sample, store: stores.server });
  const clients: CoapClient[] = [];
  let port = 40_000;
  const open = async (socket: VirtualSocket, context?: OscoreContext): Promise<CoapClient> => {
    const security = context === undefined ? {} : { security: { oscore: context } };
    const client = await CoapClient.open({ host: HOST, clock, socket, ...security });
    clients.push(client);
    return client;
  };
  const nextSocket = (): VirtualSocket => network.socket("192.0.2.9", port++);
  const another = async (context?: OscoreContext): Promise<CoapClient> =>
    open(nextSocket(), context ?? (await OscoreContext.open(KEY, stores.client)));
  await run({
    clock,
    network,
    sample,
    stores,
    server: () => server,
    client: await another(),
    another,
    plain: (socket = nextSocket()) => open(socket),
    restart: async () => {
      network.weather = { ...CLEAR, lost: 1 };
      await clock.run(server.close());
      network.weather = weather;
      server = await startServer({ clock, network, sample, store: stores.server });
    },
    raw: () => new RawSocket(nextSocket()),
  });
  network.weather = CLEAR;
  for (const client of clients) await client.close();
  await clock.run(server.close());
}

async function startServer({
  clock,
  network,
  sample,
  store,
}: {
  readonly clock: VirtualClock;
  readonly network: VirtualNetwork;
  readonly sample: Sample;
  readonly store: MemoryStore;
}): Promise<CoapServer> {
  const context = await OscoreContext.open(mirrored(KEY), store);
  const guard = new OscoreGuard(contextsOf(context));
  const socket = network.socket(HOST, 5683);
  const handler: CoapHandler = (request) => sample.handle(request);
  return CoapServer.listen({ address: HOST, port: 5683, log: SILENT, handler, clock, guard, socket });
}

export function get(client: CoapClient, ...path: string[]): Promise<CoapReply> {
  return client.request({ method: "GET", path }, NEVER);
}

export function post(client: CoapClient, ...path: string[]): Promise<CoapReply> {
  return client.request({ method: "POST", path }, NEVER);
}

/** Sends single datagrams and keeps what comes back. */
export class RawSocket {
  readonly received: CoapMessage[] = [];
  readonly #socket: VirtualSocket;
  #messageId = 1000;

  constructor(socket: VirtualSocket) {
    this.#socket = socket;
    socket.attach({
      message: (bytes) => {
        const message = decodeMessage(bytes);
        if (message === undefined) return;
        // A ping asks whether there is somebody at this address.
        const isPing = message.code === EMPTY && message.type === CON;
        if (isPing) this.sendBytes(emptyMessage(RST, message.messageId));
        else this.received.push(message);
      },
      failed: () => {},
    });
  }

  sendBytes(bytes: Buffer): void {
    this.#socket.send(bytes, 5683, HOST);
  }

  /** In a confirmable message with an identifier and a token of its own. */
  send({ code, options, payload }: Content, token: Buffer = randomBytes(4)): void {
    const messageId = this.#messageId++;
    this.sendBytes(encodeMessage({ type: CON, messageId, token, code, options, payload }));
  }

  /** Sends a message and returns the first answer to it. */
  async ask(clock: VirtualClock, content: Content): Promise<CoapMessage> {
    this.received.length = 0;
    this.send(content);
    await clock.advance(1_000_000);
    const [answer] = this.received;
    return answer ?? { type: CON, code: 0, messageId: 0, token: NO_BYTES, options: [], payload: NO_BYTES };
  }
}

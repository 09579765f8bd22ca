// Requests per second and CPU time per request of this CoAP server and of npm `coap`, in one run: each server in a child
// process of its own, the load from raw sockets in this one, with 1 and 32 requests in flight. Prints only.
//   node dist/bench/coap.js [seconds per measurement]

import { type ChildProcess, fork } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { createServer } from "coap";
import { SystemClock } from "../src/base/clock.ts";
import { SILENT } from "../src/base/log.ts";
import { encodeMessage, NO_BYTES } from "../src/coap/codec.ts";
import { CON } from "../src/coap/codes.ts";
import { OPTION, textOption } from "../src/coap/options.ts";
import { CoapServer } from "../src/coap/server.ts";

const STATUS = { phase: "light", channel: "upwelling", run: "2026-06-21", batch: 3, sequence: 4, of: 10 };

/** What a server process says: its port, then its CPU time whenever asked. */
type Said = { readonly port: number } | { readonly cpuUs: number };

function isSaid(message: unknown): message is Said {
  return typeof message === "object" && message !== null && ("port" in message || "cpuUs" in message);
}

async function startOurs(): Promise<number> {
  const handler = () => ({ code: "2.05", contentFormat: 50, payload: Buffer.from(JSON.stringify(STATUS)) });
  const server = await CoapServer.listen({
    address: "127.0.0.1",
    port: 0,
    handler,
    clock: new SystemClock(),
    log: SILENT,
  });
  return server.port;
}

async function startNpmCoap(): Promise<number> {
  const server = createServer((_request, response) => {
    response.setOption("Content-Format", "application/json");
    response.end(JSON.stringify(STATUS));
  });
  // The package does not tell the port that the system chose.
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  server.listen(socket);
  return socket.address().port;
}

async function serve(which: string): Promise<void> {
  const port = which === "ours" ? await startOurs() : await startNpmCoap();
  process.send?.({ port });
  process.on("message", () => {
    const { user, system } = process.cpuUsage();
    process.send?.({ cpuUs: user + system });
  });
}

async function said(child: ChildProcess): Promise<Said> {
  const [message]: unknown[] = await once(child, "message");
  if (!isSaid(message)) throw new Error("the server process said something else");
  return message;
}

async function cpuUs(child: ChildProcess): Promise<number> {
  child.send("cpu");
  const message = await said(child);
  return "cpuUs" in message ? message.cpuUs : Number.NaN;
}

/** One client with one request in flight: sends the next when the answer is here. */
class Client {
  answered = 0;
  #messageId = 0;
  readonly #socket: Socket;
  readonly #request: Buffer;

  constructor(port: number, index: number) {
    this.#socket = createSocket({ type: "udp4", lookup: (host, _options, done) => done(null, host, 4) });
    this.#request = encodeMessage({
      type: CON,
      code: 1,
      messageId: 0,
      token: Buffer.from([index, 0, 0, 0]),
      options: [textOption(OPTION.URI_PATH, "acquisition"), textOption(OPTION.URI_PATH, "status")],
      payload: NO_BYTES,
    });
    this.#socket.on("message", () => {
      this.answered += 1;
      this.#send();
    });
    this.#socket.connect(port, "127.0.0.1", () => this.#send());
  }

  close(): void {
    this.#socket.close();
  }

  #send(): void {
    this.#messageId = (this.#messageId + 1) & 0xffff;
    this.#request.writeUInt16BE(this.#messageId, 2);
    // Fresh tokens, as real clients use.
    this.#request.writeUInt16BE(this.#messageId, 5);
    this.#socket.send(Buffer.from(this.#request));
  }
}

interface Result {
  readonly perSecond: number;
  readonly cpuUsPerRequest: number;
}

async function measure(child: ChildProcess, port: number, inFlight: number): Promise<Result> {
  const clock = new SystemClock();
  const clients = Array.from({ length: inFlight }, (_, index) => new Client(port, index));
  const total = (): number => clients.reduce((sum, client) => sum + client.answered, 0);
  const signal = new AbortController().signal;
  await clock.delay(500_000, signal);
  const [cpu, before, startUs] = [await cpuUs(child), total(), clock.nowUs()];
  await clock.delay(Number(process.argv[2] ?? 3) * 1_000_000, signal);
  const [requests, elapsedUs] = [total() - before, clock.nowUs() - startUs];
  const cpuUsed = (await cpuUs(child)) - cpu;
  for (const client of clients) client.close();
  return { perSecond: (requests / elapsedUs) * 1e6, cpuUsPerRequest: cpuUsed / requests };
}

async function measureServer(which: string): Promise<readonly Result[]> {
  const child = fork(fileURLToPath(import.meta.url), ["serve", which], { stdio: "inherit" });
  const first = await said(child);
  const port = "port" in first ? first.port : 0;
  const results = [await measure(child, port, 1), await measure(child, port, 32)];
  child.kill();
  await once(child, "exit");
  return results;
}

async function main(): Promise<void> {
  console.log("GET of a small JSON status over loopback, one core each for server and load if there are two");
  console.log("in flight   server        requests/s   CPU us/request");
  const [ours, npm] = [await measureServer("ours"), await measureServer("npm")];
  ours.forEach((mine, index) => {
    const theirs = npm[index] ?? mine;
    const inFlight = String(index === 0 ? 1 : 32).padStart(9);
    for (const [name, { perSecond, cpuUsPerRequest }] of [["this", mine] as const, ["npm coap", theirs] as const]) {
      console.log(`${inFlight}   ${name.padEnd(8)} ${perSecond.toFixed(0).padStart(15)} ${cpuUsPerRequest.toFixed(1).padStart(16)}`);
    }
    const speed = (mine.perSecond / theirs.perSecond).toFixed(1);
    const thrift = (theirs.cpuUsPerRequest / mine.cpuUsPerRequest).toFixed(1);
    console.log(`${inFlight}   ratio: ${speed} times the requests per second, CPU per request 1/${thrift}`);
  });
}

if (process.argv[2] === "serve") await serve(process.argv[3] ?? "ours");
else await main();

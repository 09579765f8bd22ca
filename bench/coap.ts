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

interface Usage {
  readonly cpuUs: number;
  readonly rssBytes: number;
}

/** What a server process says: its port, then what it has used whenever asked. */
type Said = { readonly port: number } | Usage;

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
    process.send?.({ cpuUs: user + system, rssBytes: process.memoryUsage.rss() });
  });
}

async function said(child: ChildProcess): Promise<Said> {
  const [message]: unknown[] = await once(child, "message");
  if (!isSaid(message)) throw new Error("the server process said something else");
  return message;
}

async function usage(child: ChildProcess): Promise<Usage> {
  child.send("usage");
  const message = await said(child);
  if ("port" in message) throw new Error("the server process started twice");
  return message;
}

/** A socket with some requests in flight: sends each again, with a new identifier and token, when its answer is here. */
class Load {
  answered = 0;
  readonly #socket: Socket;
  readonly #requests: readonly Buffer[];

  constructor(port: number, inFlight: number) {
    this.#requests = Array.from({ length: inFlight }, (_, index) => requestBytes(index));
    this.#socket = createSocket({ type: "udp4", recvBufferSize: 2 ** 20 });
    this.#socket.on("message", (answer) => {
      this.answered += 1;
      this.#send(answer.readUInt8(4));
    });
    this.#socket.connect(port, "127.0.0.1", () => this.#requests.forEach((_, index) => this.#send(index)));
  }

  close(): void {
    this.#socket.close();
  }

  #send(index: number): void {
    const request = this.#requests[index];
    if (request === undefined) return;
    // Identifiers of the requests in flight must differ: each counts in steps of their number.
    const messageId = (request.readUInt16BE(2) + this.#requests.length) & 0xffff;
    request.writeUInt16BE(messageId, 2);
    request.writeUInt32BE((request.readUInt32BE(5) + 1) >>> 0, 5);
    this.#socket.send(request);
  }
}

function requestBytes(index: number): Buffer {
  const token = Buffer.from([index, 0, 0, 0, 0]);
  const options = ["acquisition", "status"].map((segment) => textOption(OPTION.URI_PATH, segment));
  return encodeMessage({ type: CON, code: 1, messageId: index, token, options, payload: NO_BYTES });
}

interface Result {
  readonly perSecond: number;
  readonly cpuUsPerRequest: number;
  readonly rssMb: number;
}

async function measure(child: ChildProcess, port: number, inFlight: number): Promise<Result> {
  const clock = new SystemClock();
  const load = new Load(port, inFlight);
  const signal = new AbortController().signal;
  await clock.delay(500_000, signal);
  const { cpuUs } = await usage(child);
  const [before, startUs] = [load.answered, clock.nowUs()];
  await clock.delay(Number(process.argv[2] ?? 3) * 1_000_000, signal);
  const [requests, elapsedUs] = [load.answered - before, clock.nowUs() - startUs];
  const used = await usage(child);
  load.close();
  return {
    perSecond: (requests / elapsedUs) * 1e6,
    cpuUsPerRequest: (used.cpuUs - cpuUs) / requests,
    rssMb: used.rssBytes / 2 ** 20,
  };
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
  console.log("in flight  server      requests/s  CPU us/request   RSS MB");
  const [ours, npm] = [await measureServer("ours"), await measureServer("npm")];
  ours.forEach((mine, index) => {
    const theirs = npm[index] ?? mine;
    const inFlight = String(index === 0 ? 1 : 32).padStart(9);
    print(`${inFlight}  this      `, mine);
    print(`${inFlight}  npm coap  `, theirs);
    const speed = (mine.perSecond / theirs.perSecond).toFixed(1);
    const thrift = (theirs.cpuUsPerRequest / mine.cpuUsPerRequest).toFixed(1);
    console.log(
      `${inFlight}  ratio: ${speed} times the requests per second, ${thrift} times less CPU per request`,
    );
  });
}

function print(head: string, { perSecond, cpuUsPerRequest, rssMb }: Result): void {
  const cells = [
    perSecond.toFixed(0).padStart(12),
    cpuUsPerRequest.toFixed(1).padStart(16),
    rssMb.toFixed(0).padStart(9),
  ];
  console.log(head + cells.join(""));
}

if (process.argv[2] === "serve") await serve(process.argv[3] ?? "ours");
else await main();

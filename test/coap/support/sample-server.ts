// A small server for the tests of this folder: static, slow, failing, counting and observable resources.

import { createHash } from "node:crypto";
import { Cell } from "../../../src/base/cell.ts";
import { type Clock, SECOND } from "../../../src/base/clock.ts";
import { type Log, SILENT } from "../../../src/base/log.ts";
import type { MessageGuard } from "../../../src/coap/engine/guard.ts";
import type { CoapLimits } from "../../../src/coap/engine/limits.ts";
import { type CoapLink, encodeLinks, filterLinks } from "../../../src/coap/message/link-format.ts";
import type { UdpNetwork } from "../../../src/coap/network/network.ts";
import type { Amplification } from "../../../src/coap/udp/proof.ts";
import {
  type CoapRequest,
  type CoapResponse,
  type CoapAdmission,
  CoapServer,
  type StreamPorts,
  type TlsCredentials,
} from "../../../src/coap/server.ts";
import type { DatagramSocket } from "../../../src/coap/network/udp.ts";

/** Bytes that differ from block to block. */
export function pattern(length: number, shift = 0): Buffer {
  return Buffer.from(Array.from({ length }, (_, index) => (index * 7 + (index >> 8) * 13 + shift) & 0xff));
}

export interface SampleOptions {
  readonly clock: Clock;
  readonly address?: string;
  readonly log?: Log;
  readonly limits?: Partial<CoapLimits>;
  readonly socket?: DatagramSocket;
  readonly streams?: StreamPorts;
  readonly tls?: TlsCredentials;
  readonly origins?: readonly string[];
  readonly network?: UdpNetwork;
  readonly guard?: MessageGuard;
  readonly admit?: CoapAdmission;
  readonly port?: number;
  readonly multicast?: boolean;
  /** Nobody must prove his address unless a test wants it. */
  readonly amplification?: Amplification;
}

export class Sample {
  /** What `/obs` shows, as JSON `{"n":0}`. */
  readonly value = new Cell<number>(0);
  /** What `/frame` shows: 32 KiB, observable. */
  readonly frame = new Cell<Buffer>(pattern(32_768));
  /** How often an action ran. */
  runs = 0;
  uploaded: Buffer = Buffer.alloc(0);
  /** Links of `/.well-known/core` beside its usual four. */
  extraLinks = 0;
  readonly requests: CoapRequest[] = [];
  readonly bodies = new Map([
    ["b1k", pattern(1000)],
    ["b8k", pattern(8000)],
    ["b32k", pattern(32_768)],
    ["b256k", pattern(262_144)],
  ]);
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  static async start(
    options: SampleOptions,
  ): Promise<{ readonly sample: Sample; readonly server: CoapServer }> {
    const sample = new Sample(options.clock);
    const { address = "127.0.0.1", port = 0, amplification = "none", log = SILENT, ...rest } = options;
    const handler = (request: CoapRequest) => sample.handle(request);
    return {
      sample,
      server: await CoapServer.listen({ ...rest, address, port, amplification, log, handler }),
    };
  }

  /** Makes a change 20 times a second, from now until the returned function is called. */
  often(change: () => void): () => void {
    let cancel = (): void => {};
    const next = (): void => {
      change();
      cancel = this.#clock.after(SECOND / 20, next);
    };
    next();
    return () => cancel();
  }

  handle(request: CoapRequest): CoapResponse | Promise<CoapResponse> {
    this.requests.push(request);
    const [name = "", ...rest] = request.path;
    if (rest.length > 0)
      return request.path.join("/") === ".well-known/core" ? this.#core(request) : { code: "4.04" };
    return this.#resource(name, request);
  }

  #resource(name: string, request: CoapRequest): CoapResponse | Promise<CoapResponse> {
    const body = this.bodies.get(name);
    const key = `${request.method} ${name}`;
    if (body !== undefined && request.method === "GET")
      return { code: "2.05", contentFormat: 42, payload: body };
    switch (key) {
      case "GET s":
        return { code: "2.05", contentFormat: 0, payload: Buffer.from("hello world") };
      case "GET fresh":
        // Rendered anew, and different, each time: what a live spectrum is.
        return { code: "2.05", contentFormat: 42, payload: pattern(4096, ++this.runs) };
      case "GET throw":
        throw new Error("secret detail");
      case "GET reject":
        return Promise.reject(new Error("secret detail"));
      case "GET late":
        return this.#late(request);
      case "GET obs":
        return this.#observable(Buffer.from(JSON.stringify({ n: this.value.value })), this.value);
      case "GET frame":
        return this.#observable(this.frame.value, this.frame);
      default:
        return this.#action(key, request);
    }
  }

  #action(key: string, request: CoapRequest): CoapResponse | Promise<CoapResponse> {
    switch (key) {
      case "POST inc":
        return { code: "2.04", payload: Buffer.from(String(++this.runs)) };
      case "POST make":
        return { code: "2.01", locationPath: ["operations", "a/b ü"] };
      case "POST slow":
      case "GET slow":
        return this.#slow(request);
      case "PUT put":
        if (request.ifNoneMatch) return { code: "4.12" };
        this.uploaded = Buffer.from(request.payload);
        this.runs += 1;
        return { code: "2.04" };
      case "GET put":
        return { code: "2.05", contentFormat: 42, payload: this.uploaded };
      case "PUT query":
        this.runs += 1;
        return { code: "2.04", payload: Buffer.concat([pattern(3000, this.runs), request.payload]) };
      default:
        return { code: this.#exists(request.path[0] ?? "") ? "4.05" : "4.04" };
    }
  }

  #exists(name: string): boolean {
    const names = ["s", "fresh", "throw", "obs", "frame", "inc", "make", "slow", "put", "query"];
    return names.includes(name) || this.bodies.has(name);
  }

  async #slow({ signal, method }: CoapRequest): Promise<CoapResponse> {
    this.runs += 1;
    const payload = Buffer.from(String(this.runs));
    await this.#clock.delay(1_300_000, signal);
    return { code: method === "GET" ? "2.05" : "2.04", payload };
  }

  // Takes its time, but not so long that it is acknowledged first; comes in several blocks.
  async #late({ signal }: CoapRequest): Promise<CoapResponse> {
    await this.#clock.delay(400_000, signal);
    return { ...this.#observable(pattern(8000), this.value), contentFormat: 42 };
  }

  #observable(payload: Buffer, cell: Cell<number> | Cell<Buffer>): CoapResponse {
    return { code: "2.05", contentFormat: 50, payload, observe: (changed) => cell.subscribe(changed) };
  }

  #core(request: CoapRequest): CoapResponse {
    const links: CoapLink[] = [
      { path: ["s"], attributes: { ct: "0", title: 'a "plain" one' } },
      { path: ["obs"], attributes: { rt: "sample.value", ct: "50", obs: true } },
      { path: ["frame"], attributes: { rt: "sample.frame", ct: "42", sz: "32768", obs: true } },
      { path: ["put"], attributes: { rt: "sample.store" } },
      ...Array.from({ length: this.extraLinks }, (_, index) => ({ path: [`extra${index}`], attributes: {} })),
    ];
    const found = filterLinks(links, request.query);
    return {
      code: "2.05",
      contentFormat: 40,
      payload: Buffer.from(encodeLinks(found)),
    };
  }
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

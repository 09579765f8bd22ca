// The TypeScript client: the resource tree of a vscope server, over CoAP. Knows the tree's paths and nothing of commands
// or terminals. Every call has a deadline and takes an AbortSignal.

import type { z } from "zod";
import { NEVER, withDeadline } from "../base/abort.ts";
import { type Clock, SECOND, SystemClock } from "../base/clock.ts";
import { VscopeError } from "../base/errors.ts";
import type { CoapClient, CoapClientRequest, CoapReply } from "../coap/client/client.ts";
import { decodeLinks } from "../coap/message/link-format.ts";
import { readClientKey } from "./client-key.ts";
import { connectToAny } from "./connect.ts";
import { Operation } from "./operation.ts";
import { distinct, pages, withQuery } from "./pages.ts";
import { decodePayload, jsonPayload, type Payload } from "./payload.ts";
import { replyError, serverUnreachable, transportError } from "./reply-error.ts";
import { type ResourceLink, resourceLink } from "./resource-link.ts";
import { pathText, type ResourcePath, targetOf } from "./resource-path.ts";
import { defaultServerUrl, parseServerUrl } from "./server-url.ts";
import {
  type RecordOptions,
  type RunDetail,
  type RunList,
  runDetailShape,
  runListShape,
  type FoundSpectrum,
  type SpectraPage,
  type SpectraQuery,
  spectraPageShape,
  type WhiteOptions,
} from "./shapes.ts";

export interface ConnectOptions {
  /** Seconds to wait for an answer; 10 when absent. */
  readonly timeoutS?: number;
  readonly clock?: Clock;
  /** File with a key that proves who asks, as `vscope key new` prints it: by OSCORE, or by TLS where the scheme has that. */
  readonly keyFile?: string;
}

export interface RunQuery {
  readonly offset?: number;
  readonly limit?: number;
  /** Part of the name. */
  readonly match?: string;
}

/** What a POST created, and the value it answered. */
export interface Posted {
  readonly location: readonly string[];
  readonly value: unknown;
}

interface Request {
  readonly method: "GET" | "PUT" | "POST" | "DELETE" | "FETCH";
  readonly path: ResourcePath;
  readonly body?: Payload | undefined;
  /** How many times the usual deadline it may take. */
  readonly patience?: number;
  readonly more?: ReadOptions | Pick<CoapClientRequest, "ifMatch">;
}

/** What CoAP has for reading: formats, validation, going on with what was cut, bursts of blocks for far links. */
export type ReadOptions = Pick<
  CoapClientRequest,
  "accept" | "etag" | "qBlock" | "resume" | "onPart" | "keepsBody" | "maxBytes"
>;

export type DownloadOptions = Omit<ReadOptions, "etag" | "accept">;

const DEFAULT_TIMEOUT_S = 10;
// The server counts no further.
const MOST_FILES = 1_000_000;
// Large bodies travel in blocks of 1 KiB, a round trip each. A download of unknown size gets the time of a long one.
const BYTES_PER_TIMEOUT = 16 * 1024;
const DOWNLOAD_PATIENCE = 12;

export class VscopeClient {
  readonly url: string;
  readonly clock: Clock;
  readonly #coap: CoapClient;
  readonly #timeoutS: number;

  private constructor(url: string, coap: CoapClient, options: Required<Omit<ConnectOptions, "keyFile">>) {
    this.url = url;
    this.clock = options.clock;
    this.#coap = coap;
    this.#timeoutS = options.timeoutS;
  }

  /**
   * Connects to `coap://host[:port]`; `VSCOPE_URL` or this machine when absent. A host with several addresses, such as
   * localhost, is asked at all of them, and the first to answer is used; a single address is first asked by the first request.
   * Throws VALUE_INVALID for a bad URL, CONFIG_INVALID for a bad key file, DEVICE_TIMEOUT when none answers.
   */
  static async connect(
    url: string = defaultServerUrl(),
    { timeoutS = DEFAULT_TIMEOUT_S, clock = new SystemClock(), keyFile }: ConnectOptions = {},
    signal: AbortSignal = NEVER,
  ): Promise<VscopeClient> {
    const server = parseServerUrl(url);
    const key = keyFile === undefined ? undefined : await readClientKey(keyFile);
    const deadline = { clock, us: timeoutS * SECOND, late: () => noAnswer(server.url, timeoutS) };
    const open = (joined: AbortSignal): Promise<CoapClient> => connectToAny(server, { clock, key }, joined);
    const coap = await withDeadline(deadline, signal, open);
    return new VscopeClient(server.url, coap, { timeoutS, clock });
  }

  /** A client over a connection of the caller's. */
  static over(
    coap: CoapClient,
    url: string,
    { timeoutS = DEFAULT_TIMEOUT_S, clock = new SystemClock() }: Omit<ConnectOptions, "keyFile"> = {},
  ): VscopeClient {
    return new VscopeClient(url, coap, { timeoutS, clock });
  }

  close(): Promise<void> {
    return this.#coap.close();
  }

  /** The value of a resource: JSON or CBOR decoded, text as string, bytes as Uint8Array. Throws the server's error. */
  async get(path: ResourcePath, signal: AbortSignal = NEVER): Promise<unknown> {
    const { payload, contentFormat } = await this.#request({ method: "GET", path }, signal);
    return decodePayload(payload, contentFormat);
  }

  /** `get`, checked against a schema. Throws DEVICE_PROTOCOL when the value does not fit. */
  async getAs<T>(path: ResourcePath, shape: z.ZodType<T>, signal: AbortSignal = NEVER): Promise<T> {
    return this.#fitting(path, await this.get(path, signal), shape);
  }

  /** The bytes of a resource, as they are. */
  async getBytes(path: ResourcePath, signal: AbortSignal = NEVER): Promise<Uint8Array> {
    return (await this.#request({ method: "GET", path, patience: DOWNLOAD_PATIENCE }, signal)).payload;
  }

  /** A resource as it comes, 2.03 without a body for who has it. Throws the server's error. */
  read(path: ResourcePath, options: ReadOptions, signal: AbortSignal = NEVER): Promise<CoapReply> {
    return this.#request({ method: "GET", path, patience: DOWNLOAD_PATIENCE, more: options }, signal);
  }

  /** Sets a value, sent as JSON. */
  put(path: ResourcePath, value: unknown, signal: AbortSignal = NEVER): Promise<void> {
    return this.putPayload(path, jsonPayload(value), signal);
  }

  /** Uploads bytes in a format of the caller's. */
  async putPayload(path: ResourcePath, body: Payload, signal: AbortSignal = NEVER): Promise<void> {
    const patience = Math.ceil(1 + body.bytes.length / BYTES_PER_TIMEOUT);
    await this.#request({ method: "PUT", path, body, patience }, signal);
  }

  /** Starts an action; `value` undefined sends no body. */
  async post(path: ResourcePath, value: unknown, signal: AbortSignal = NEVER): Promise<Posted> {
    const body = value === undefined ? undefined : jsonPayload(value);
    const reply = await this.#request({ method: "POST", path, body }, signal);
    return { location: reply.locationPath, value: decodePayload(reply.payload, reply.contentFormat) };
  }

  /** Only what has one of the tags, where some are given. */
  async delete(
    path: ResourcePath,
    signal: AbortSignal = NEVER,
    more: Pick<CoapClientRequest, "ifMatch"> = {},
  ): Promise<void> {
    await this.#request({ method: "DELETE", path, more }, signal);
  }

  /**
   * The value now and after each change. May skip values, never misses the last. Ends after the first value when the
   * resource cannot be observed. Throws the server's error when the value cannot be read any more, and on abort.
   */
  async *observe(path: ResourcePath, signal: AbortSignal = NEVER): AsyncGenerator<unknown, void> {
    const first = new AbortController();
    const late = (): void => first.abort(noAnswer(this.url, this.#timeoutS));
    const cancel = this.clock.after(this.#timeoutS * SECOND, late);
    const joined = AbortSignal.any([signal, first.signal]);
    try {
      for await (const reply of this.#coap.observe({ method: "GET", ...targetOf(path) }, joined)) {
        cancel();
        throwIfError(reply, path);
        yield decodePayload(reply.payload, reply.contentFormat);
      }
    } catch (error) {
      throw transportError(error, this.url);
    } finally {
      cancel();
    }
  }

  /** The resources of the server; `query` selects as RFC 6690 section 4.1 says, such as `href=/shutters*`. */
  async discover(
    query: readonly string[] = [],
    signal: AbortSignal = NEVER,
  ): Promise<readonly ResourceLink[]> {
    const path = ["/.well-known/core", query.map(encodeURIComponent).join("&")].filter(Boolean).join("?");
    const { payload } = await this.#request({ method: "GET", path }, signal);
    return decodeLinks(Buffer.from(payload).toString()).map(resourceLink);
  }

  /** Starts a recording. */
  record(options: RecordOptions = {}, signal: AbortSignal = NEVER): Promise<Operation> {
    return this.#start("record", options, signal);
  }

  /** Starts the recording of dark spectra of all channels. */
  dark(options: Pick<RecordOptions, "run"> = {}, signal: AbortSignal = NEVER): Promise<Operation> {
    return this.#start("dark", options, signal);
  }

  /** Starts the recording of a white panel as the new reference. */
  whiteReference(options: WhiteOptions, signal: AbortSignal = NEVER): Promise<Operation> {
    return this.#start("white-reference", options, signal);
  }

  /** Starts the search for integration times on all channels. */
  autointegrate(
    options: Pick<RecordOptions, "targetPercent"> = {},
    signal: AbortSignal = NEVER,
  ): Promise<Operation> {
    return this.#start("autointegrate", options, signal);
  }

  /** Ends whatever the acquisition is doing. */
  async abort(signal: AbortSignal = NEVER): Promise<void> {
    await this.post(["acquisition", "abort"], undefined, signal);
  }

  /** Holds whatever the acquisition is doing after its present exposure. */
  async pause(signal: AbortSignal = NEVER): Promise<void> {
    await this.post(["acquisition", "pause"], undefined, signal);
  }

  /** Goes on with what is held. */
  async resume(signal: AbortSignal = NEVER): Promise<void> {
    await this.post(["acquisition", "resume"], undefined, signal);
  }

  /** An operation that was started before, here or elsewhere. */
  operation(id: string): Operation {
    return new Operation(this, ["acquisition", "operations", id]);
  }

  /** The newest runs, `limit` of them (50 when absent), after the first `offset`. */
  async runs(
    { offset = 0, limit = 50, match }: RunQuery = {},
    signal: AbortSignal = NEVER,
  ): Promise<RunList> {
    const wanted = match === undefined ? {} : { match };
    const found = await pages({ offset, limit }, async (slice) => {
      const path = withQuery("/datadir/runs", { ...slice, ...wanted });
      const answer = await this.getAs(path, runListShape, signal);
      return { answer, items: answer.runs };
    });
    // A run that is recorded meanwhile moves to the front, and another one comes twice.
    return { ...found.answer, runs: distinct(found.items, ({ name }) => name) };
  }

  /** A run and its files, `limit` of them: all when absent. */
  async run(
    name: string,
    signal: AbortSignal = NEVER,
    { limit = MOST_FILES }: { readonly limit?: number } = {},
  ): Promise<RunDetail> {
    if (name === "") throw new VscopeError("RESOURCE_NOT_FOUND", 'run "": there is none');
    const path = `/datadir/runs/${encodeURIComponent(name)}`;
    const found = await pages({ offset: 0, limit }, async (slice) => {
      const answer = await this.getAs(withQuery(path, slice), runDetailShape, signal);
      return { answer, items: answer.files };
    });
    return { ...found.answer, files: distinct(found.items, ({ file }) => file) };
  }

  /** A file of a run. */
  async download(
    run: string,
    file: string,
    signal: AbortSignal = NEVER,
    options: DownloadOptions = {},
  ): Promise<Uint8Array> {
    return (await this.read(["datadir", "runs", run, file], options, signal)).payload;
  }

  /** A page of the spectra that fit. */
  async search(query: SpectraQuery, signal: AbortSignal = NEVER): Promise<SpectraPage> {
    const path = "/datadir/search";
    const reply = await this.#request({ method: "FETCH", path, body: jsonPayload(query) }, signal);
    return this.#fitting(path, decodePayload(reply.payload, reply.contentFormat), spectraPageShape);
  }

  /** All spectra that fit, asked for page by page; what is recorded meanwhile moves none. */
  async *spectra(query: SpectraQuery, signal: AbortSignal = NEVER): AsyncGenerator<FoundSpectrum, void> {
    for (let after = query.after; ; ) {
      const { spectra, next } = await this.search(
        { ...query, ...(after !== undefined && { after }) },
        signal,
      );
      yield* spectra;
      if (next === undefined) return;
      after = next;
    }
  }

  #fitting<T>(path: ResourcePath, value: unknown, shape: z.ZodType<T>): T {
    const parsed = shape.safeParse(value);
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    const place = issue === undefined || issue.path.length === 0 ? "" : ` at ${issue.path.join(".")}`;
    const text = `${this.url}${pathText(path)}: unexpected answer${place}: ${issue?.message}`;
    throw new VscopeError("DEVICE_PROTOCOL", text);
  }

  async #start(kind: string, options: object, signal: AbortSignal): Promise<Operation> {
    const { location } = await this.post(["acquisition", kind], options, signal);
    if (location.length === 0) {
      throw new VscopeError(
        "DEVICE_PROTOCOL",
        `${this.url}/acquisition/${kind}: the answer names no operation`,
      );
    }
    return new Operation(this, location);
  }

  async #request(
    { method, path, body, patience = 1, more = {} }: Request,
    signal: AbortSignal,
  ): Promise<CoapReply> {
    const timeoutS = this.#timeoutS * patience;
    const deadline = { clock: this.clock, us: timeoutS * SECOND, late: () => noAnswer(this.url, timeoutS) };
    const payload = body === undefined ? {} : { payload: body.bytes, contentFormat: body.contentFormat };
    const request = { method, ...targetOf(path), ...payload, ...more };
    try {
      const reply = await withDeadline(deadline, signal, (joined) => this.#coap.request(request, joined));
      throwIfError(reply, path);
      return reply;
    } catch (error) {
      throw transportError(error, this.url);
    }
  }
}

function throwIfError(reply: CoapReply, path: ResourcePath): void {
  if (reply.code.startsWith("2.")) return;
  const text = Buffer.from(reply.payload).toString();
  throw replyError(reply.code, text === "" ? `${pathText(path)}: the server answered ${reply.code}` : text);
}

function noAnswer(url: string, timeoutS: number): VscopeError {
  return serverUnreachable(`no answer from ${url} within ${timeoutS} s; is vscope-server running there?`);
}

// One request of the client with its blocks: the body up (Block1) and the answer down (Block2), RFC 7959; or in bursts
// (RFC 9177) where that was asked for, until the server says that it does not know them.

import { type Clock, SECOND } from "../../base/clock.ts";
import { VscopeError } from "../../base/errors.ts";
import {
  BERT_EXPONENT,
  type Block,
  blockOffset,
  blockValue,
  isWholeBlock,
  LARGEST_BLOCK_BYTES,
  LARGEST_EXPONENT,
  readBlock,
  unitBytes,
} from "../message/block.ts";
import { BurstDownload, qBlock2Of } from "./burst-download.ts";
import { BurstExchange } from "./burst-exchange.ts";
import { etagOf, PartialBody, resumedAt } from "./partial-body.ts";
import { BurstUpload } from "./burst-upload.ts";
import type { ClientEndpoint } from "./client-endpoint.ts";
import {
  type CoapClientRequest,
  type CoapReply,
  readingOptions,
  replyOf,
  requestOptions,
  withUints,
} from "./client-message.ts";
import { type Message, NO_BYTES, sortOptions } from "../message/codec.ts";
import { classOf, codeNumber, isSafe, methodCode } from "../message/codes.ts";
import { bytesOption, type CoapOption, findOption, OPTION } from "../message/options.ts";

/** How often reading starts again when the resource changes meanwhile. */
const ATTEMPTS = 3;

/** The largest answer that is put together, unless the request says otherwise. */
const LARGEST_BODY_BYTES = 64 * 1024 * 1024;

const CONTINUE = codeNumber("2.31");
const TOO_LARGE = codeNumber("4.13");
const TOO_MANY = codeNumber("4.29");

/** In the midst of a transfer, a server that is asked too fast (RFC 8516) is left alone as long as it says, so often at most. */
const PAUSES = 8;
const LONGEST_PAUSE_S = 10;
/** An option that the server does not know. */
const BAD_OPTION = codeNumber("4.02");

/** What is said to who goes on with an answer that is another one by now, or shorter. */
const OUTDATED: readonly number[] = [codeNumber("4.12"), codeNumber("4.00")];

const SMALLEST_BLOCK = blockValue({ number: 0, more: false, sizeExponent: 0 });
const CORE: CoapClientRequest = { method: "GET", path: [".well-known", "core"] };

export class Transfer {
  readonly #endpoint: ClientEndpoint;
  readonly #clock: Clock;
  readonly #request: CoapClientRequest;
  #options: readonly CoapOption[];
  /** The byte that the answer is read from; another one than 0 once at most. */
  #offset: number;
  readonly #wantsBursts: boolean;

  constructor(endpoint: ClientEndpoint, clock: Clock, request: CoapClientRequest) {
    this.#endpoint = endpoint;
    this.#clock = clock;
    this.#request = request;
    this.#wantsBursts = request.qBlock === true;
    this.#offset = resumedAt(request.resume);
    this.#options = this.#taggedOptions();
  }

  /** Throws what `ClientEndpoint.exchange` does, and DEVICE_PROTOCOL when the blocks do not fit together. */
  async run(signal: AbortSignal): Promise<CoapReply> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (attempt > 0) {
        this.#offset = 0;
        this.#options = this.#taggedOptions();
      }
      const reply = await this.#attempt(signal);
      if (reply !== undefined) return reply;
      if (!isSafe(this.#request.method)) break;
    }
    throw this.#error("the answer changed while it was read in blocks");
  }

  /** Registers an observation with this token; resolves with the first answer, of which more blocks may follow. */
  register(token: Buffer, signal: AbortSignal): Promise<Message> {
    const options = withUints(this.#options, [OPTION.OBSERVE, 0]);
    return this.#first({ ...this.#head(), ...this.#selection(), token, options }, signal);
  }

  /** Ends the observation; the server need not answer (No-Response, RFC 7967). */
  deregister(token: Buffer): void {
    const options = withUints(this.#options, [OPTION.OBSERVE, 1], [OPTION.NO_RESPONSE, 2 | 8 | 16]);
    this.#endpoint.tell({ ...this.#head(), ...this.#selection(), token, options });
  }

  /** Fetches the blocks after `first`. Undefined when the answer changed meanwhile. */
  async download(first: Message, signal: AbortSignal): Promise<CoapReply | undefined> {
    if (!isInBursts(first)) return this.#downloadBlocks(first, signal);
    const exchange = this.#newExchange();
    try {
      return await this.#downloadBursts(first, { exchange, isFollowed: false }, signal);
    } finally {
      exchange.close();
    }
  }

  async #attempt(signal: AbortSignal): Promise<CoapReply | undefined> {
    const exchange = this.#newExchange();
    try {
      const first = await this.#upload(exchange, signal);
      if (this.#offset > 0 && !this.#goesOn(first)) return undefined;
      return isInBursts(first)
        ? await this.#downloadBursts(first, { exchange, isFollowed: true }, signal)
        : await this.#downloadBlocks(first, signal);
    } finally {
      exchange.close();
    }
  }

  // What the server keeps for later blocks may be of another version than If-Match asks for.
  #goesOn(first: Message): boolean {
    const { etag } = this.#request.resume ?? {};
    const isSame = etag === undefined || classOf(first.code) !== 2 || etagOf(first).equals(etag);
    return isSame && !OUTDATED.includes(first.code);
  }

  // The requests for later blocks do not repeat what a FETCH selects: a tag tells them apart (RFC 9175 section 3). One names
  // a body that goes up in bursts, too; it serves once.
  #taggedOptions(): readonly CoapOption[] {
    const needsTag = this.#request.method === "FETCH" || this.#goesInBursts();
    const tag = needsTag ? [bytesOption(OPTION.REQUEST_TAG, this.#endpoint.nextToken())] : [];
    const { resume } = this.#request;
    const isSame =
      this.#offset === 0 || resume?.etag === undefined ? [] : [bytesOption(OPTION.IF_MATCH, resume.etag)];
    return sortOptions([...requestOptions(this.#request), ...isSame, ...tag]);
  }

  #goesInBursts(): boolean {
    return this.#mayBurst && (this.#request.payload?.length ?? 0) > this.#endpoint.sizes.wholeBytes;
  }

  #newExchange(): BurstExchange {
    return new BurstExchange(this.#endpoint, this.#clock, this.#head().code);
  }

  async #downloadBursts(
    first: Message,
    how: { readonly exchange: BurstExchange; readonly isFollowed: boolean },
    signal: AbortSignal,
  ): Promise<CoapReply | undefined> {
    const options = readingOptions(this.#options);
    const name = this.#name();
    const { maxBytes: largestBytes = LARGEST_BODY_BYTES } = this.#request;
    const body = new PartialBody(this.#request, first, this.#offset);
    const download = new BurstDownload({ ...how, name, options, largestBytes, body }, first);
    const bytes = await download.run(signal);
    return bytes === undefined ? undefined : replyOf(first, bytes);
  }

  async #downloadBlocks(first: Message, signal: AbortSignal): Promise<CoapReply | undefined> {
    if (classOf(first.code) !== 2) return replyOf(first, first.payload);
    let block = blockOf(first, OPTION.BLOCK2);
    const offset = block === undefined ? 0 : blockOffset(block);
    if (offset > this.#offset) throw this.#error(`byte ${this.#offset} was asked for, ${offset} came`);
    const body = new PartialBody(this.#request, first, offset);
    const { maxBytes = LARGEST_BODY_BYTES } = this.#request;
    let last = first;
    for (;;) {
      if (!body.add(last.payload)) return undefined;
      if (body.bytes > maxBytes && last !== first)
        throw this.#error(`the answer is larger than ${maxBytes} bytes`);
      if (block?.more !== true) return replyOf(first, body.whole());
      if (!isWholeBlock(block, last.payload.length))
        throw this.#error(`block ${block.number} is of a wrong length`);
      const asked: Block = { ...block, number: body.bytes / unitBytes(block), more: false };
      last = await this.#fetch(asked, signal);
      if (last.code === TOO_MANY) return replyOf(last, last.payload);
      if (classOf(last.code) !== 2 || !etagOf(last).equals(body.etag)) return undefined;
      block = blockOf(last, OPTION.BLOCK2);
      if (block?.number !== asked.number)
        throw this.#error(`block ${asked.number} was asked for, another one came`);
    }
  }

  /** Sends what starts an answer; asks for that in bursts until the server does not know them. */
  async #first(message: Message, signal: AbortSignal): Promise<Message> {
    const number = this.#offset / LARGEST_BLOCK_BYTES;
    const single = { number, more: false, sizeExponent: this.#endpoint.sizes.sizeExponent };
    const from = withUints(message.options, [OPTION.BLOCK2, blockValue(single)]);
    const simple = number === 0 ? message : { ...message, options: from };
    if (!this.#mayBurst) return this.#endpoint.exchange(simple, signal);
    const all = blockValue({ number, more: true, sizeExponent: LARGEST_EXPONENT });
    const options = withUints(message.options, [OPTION.Q_BLOCK2, all]);
    const answer = await this.#endpoint.exchange({ ...message, options }, signal);
    if (answer.code !== BAD_OPTION) this.#endpoint.bursts = "taken";
    if (answer.code !== BAD_OPTION) return answer;
    const plain = await this.#endpoint.exchange(simple, signal);
    if (plain.code !== BAD_OPTION) this.#endpoint.bursts = "refused";
    return plain;
  }

  get #mayBurst(): boolean {
    const { bursts = "refused" } = this.#endpoint;
    return this.#wantsBursts && bursts !== "refused";
  }

  async #upload(exchange: BurstExchange, signal: AbortSignal): Promise<Message> {
    const payload = this.#request.payload ?? NO_BYTES;
    const { sizes } = this.#endpoint;
    if (payload.length <= sizes.wholeBytes) {
      const token = this.#mayBurst ? exchange.token() : this.#endpoint.nextToken();
      return this.#first({ ...this.#head(), token, options: this.#options, payload }, signal);
    }
    if (!(await this.#knowsBursts(signal))) return this.#uploadBlocks(payload, signal);
    return new BurstUpload({ exchange, name: this.#name(), options: this.#options, payload }).run(signal);
  }

  // A server may pass over a non-confirmable message with an option that it does not know, so it is asked first (RFC 9177
  // section 4.1), by a block that every server has.
  async #knowsBursts(signal: AbortSignal): Promise<boolean> {
    if (this.#mayBurst && this.#endpoint.bursts === "unknown") {
      const options = withUints(requestOptions(CORE), [OPTION.Q_BLOCK2, SMALLEST_BLOCK]);
      const message = {
        code: methodCode("GET"),
        token: this.#endpoint.nextToken(),
        options,
        payload: NO_BYTES,
      };
      const { code } = await this.#endpoint.exchange(message, signal);
      this.#endpoint.bursts = code === BAD_OPTION ? "refused" : "taken";
    }
    return this.#mayBurst;
  }

  async #uploadBlocks(payload: Uint8Array, signal: AbortSignal): Promise<Message> {
    // One token for all blocks: some servers tell uploads apart by it.
    const head = { ...this.#head(), token: this.#endpoint.nextToken() };
    const { sizes } = this.#endpoint;
    let { sizeExponent } = sizes;
    let offset = 0;
    for (;;) {
      const first: Block = { number: 0, more: true, sizeExponent };
      const end = offset + (sizeExponent === BERT_EXPONENT ? sizes.blockBytes : unitBytes(first));
      const block: Block = { ...first, number: offset / unitBytes(first), more: end < payload.length };
      const size = offset === 0 ? ([[OPTION.SIZE1, payload.length]] as const) : [];
      const options = withUints(this.#options, [OPTION.BLOCK1, blockValue(block)], ...size);
      const message = { ...head, options, payload: payload.subarray(offset, end) };
      const isFirst = offset === 0;
      const reply = await (isFirst
        ? this.#endpoint.exchange(message, signal)
        : this.#exchangeInTime(message, signal));
      const answered = blockOf(reply, OPTION.BLOCK1);
      const wantsSmaller = answered !== undefined && answered.sizeExponent < sizeExponent;
      const isRefusedSize = reply.code === TOO_LARGE && offset === 0 && wantsSmaller;
      if (reply.code !== CONTINUE && !isRefusedSize) return reply;
      if (!block.more && !isRefusedSize) throw this.#error("the server wants more after the last block");
      if (!isRefusedSize) offset = end;
      if (wantsSmaller) sizeExponent = answered.sizeExponent;
    }
  }

  #fetch(block: Block, signal: AbortSignal): Promise<Message> {
    const options = withUints(readingOptions(this.#options), [OPTION.BLOCK2, blockValue(block)]);
    return this.#exchangeInTime({ ...this.#head(), token: this.#endpoint.nextToken(), options }, signal);
  }

  // What was refused so has not been looked at: it can be sent again, whatever it is.
  async #exchangeInTime(message: Message, signal: AbortSignal): Promise<Message> {
    for (let pauses = 0; ; pauses++) {
      const reply = await this.#endpoint.exchange(message, signal);
      const { maxAgeS } = replyOf(reply, NO_BYTES);
      if (reply.code !== TOO_MANY || pauses === PAUSES || maxAgeS > LONGEST_PAUSE_S) return reply;
      await this.#clock.delay(maxAgeS * SECOND, signal);
    }
  }

  #head(): { readonly code: number; readonly payload: Uint8Array } {
    return { code: methodCode(this.#request.method), payload: NO_BYTES };
  }

  /** What a FETCH asks for is in its payload; it is in one message here. */
  #selection(): { readonly payload: Uint8Array } {
    return { payload: this.#request.payload ?? NO_BYTES };
  }

  #error(fact: string): VscopeError {
    return new VscopeError("DEVICE_PROTOCOL", `${this.#name()}: ${fact}`);
  }

  #name(): string {
    const { method, path } = this.#request;
    return `${this.#endpoint.name}: ${method} /${path.join("/")}`;
  }
}

function isInBursts(message: Message): boolean {
  return classOf(message.code) === 2 && qBlock2Of(message) !== undefined;
}

function blockOf({ options }: Message, number: number): Block | undefined {
  const value = findOption(options, number);
  return value === undefined || value.length > 3 ? undefined : readBlock(value);
}

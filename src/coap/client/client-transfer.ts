// One request of the client with its blocks: the body up (Block1) and the answer down (Block2), RFC 7959; or in bursts
// (RFC 9177) where that was asked for, until the server says that it does not know them.

import { type Clock, SECOND } from "../../base/clock.ts";
import { VscopeError } from "../../base/errors.ts";
import {
  BERT_EXPONENT,
  type Block,
  blockValue,
  isWholeBlock,
  LARGEST_EXPONENT,
  readBlock,
  unitBytes,
} from "../message/block.ts";
import { BurstDownload, qBlock2Of } from "./burst-download.ts";
import { BurstExchange } from "./burst-exchange.ts";
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
import { type Message, NO_BYTES } from "../message/codec.ts";
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

/** The whole answer, in bursts of blocks of 1024 bytes. */
const ALL_IN_BURSTS = blockValue({ number: 0, more: true, sizeExponent: LARGEST_EXPONENT });
const SMALLEST_BLOCK = blockValue({ number: 0, more: false, sizeExponent: 0 });
const CORE: CoapClientRequest = { method: "GET", path: [".well-known", "core"] };

export class Transfer {
  readonly #endpoint: ClientEndpoint;
  readonly #clock: Clock;
  readonly #request: CoapClientRequest;
  #options: readonly CoapOption[];
  readonly #wantsBursts: boolean;

  constructor(endpoint: ClientEndpoint, clock: Clock, request: CoapClientRequest) {
    this.#endpoint = endpoint;
    this.#clock = clock;
    this.#request = request;
    this.#wantsBursts = request.qBlock === true;
    this.#options = this.#taggedOptions();
  }

  /** Throws what `ClientEndpoint.exchange` does, and DEVICE_PROTOCOL when the blocks do not fit together. */
  async run(signal: AbortSignal): Promise<CoapReply> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (attempt > 0) this.#options = this.#taggedOptions();
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
      return isInBursts(first)
        ? await this.#downloadBursts(first, { exchange, isFollowed: true }, signal)
        : await this.#downloadBlocks(first, signal);
    } finally {
      exchange.close();
    }
  }

  // The requests for later blocks do not repeat what a FETCH selects: a tag tells them apart (RFC 9175 section 3). One names
  // a body that goes up in bursts, too; it serves once.
  #taggedOptions(): readonly CoapOption[] {
    const needsTag = this.#request.method === "FETCH" || this.#goesInBursts();
    const tag = needsTag ? [bytesOption(OPTION.REQUEST_TAG, this.#endpoint.nextToken())] : [];
    return [...requestOptions(this.#request), ...tag];
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
    const download = new BurstDownload({ ...how, name, options, largestBytes: LARGEST_BODY_BYTES }, first);
    const body = await download.run(signal);
    return body === undefined ? undefined : replyOf(first, body);
  }

  async #downloadBlocks(first: Message, signal: AbortSignal): Promise<CoapReply | undefined> {
    const parts = [first.payload];
    let block = blockOf(first, OPTION.BLOCK2);
    if (block?.more !== true) return replyOf(first, first.payload);
    let bytes = first.payload.length;
    const { maxBytes = LARGEST_BODY_BYTES } = this.#request;
    while (block.more) {
      if (!isWholeBlock(block, parts.at(-1)?.length ?? 0))
        throw this.#error(`block ${block.number} is of a wrong length`);
      const asked: Block = { ...block, number: bytes / unitBytes(block), more: false };
      const next = await this.#fetch(asked, signal);
      if (next.code === TOO_MANY) return replyOf(next, next.payload);
      const isSame = Buffer.compare(etagOf(next), etagOf(first)) === 0;
      if (classOf(next.code) !== 2 || !isSame) return undefined;
      block = blockOf(next, OPTION.BLOCK2);
      if (block?.number !== asked.number)
        throw this.#error(`block ${asked.number} was asked for, another one came`);
      bytes += next.payload.length;
      if (bytes > maxBytes) throw this.#error(`the answer is larger than ${maxBytes} bytes`);
      parts.push(next.payload);
    }
    return replyOf(first, Buffer.concat(parts, bytes));
  }

  /** Sends what starts an answer; asks for that in bursts until the server does not know them. */
  async #first(message: Message, signal: AbortSignal): Promise<Message> {
    if (!this.#mayBurst) return this.#endpoint.exchange(message, signal);
    const options = withUints(message.options, [OPTION.Q_BLOCK2, ALL_IN_BURSTS]);
    const answer = await this.#endpoint.exchange({ ...message, options }, signal);
    if (answer.code !== BAD_OPTION) this.#endpoint.bursts = "taken";
    if (answer.code !== BAD_OPTION) return answer;
    const plain = await this.#endpoint.exchange(message, signal);
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

function etagOf({ options }: Message): Buffer {
  return findOption(options, OPTION.ETAG) ?? NO_BYTES;
}

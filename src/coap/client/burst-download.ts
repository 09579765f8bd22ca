// An answer that comes in bursts (Q-Block2, RFC 9177): asks for what has got lost, and for the next set when one is whole.

import { VscopeError } from "../../base/errors.ts";
import { type Block, blockValue, readBlock, unitBytes } from "../message/block.ts";
import { type Message, NO_BYTES } from "../message/codec.ts";
import { classOf, codeNumber } from "../message/codes.ts";
import { type CoapOption, findOption, OPTION } from "../message/options.ts";
import {
  NON_MAX_RETRANSMIT,
  NON_RECEIVE_TIMEOUT_US,
  NON_TIMEOUT_US,
  REORDER_US,
  setStart,
} from "../message/q-block.ts";
import { ReceivedBlocks } from "../message/received-blocks.ts";
import type { BurstExchange } from "./burst-exchange.ts";
import { withUints } from "./client-message.ts";
import { etagOf, type PartialBody } from "./partial-body.ts";

/** Asked too fast, or too much at work: what is missing is asked for again later. The last is late and of the upload before. */
const PASSED_OVER: readonly number[] = [codeNumber("4.29"), codeNumber("5.03"), codeNumber("2.31")];

export interface BurstDownloadOptions {
  readonly exchange: BurstExchange;
  /** The server, and what is read there, for errors. */
  readonly name: string;
  /** Those that name what is read. */
  readonly options: readonly CoapOption[];
  readonly largestBytes: number;
  readonly body: PartialBody;
  /** Others of the first set come unasked; not those of a notification. */
  readonly isFollowed: boolean;
}

export class BurstDownload {
  readonly #options: BurstDownloadOptions;
  readonly #blocks: ReceivedBlocks;
  /** The first block that is not in the body yet. */
  #following: number;
  readonly #sizeExponent: number;
  /** When to ask for what is missing. */
  #dueUs = 0;
  /** When that was done last, and for the set from which block on. */
  #askedUs = 0;
  #askedSet = -1;
  #isOfBody: boolean;
  /** How often in a row that brought nothing. */
  #asked = 0;

  /** `first` is the first block that came, of whatever number. */
  constructor(options: BurstDownloadOptions, first: Message) {
    this.#options = options;
    this.#sizeExponent = qBlock2Of(first)?.sizeExponent ?? 0;
    this.#following = options.body.offset / unitBytes({ sizeExponent: this.#sizeExponent });
    this.#blocks = new ReceivedBlocks(this.#following);
    this.#took();
    this.#isOfBody = this.#add(first);
    if (!options.isFollowed) this.#ask();
  }

  /** The body; undefined when it has changed meanwhile. Throws DEVICE_TIMEOUT when no more comes. */
  async run(signal: AbortSignal): Promise<Buffer | undefined> {
    const { exchange, body } = this.#options;
    while (this.#isOfBody && !this.#blocks.isWhole) {
      const message = await exchange.take(this.#dueUs, signal);
      if (message === undefined) this.#ask();
      else if (!PASSED_OVER.includes(message.code)) this.#isOfBody = this.#add(message);
    }
    return this.#isOfBody ? body.whole() : undefined;
  }

  /** False for a message that is not of this body. */
  #add(message: Message): boolean {
    const block = qBlock2Of(message);
    const isSame = classOf(message.code) === 2 && etagOf(message).equals(this.#options.body.etag);
    if (block === undefined || !isSame) return false;
    const addition = this.#blocks.add(block, message.payload);
    if (addition === "wrong") throw this.#error(`block ${block.number} is of a wrong length or place`);
    if (addition === "known") return true;
    const { largestBytes, body } = this.#options;
    if (body.offset + this.#blocks.bytes > largestBytes)
      throw this.#error(`the answer is larger than ${largestBytes} bytes`);
    this.#took();
    return this.#append(body);
  }

  #append(body: PartialBody): boolean {
    while (this.#following < this.#blocks.next) {
      if (!body.add(this.#blocks.take(this.#following))) return false;
      this.#following += 1;
    }
    return true;
  }

  // Sooner than after NON_RECEIVE_TIMEOUT when what has come tells that no more of the set will, but once for each loss.
  #took(): void {
    const nowUs = this.#options.exchange.nowUs();
    this.#asked = 0;
    this.#dueUs = nowUs + NON_RECEIVE_TIMEOUT_US;
    if (this.#blocks.highest < 0 || this.#blocks.isWhole) return;
    const isNew = this.#askedSet !== setStart(this.#blocks.next) || nowUs - this.#askedUs >= NON_TIMEOUT_US;
    if (this.#blocks.isAtSetStart) this.#request([this.#next()]);
    else if (this.#blocks.isOvertaken && isNew) this.#dueUs = nowUs + REORDER_US;
  }

  #ask(): void {
    if (this.#asked === NON_MAX_RETRANSMIT)
      throw new VscopeError(
        "DEVICE_TIMEOUT",
        `${this.#options.name}: block ${this.#blocks.next} has not come in time`,
      );
    const gaps = this.#blocks.gaps().map((number) => this.#block(number, false));
    const tail = this.#blocks.tail();
    this.#request(tail === undefined ? gaps : [...gaps, this.#block(tail, true)]);
    const nowUs = this.#options.exchange.nowUs();
    this.#askedUs = nowUs;
    this.#askedSet = setStart(this.#blocks.next);
    this.#dueUs = nowUs + NON_RECEIVE_TIMEOUT_US * 2 ** this.#asked;
    this.#asked += 1;
  }

  /** "Continue": all before this block is here. */
  #next(): Block {
    return this.#block(this.#blocks.next, true);
  }

  #block(number: number, more: boolean): Block {
    return { number, more, sizeExponent: this.#sizeExponent };
  }

  #request(blocks: readonly Block[]): void {
    const { exchange, options } = this.#options;
    const asked = blocks.map((block) => [OPTION.Q_BLOCK2, blockValue(block)] as const);
    exchange.tell(withUints(options, ...asked), NO_BYTES);
  }

  #error(fact: string): VscopeError {
    return new VscopeError("DEVICE_PROTOCOL", `${this.#options.name}: ${fact}`);
  }
}

export function qBlock2Of({ options }: Message): Block | undefined {
  const value = findOption(options, OPTION.Q_BLOCK2);
  return value === undefined || value.length > 3 ? undefined : readBlock(value);
}

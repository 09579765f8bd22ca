// A body that goes up in bursts (Q-Block1, RFC 9177): a set of ten blocks, then the next when the server says that it has them
// or says nothing for 2 to 3 s; and again what it misses. To a server that stays silent no further set goes: the newest
// block asks again what it has.

import { VscopeError } from "../../base/errors.ts";
import { type Block, blockValue, LARGEST_EXPONENT, readBlock, unitBytes } from "../message/block.ts";
import type { Message } from "../message/codec.ts";
import { codeNumber } from "../message/codes.ts";
import { type CoapOption, findOption, findUint, OPTION } from "../message/options.ts";
import {
  decodeMissing,
  MAX_PAYLOADS,
  MISSING_BLOCKS_FORMAT,
  nonTimeoutRandomUs,
} from "../message/q-block.ts";
import type { BurstExchange } from "./burst-exchange.ts";
import { withUints } from "./client-message.ts";

const CONTINUE = codeNumber("2.31");
const INCOMPLETE = codeNumber("4.08");
/** Asked too fast: what got lost by it is asked for later. */
const TOO_MANY = codeNumber("4.29");

/** Pauses that nothing ends, from the third on each twice as long: 2 to 3 minutes in all. */
const SILENCES = 6;

export interface BurstUploadOptions {
  readonly exchange: BurstExchange;
  /** The server, and what is sent there, for errors. */
  readonly name: string;
  /** Those of the request, with the Request-Tag of this body. */
  readonly options: readonly CoapOption[];
  readonly payload: Uint8Array;
}

export class BurstUpload {
  readonly #options: BurstUploadOptions;
  readonly #count: number;
  /** The first block that was not sent yet. */
  #next = 0;
  #dueUs = 0;
  /** Pauses in a row that nothing has ended. */
  #silences = 0;

  constructor(options: BurstUploadOptions) {
    this.#options = options;
    this.#count = Math.ceil(options.payload.length / unitBytes(blockAt(0)));
  }

  /** The server's answer to the whole body, or its refusal. Throws DEVICE_TIMEOUT without one. */
  async run(signal: AbortSignal): Promise<Message> {
    const { exchange } = this.#options;
    this.#sendSet();
    for (;;) {
      const message = await exchange.take(this.#dueUs, signal);
      if (message === undefined) this.#goOn();
      else if (!this.#isUnderWay(message)) return message;
    }
  }

  /** False for the final answer. */
  #isUnderWay(message: Message): boolean {
    const { code, options, payload } = message;
    const format = findUint(options, OPTION.CONTENT_FORMAT);
    const missing =
      code === INCOMPLETE && format === MISSING_BLOCKS_FORMAT ? decodeMissing(payload) : undefined;
    if (missing === undefined && code !== CONTINUE) return code === TOO_MANY;
    this.#silences = 0;
    if (missing !== undefined) this.#repeat(missing);
    else if (this.#hasAll(options) && this.#next < this.#count) this.#sendSet();
    return true;
  }

  /** Whether a 2.31 is of the newest set. */
  #hasAll(options: readonly CoapOption[]): boolean {
    const value = findOption(options, OPTION.Q_BLOCK1);
    return value !== undefined && value.length <= 3 && readBlock(value).number === this.#next - 1;
  }

  #goOn(): void {
    if (this.#silences === SILENCES)
      throw new VscopeError("DEVICE_TIMEOUT", `${this.#options.name}: not answered in time`);
    this.#silences += 1;
    if (this.#silences === 1 && this.#next < this.#count) this.#sendSet();
    else this.#repeat([this.#next - 1]);
  }

  #sendSet(): void {
    const end = Math.min(this.#next + MAX_PAYLOADS, this.#count);
    while (this.#next < end) this.#send(this.#next++);
    this.#wait();
  }

  #repeat(numbers: readonly number[]): void {
    for (const number of numbers) if (number < this.#next) this.#send(number);
    this.#wait();
  }

  #wait(): void {
    const times = 2 ** Math.max(0, this.#silences - 1);
    this.#dueUs = this.#options.exchange.nowUs() + nonTimeoutRandomUs() * times;
  }

  #send(number: number): void {
    const { exchange, options, payload } = this.#options;
    const block = { ...blockAt(number), more: number < this.#count - 1 };
    const offset = number * unitBytes(block);
    const own = withUints(
      options,
      [OPTION.Q_BLOCK1, blockValue(block)],
      // libcoap takes only blocks that all have the same; it tells the server what is missing at the end.
      [OPTION.SIZE1, payload.length],
    );
    exchange.tell(own, payload.subarray(offset, offset + unitBytes(block)));
  }
}

function blockAt(number: number): Block {
  return { number, more: true, sizeExponent: LARGEST_EXPONENT };
}

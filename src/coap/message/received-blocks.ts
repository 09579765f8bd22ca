// A body that arrives in blocks in any order: what is there, and what is missing.

import { type Block, isWholeBlock } from "./block.ts";
import { MAX_PAYLOADS, setStart } from "./q-block.ts";

/** `wrong`: of a length that cannot be, or past the end. */
export type Addition = "new" | "known" | "wrong";

export class ReceivedBlocks {
  readonly #parts = new Map<number, Uint8Array>();
  #bytes = 0;
  #next: number;
  #highest: number;
  /** The number of the last block, once it has come. */
  #last: number | undefined;
  #sizeExponent: number | undefined;

  /** The blocks before `first` are not wanted. */
  constructor(first = 0) {
    this.#next = first;
    this.#highest = first - 1;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The first block that has not come. */
  get next(): number {
    return this.#next;
  }

  get highest(): number {
    return this.#highest;
  }

  get isWhole(): boolean {
    return this.#last !== undefined && this.#next > this.#last;
  }

  /** All blocks of the sets before this block have come, and none after them. */
  get isAtSetStart(): boolean {
    return this.#next > this.#highest && this.#next % MAX_PAYLOADS === 0 && !this.isWhole;
  }

  /** Whether later blocks tell that some of the first unfinished set are overdue: those of later sets, or its own end. */
  get isOvertaken(): boolean {
    const end = setStart(this.#next) + MAX_PAYLOADS - 1;
    return !this.isWhole && (this.#highest >= end || this.#highest === this.#last);
  }

  add(block: Block, payload: Uint8Array): Addition {
    this.#sizeExponent ??= block.sizeExponent;
    const { number, more } = block;
    const isWrongLength = more && !isWholeBlock(block, payload.length);
    const isPastEnd = this.#last !== undefined && (number > this.#last || (number === this.#last && more));
    const isLastTooEarly = !more && number < this.#highest;
    if (block.sizeExponent !== this.#sizeExponent || isWrongLength || isPastEnd || isLastTooEarly)
      return "wrong";
    if (number < this.#next || this.#parts.has(number)) return "known";
    this.#parts.set(number, payload);
    this.#bytes += payload.length;
    this.#highest = Math.max(this.#highest, number);
    if (!more) this.#last = number;
    while (this.#parts.has(this.#next)) this.#next += 1;
    return "new";
  }

  /** Missing blocks of the first unfinished set that later ones have overtaken. */
  gaps(): readonly number[] {
    const start = setStart(this.#next);
    const end = Math.min(start + MAX_PAYLOADS, this.#highest);
    const gaps: number[] = [];
    for (let number = this.#next; number < end; number++) if (!this.#parts.has(number)) gaps.push(number);
    return gaps;
  }

  /** The first block of that set after which none has come; undefined when its end is here. */
  tail(): number | undefined {
    const tail = Math.max(this.#highest + 1, this.#next);
    const isOfSet = tail < setStart(this.#next) + MAX_PAYLOADS;
    return isOfSet && this.#last === undefined ? tail : undefined;
  }

  /** A block that has come. */
  part(number: number): Uint8Array {
    return this.#parts.get(number) ?? NONE;
  }

  /** A block before `next`, which is not kept any longer. */
  take(number: number): Uint8Array {
    const part = this.part(number);
    this.#parts.delete(number);
    return part;
  }

  /** The body; all blocks must be there. */
  body(): Buffer {
    const parts = Array.from({ length: this.#next }, (_, number) => this.part(number));
    return Buffer.concat(parts, this.#bytes);
  }
}

const NONE = new Uint8Array(0);

// An answer that is read part by part, in order, perhaps behind what an earlier attempt has brought of it.

import { LARGEST_BLOCK_BYTES } from "../message/block.ts";
import { type Message, NO_BYTES } from "../message/codec.ts";
import { findOption, OPTION } from "../message/options.ts";
import type { CoapClientRequest, Resume } from "./client-message.ts";

/** Where reading goes on: at the block that holds the last byte there is, so that there is one to compare. */
export function resumedAt(resume: Resume | undefined): number {
  const last = Math.max(0, (resume?.skipped ?? 0) + (resume?.have.length ?? 0) - 1);
  return last - (last % LARGEST_BLOCK_BYTES);
}

export class PartialBody {
  readonly etag: Buffer;
  /** The byte that reading began at. */
  readonly offset: number;
  readonly #have: Uint8Array;
  readonly #parts: Uint8Array[] = [];
  readonly #keeps: boolean;
  readonly #onPart: CoapClientRequest["onPart"];
  #bytes: number;

  /** `first` is a message of the answer, which is read from `offset` on. */
  constructor({ resume, onPart, keepsBody = true }: CoapClientRequest, first: Message, offset: number) {
    const { have = NO_BYTES, skipped = 0 } = resume ?? {};
    this.#have = have.subarray(Math.max(0, offset - skipped));
    this.#keeps = keepsBody;
    this.#onPart = onPart;
    this.#keep(have.subarray(0, Math.max(0, offset - skipped)));
    this.#bytes = offset;
    this.offset = offset;
    this.etag = etagOf(first);
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** False when the part is not what went on behind the bytes that are here. */
  add(bytes: Uint8Array): boolean {
    const known = this.offset > 0 && this.#bytes === this.offset ? this.#have : NO_BYTES;
    const both = Math.min(known.length, bytes.length);
    if (Buffer.compare(known.subarray(0, both), bytes.subarray(0, both)) !== 0) return false;
    const tag = this.etag.length === 0 ? {} : { etag: this.etag };
    this.#onPart?.({ offset: this.#bytes, bytes, ...tag });
    this.#keep(bytes);
    this.#bytes += bytes.length;
    return true;
  }

  /** What was kept. */
  whole(): Buffer {
    return Buffer.concat(this.#parts);
  }

  #keep(bytes: Uint8Array): void {
    if (this.#keeps) this.#parts.push(bytes);
  }
}

export function etagOf({ options }: Message): Buffer {
  return findOption(options, OPTION.ETAG) ?? NO_BYTES;
}

// The value of the options Block1 and Block2, RFC 7959 section 2.2: number, more to come, size exponent.

import { readUint } from "./options.ts";

export interface Block {
  /** Counts blocks of this size from 0. */
  readonly number: number;
  readonly more: boolean;
  /**
   * SZX: the size is 2 to the power of this plus 4, 0 for 16 bytes to 6 for 1024. 7 is reserved on UDP; on a stream it is
   * BERT (RFC 8323 section 6): several blocks of 1024 bytes in one message.
   */
  readonly sizeExponent: number;
}

/** The largest block on UDP: 1024 bytes. */
export const LARGEST_EXPONENT = 6;
export const LARGEST_BLOCK_BYTES = 1024;
export const BERT_EXPONENT = 7;

/** How large a payload one message to a peer may carry. */
export interface SizeLimits {
  /** Bodies up to this many bytes are sent whole. */
  readonly wholeBytes: number;
  /** The size exponent of the blocks of larger ones; 7 where both ends know BERT. */
  readonly sizeExponent: number;
  /** Payload of such a block: with BERT a multiple of 1024. */
  readonly blockBytes: number;
}

export const UDP_SIZES: SizeLimits = {
  wholeBytes: LARGEST_BLOCK_BYTES,
  sizeExponent: LARGEST_EXPONENT,
  blockBytes: LARGEST_BLOCK_BYTES,
};

export function readBlock(value: Buffer): Block {
  const bits = readUint(value);
  return { number: bits >> 4, more: (bits & 8) !== 0, sizeExponent: bits & 7 };
}

export function blockValue(block: Block): number {
  return (block.number << 4) | (block.more ? 8 : 0) | block.sizeExponent;
}

/** MAX_UNFRAGMENTED_SIZE of RFC 8613 section 4.1.3.4.2: the ciphertexts of OSCORE are limited to 64 KiB. */
const LARGEST_PROTECTED_BYTES = 32 * 1024;

/** What a message can carry that is protected inside another one. */
export function protectedSizes(sizes: SizeLimits): SizeLimits {
  if (sizes.wholeBytes <= UDP_SIZES.wholeBytes) return sizes;
  return { ...UDP_SIZES, wholeBytes: Math.min(sizes.wholeBytes, LARGEST_PROTECTED_BYTES) };
}

/** What the block's number counts in, in bytes; also its size, but with BERT. */
export function unitBytes({ sizeExponent }: Pick<Block, "sizeExponent">): number {
  return 16 << Math.min(sizeExponent, LARGEST_EXPONENT);
}

/** Where the block starts in the body, in bytes. */
export function blockOffset(block: Block): number {
  return block.number * unitBytes(block);
}

/** Whether a block that is not the last can have this many bytes. */
export function isWholeBlock(block: Block, bytes: number): boolean {
  const unit = unitBytes(block);
  return block.sizeExponent === BERT_EXPONENT ? bytes > 0 && bytes % unit === 0 : bytes === unit;
}

export function isReservedSize(block: Block | undefined): boolean {
  return block !== undefined && block.sizeExponent > LARGEST_EXPONENT;
}

/** The block that was asked for, in a size that can be sent: smaller ones have higher numbers. */
function fitted(asked: Block, { sizeExponent }: SizeLimits): Block {
  if (asked.sizeExponent <= sizeExponent) return asked;
  const from = Math.min(asked.sizeExponent, LARGEST_EXPONENT);
  return { ...asked, number: asked.number << (from - Math.min(sizeExponent, from)), sizeExponent };
}

/** A part of a body: bytes from `offset` to `end`; a block unless it is all there is. */
export interface BodyPart {
  readonly offset: number;
  readonly end: number;
  readonly block?: Block;
}

/**
 * The part of a body of `size` bytes that answers a request for a block, or for all of it: undefined when it lies past
 * the end.
 */
export function partOf(size: number, asked: Block | undefined, sizes: SizeLimits): BodyPart | undefined {
  if (asked === undefined && size <= sizes.wholeBytes) return { offset: 0, end: size };
  const wanted = fitted(asked ?? { number: 0, more: false, sizeExponent: sizes.sizeExponent }, sizes);
  const offset = blockOffset(wanted);
  if (offset > 0 && offset >= size) return undefined;
  const last = offset + (wanted.sizeExponent === BERT_EXPONENT ? sizes.blockBytes : unitBytes(wanted));
  const isWhole = offset === 0 && last >= size;
  return isWhole
    ? { offset, end: size }
    : { offset, end: Math.min(last, size), block: { ...wanted, more: last < size } };
}

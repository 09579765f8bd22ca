// The value of the options Block1 and Block2, RFC 7959 section 2.2: number, more to come, size exponent.

import { readUint } from "./options.ts";

export interface Block {
  /** Counts blocks of this size from 0. */
  readonly number: number;
  readonly more: boolean;
  /** SZX: the size is 2 to the power of this plus 4, 0 for 16 bytes to 6 for 1024; 7 is reserved on UDP. */
  readonly sizeExponent: number;
}

/** The largest block on UDP: 1024 bytes. */
export const LARGEST_EXPONENT = 6;
export const LARGEST_BLOCK_BYTES = 1024;

export function readBlock(value: Buffer): Block {
  const bits = readUint(value);
  return { number: bits >> 4, more: (bits & 8) !== 0, sizeExponent: bits & 7 };
}

export function blockValue(block: Block): number {
  return (block.number << 4) | (block.more ? 8 : 0) | block.sizeExponent;
}

export function blockBytes(block: Block): number {
  return 16 << block.sizeExponent;
}

/** Where the block starts in the body, in bytes. */
export function blockOffset(block: Block): number {
  return block.number * blockBytes(block);
}

export function isReservedSize(block: Block | undefined): boolean {
  return block !== undefined && block.sizeExponent > LARGEST_EXPONENT;
}

/** The block of a body that was asked for: undefined when it lies past the end. */
export function sliceBody(
  body: Uint8Array,
  asked: Block,
): { readonly payload: Uint8Array; readonly block: Block } | undefined {
  const offset = blockOffset(asked);
  if (offset > 0 && offset >= body.length) return undefined;
  const end = offset + blockBytes(asked);
  return { payload: body.subarray(offset, end), block: { ...asked, more: end < body.length } };
}

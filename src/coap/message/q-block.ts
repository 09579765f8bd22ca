// Blocks in bursts: Q-Block1 and Q-Block2, RFC 9177. What both ends must count alike: sets of blocks, and how long they wait.

import type { Block } from "./block.ts";

/** Blocks that are sent before the other end has to say something; block numbers are divided into sets of so many. */
export const MAX_PAYLOADS = 10;
/** How often one end goes on or asks without any sign of the other. */
export const NON_MAX_RETRANSMIT = 4;
/** The pause after a set that nothing answers is this to one and a half times this (NON_TIMEOUT_RANDOM). */
export const NON_TIMEOUT_US = 2_000_000;
const ACK_RANDOM_FACTOR = 1.5;
/** Silence after which the receiver asks for what is missing; from the third time on twice as long each. */
export const NON_RECEIVE_TIMEOUT_US = 2 * NON_TIMEOUT_US;
/** The parts of a body are kept this long without another one. */
export const NON_PARTIAL_TIMEOUT_US = 247_000_000;
/** When the end of a set has come before other blocks of it, these may still be on their way. */
export const REORDER_US = 100_000;

/** Content-Format of 4.08: the numbers that are missing, a CBOR sequence. */
export const MISSING_BLOCKS_FORMAT = 272;

export function nonTimeoutRandomUs(): number {
  return NON_TIMEOUT_US * (1 + Math.random() * (ACK_RANDOM_FACTOR - 1));
}

/** The first block of the set that a block is in. */
export function setStart(number: number): number {
  return number - (number % MAX_PAYLOADS);
}

/** Blocks from this one to the end of its set. */
export function setFrom(block: Block): readonly Block[] {
  const count = MAX_PAYLOADS - (block.number % MAX_PAYLOADS);
  return Array.from({ length: count }, (_, index) => ({
    ...block,
    number: block.number + index,
    more: false,
  }));
}

/**
 * The blocks that the Q-Block2 options of a request ask for, at most a set of them: with M set a block and the rest of its
 * set, else one. Undefined unless they ask in ascending order for blocks of one size (section 4.4).
 */
export function wantedBlocks(asked: readonly Block[]): readonly Block[] | undefined {
  const wanted: Block[] = [];
  let previous: Block | undefined;
  for (const block of asked) {
    const isInOrder = previous === undefined || block.number > previous.number;
    if (!isInOrder || (previous ?? block).sizeExponent !== block.sizeExponent) return undefined;
    previous = block;
    const last = wanted.at(-1)?.number ?? -1;
    const more = block.more ? setFrom(block) : [{ ...block, more: false }];
    wanted.push(...more.filter(({ number }) => number > last));
    if (wanted.length >= MAX_PAYLOADS) break;
  }
  return wanted.slice(0, MAX_PAYLOADS);
}

/** Numbers of missing blocks as a CBOR sequence of unsigned integers (section 5). */
export function encodeMissing(numbers: readonly number[]): Buffer {
  return Buffer.concat(numbers.map((number) => cborUint(number)));
}

/** The numbers of a CBOR sequence, at most a set of them; undefined when it is none. */
export function decodeMissing(bytes: Uint8Array): readonly number[] | undefined {
  const numbers: number[] = [];
  let at = 0;
  while (at < bytes.length && numbers.length < MAX_PAYLOADS) {
    const head = bytes[at] ?? 0;
    const width = head < 24 ? 0 : 2 ** (head - 24);
    if (head > 26 || at + width >= bytes.length) return undefined;
    numbers.push(width === 0 ? head : Buffer.from(bytes).readUIntBE(at + 1, width));
    at += 1 + width;
  }
  return numbers;
}

function cborUint(value: number): Buffer {
  if (value < 24) return Buffer.from([value]);
  const width = value < 0x100 ? 1 : value < 0x1_0000 ? 2 : 4;
  const out = Buffer.alloc(1 + width);
  out[0] = 24 + Math.log2(width);
  out.writeUIntBE(value, 1, width);
  return out;
}

// What stands around the pixels of a buffered frame: 32 bytes before them in a QE Pro; 64 bytes before and a checksum
// after them in the fast buffer of an Ocean FX.

import { crc32 } from "node:zlib";
import { u32, viewOf } from "./bytes.ts";

export interface FrameFacts {
  /** Number of the frame since power-up. */
  readonly counter: number;
  readonly endUs: number;
  readonly integrationTimeUs: number;
  readonly triggerNumber: number;
  readonly scans: number;
}

const FAST_VERSION = 1;
const FAST_METADATA_BYTES = 64;
/** Pixels of 16 bits. */
const PIXEL_FORMAT_U16 = 1;

/** The QE Pro's block. OBP2 devices have one of the same size whose content is not known. */
export function metadata({ counter, endUs, integrationTimeUs, triggerNumber }: FrameFacts): Uint8Array {
  const block = new Uint8Array(32);
  const view = viewOf(block);
  view.setUint32(0, counter, true);
  view.setBigUint64(4, ticks(endUs), true);
  view.setUint32(12, integrationTimeUs, true);
  view.setUint8(18, triggerNumber);
  return block;
}

/** Metadata, pixels and checksum (CRC-32 of both) of one frame of the fast buffer. */
export function fastFrame(facts: FrameFacts, pixels: Uint8Array): Uint8Array {
  const block = new Uint8Array(FAST_METADATA_BYTES);
  const view = viewOf(block);
  view.setUint16(0, FAST_VERSION, true);
  view.setUint16(2, FAST_METADATA_BYTES, true);
  view.setUint32(4, pixels.length, true);
  view.setBigUint64(8, ticks(facts.endUs), true);
  view.setUint32(16, facts.integrationTimeUs, true);
  view.setUint32(20, PIXEL_FORMAT_U16, true);
  view.setUint32(24, facts.counter, true);
  view.setUint32(28, facts.counter, true);
  view.setBigUint64(32, ticks(facts.endUs), true);
  view.setUint16(40, facts.scans, true);
  const checked = Buffer.concat([block, pixels]);
  return Buffer.concat([checked, u32(crc32(checked))]);
}

function ticks(us: number): bigint {
  return BigInt(Math.max(Math.round(us), 0));
}

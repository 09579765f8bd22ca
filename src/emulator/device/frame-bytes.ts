// Counts to the bytes of one spectrum on the wire: the reverse of decoding, by the layout column of the model table.

import type { FrameLayout } from "../../drivers/oceanoptics/model.ts";

const SYNC = 0x69;
/** Value of the filler after the last pixel, as an address past the end of the detector gives. */
const FILLER = 0x0123;
const BLOCK = 64;

/** The frame with XOR applied last, filler, metadata in front and the sync byte at the end, as the layout has them. */
export function frameBytes(layout: FrameLayout, counts: Uint32Array, header?: Uint8Array): Uint8Array {
  const { headerBytes, wirePixels, bytesPerPixel, hasSyncByte, xor, order } = layout;
  const pixelBytes = wirePixels * bytesPerPixel;
  const bytes = new Uint8Array(headerBytes + pixelBytes + (hasSyncByte ? 1 : 0));
  if (header !== undefined) bytes.set(header);
  const view = new DataView(bytes.buffer, headerBytes, pixelBytes);
  for (let index = 0; index < wirePixels; index++) {
    const value = ((index < layout.pixels ? (counts[index] ?? 0) : FILLER) ^ xor) >>> 0;
    if (order === "split-64") writeSplit(view, index, withNoiseBits(layout, index, value));
    else if (bytesPerPixel === 4) view.setUint32(index * 4, value, true);
    else view.setUint16(index * 2, value, true);
  }
  if (hasSyncByte) bytes[bytes.length - 1] = SYNC;
  return bytes;
}

/** Blocks of 64 low bytes and 64 high bytes in turn. */
function writeSplit(view: DataView, index: number, value: number): void {
  const low = Math.floor(index / BLOCK) * 2 * BLOCK + (index % BLOCK);
  view.setUint8(low, value & 0xff);
  view.setUint8(low + BLOCK, value >>> 8);
}

// The unused high nibble of a 12-bit value is noise on real devices; a driver must mask it.
function withNoiseBits(layout: FrameLayout, index: number, value: number): number {
  return layout.mask === 0x0fff ? value | (((index * 7) & 0xf) << 12) : value;
}

// From the bytes of one spectrum to counts, as the row of the model table says. Pure.
// Counts stay raw: XOR and mask undo what the electronics do, but no gain is applied.

import { VscopeError } from "../../base/errors.ts";
import type { FrameLayout } from "./model.ts";

/** Ends every OOI spectrum. */
export const SYNC_BYTE = 0x69;

/** Bytes of one spectrum on the wire, without OBP framing. */
export function frameBytes({ headerBytes, wirePixels, bytesPerPixel, hasSyncByte }: FrameLayout): number {
  return headerBytes + wirePixels * bytesPerPixel + (hasSyncByte ? 1 : 0);
}

/** The counts of a spectrum. Throws DEVICE_PROTOCOL, beginning with `subject`, on a wrong length or sync byte. */
export function decodeFrame(frame: FrameLayout, bytes: Uint8Array, subject: string): Uint32Array {
  const expected = frameBytes(frame);
  if (bytes.length !== expected) {
    throw new VscopeError(
      "DEVICE_PROTOCOL",
      `${subject}: spectrum of ${bytes.length} bytes instead of ${expected}`,
    );
  }
  const last = bytes[expected - 1] ?? 0;
  if (frame.hasSyncByte && last !== SYNC_BYTE) {
    throw new VscopeError(
      "DEVICE_PROTOCOL",
      `${subject}: spectrum ends in byte ${last} instead of ${SYNC_BYTE}`,
    );
  }
  const view = new DataView(
    bytes.buffer,
    bytes.byteOffset + frame.headerBytes,
    bytes.byteLength - frame.headerBytes,
  );
  const wireValue = READERS[frame.order === "split-64" ? "split" : frame.bytesPerPixel];
  const counts = new Uint32Array(frame.pixels);
  for (let pixel = 0; pixel < counts.length; pixel++)
    counts[pixel] = (wireValue(view, pixel) ^ frame.xor) & frame.mask;
  return counts;
}

const READERS = {
  2: (view: DataView, pixel: number): number => view.getUint16(2 * pixel, true),
  4: (view: DataView, pixel: number): number => view.getUint32(4 * pixel, true),
  // Packet 2k holds 64 low bytes, packet 2k + 1 their high bytes.
  split: (view: DataView, pixel: number): number => {
    const low = Math.floor(pixel / 64) * 128 + (pixel % 64);
    return view.getUint8(low) | (view.getUint8(low + 64) << 8);
  },
} as const;

// The message format of the Ocean Binary Protocol, both directions. Pure.
//
//     0 C1 C0 | 2 version | 4 flags | 6 error | 8 type | 12 regarding | 16 reserved | 22 checksum type
//     23 immediate length | 24 immediate data (16) | 40 bytes remaining | 44 payload | checksum (16) | C5 C4 C3 C2
//
// Up to 16 bytes of data travel inside the header, more as payload. Facts: QE Pro and STS data sheets, python-seabreeze.

import { createHash } from "node:crypto";

export const HEADER_BYTES = 44;
const TAIL_BYTES = 20;
const IMMEDIATE_OFFSET = 24;
const IMMEDIATE_BYTES = 16;
const FOOTER = 0xc2c3c4c5;
// No known message comes near; a length beyond it is a broken header.
const MAX_MESSAGE_BYTES = 1 << 20;

export const OBP_VERSION = 0x1100;
export const OBP2_VERSION = 0x2000;

export const FLAG_ACK = 0x0002;
export const FLAG_ACK_REQUESTED = 0x0004;
export const FLAG_NACK = 0x0008;
export const FLAG_EXCEPTION = 0x0010;

export interface ObpMessage {
  readonly version: number;
  readonly flags: number;
  /** 0 unless the device refuses; see `OBP_ERRORS`. */
  readonly error: number;
  readonly type: number;
  /** Chosen by the host, repeated by the device. */
  readonly regarding: number;
  readonly data: Uint8Array;
}

export type ObpChecksum = "none" | "md5";

/** What the device's error numbers mean. */
export const OBP_ERRORS: Readonly<Record<number, string>> = {
  0: "success",
  1: "unsupported protocol",
  2: "unknown message type",
  3: "bad checksum",
  4: "message too large",
  5: "payload length wrong for this type",
  6: "payload data invalid",
  7: "not ready for this type",
  8: "unknown checksum type",
  9: "device was reset unexpectedly",
  10: "too many buses in use",
  11: "out of memory",
  12: "valid command, no such data",
  13: "internal device error",
  100: "cannot decrypt",
  101: "firmware layout invalid",
  102: "packet size wrong",
  103: "hardware revision and firmware incompatible",
  104: "flash map incompatible",
  255: "deferred, the answer comes later",
};

/** True when bytes begin as a message does. */
export function isObpStart(bytes: Uint8Array): boolean {
  return bytes[0] === 0xc1 && bytes[1] === 0xc0;
}

/** Length of the whole message from its first 44 bytes; undefined when that cannot be. */
export function obpLength(header: Uint8Array): number | undefined {
  const remaining = view(header).getUint32(40, true);
  const total = HEADER_BYTES + remaining;
  return remaining >= TAIL_BYTES && total <= MAX_MESSAGE_BYTES ? total : undefined;
}

export function encodeObp(message: ObpMessage, checksum: ObpChecksum = "none"): Uint8Array {
  const { data } = message;
  const payload = data.length > IMMEDIATE_BYTES ? data : new Uint8Array(0);
  const bytes = new Uint8Array(HEADER_BYTES + payload.length + TAIL_BYTES);
  const header = view(bytes);
  bytes.set([0xc1, 0xc0]);
  header.setUint16(2, message.version, true);
  header.setUint16(4, message.flags, true);
  header.setUint16(6, message.error, true);
  header.setUint32(8, message.type, true);
  header.setUint32(12, message.regarding, true);
  header.setUint8(22, checksum === "md5" ? 1 : 0);
  if (payload.length === 0) {
    header.setUint8(23, data.length);
    bytes.set(data, IMMEDIATE_OFFSET);
  }
  header.setUint32(40, payload.length + TAIL_BYTES, true);
  bytes.set(payload, HEADER_BYTES);
  const end = HEADER_BYTES + payload.length;
  if (checksum === "md5") bytes.set(md5(bytes.subarray(0, end)), end);
  header.setUint32(end + 16, FOOTER, true);
  return bytes;
}

/** A whole message, or the text of what is wrong with it: start, length, checksum or footer. */
export function decodeObp(bytes: Uint8Array): ObpMessage | string {
  if (bytes.length < HEADER_BYTES + TAIL_BYTES) return `message of ${bytes.length} bytes, 64 are the least`;
  if (!isObpStart(bytes)) return "message does not begin with C1 C0";
  if (obpLength(bytes) !== bytes.length) return `message of ${bytes.length} bytes contradicts its header`;
  const header = view(bytes);
  const end = bytes.length - TAIL_BYTES;
  if (header.getUint32(end + 16, true) !== FOOTER) return "message does not end in C5 C4 C3 C2";
  const immediate = header.getUint8(23);
  if (immediate > IMMEDIATE_BYTES)
    return `${immediate} bytes of immediate data, ${IMMEDIATE_BYTES} are the most`;
  const checksumType = header.getUint8(22);
  if (checksumType > 1) return `unknown checksum type ${checksumType}`;
  if (checksumType === 1 && !md5(bytes.subarray(0, end)).equals(bytes.subarray(end, end + 16)))
    return "wrong checksum";
  return {
    version: header.getUint16(2, true),
    flags: header.getUint16(4, true),
    error: header.getUint16(6, true),
    type: header.getUint32(8, true),
    regarding: header.getUint32(12, true),
    // A copy: the message may lie in a larger buffer.
    data: new Uint8Array(
      immediate > 0
        ? bytes.subarray(IMMEDIATE_OFFSET, IMMEDIATE_OFFSET + immediate)
        : bytes.subarray(HEADER_BYTES, end),
    ),
  };
}

function md5(bytes: Uint8Array): Buffer {
  return createHash("md5").update(bytes).digest();
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

// The device's side of OBP framing: a stream of bytes to messages, and answers to bytes. Written from the message layout
// alone and on purpose apart from the driver's, so that the two check each other.
//
//     44-byte header | payload | 16-byte checksum | 4-byte footer

import { createHash } from "node:crypto";
import { viewOf } from "./bytes.ts";

export const HEADER_BYTES = 44;
const CHECKSUM_BYTES = 16;
const FOOTER = [0xc5, 0xc4, 0xc3, 0xc2] as const;
const TRAILER_BYTES = CHECKSUM_BYTES + FOOTER.length;
const IMMEDIATE_BYTES = 16;
/** Longer commands are refused; the longest real one is an irradiance calibration of 1044 floats. */
const LONGEST_MESSAGE = 16_384;

export const FLAG = { response: 0x01, acknowledge: 0x02, wantsAcknowledge: 0x04, refused: 0x08 } as const;

/** Error numbers of the protocol that a device core gives. */
export const REFUSAL = {
  unsupportedProtocol: 1,
  unknownType: 2,
  badChecksum: 3,
  tooLarge: 4,
  wrongLength: 5,
  invalidData: 6,
  notReady: 7,
  unknownChecksumType: 8,
  noSuchData: 12,
} as const;

export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly regarding: number;
  readonly checksumType: number;
  readonly data: Uint8Array;
  /** Error number of a message that cannot be understood. */
  readonly refusal?: number;
}

/** Collects the bytes of OUT transfers into messages; what does not begin like a message is skipped. */
export class MessageReader {
  readonly #version: number;
  #bytes: Uint8Array = new Uint8Array(0);

  constructor(version: number) {
    this.#version = version;
  }

  reset(): void {
    this.#bytes = new Uint8Array(0);
  }

  push(chunk: Uint8Array): Message[] {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    const messages: Message[] = [];
    for (let next = this.#next(); next !== undefined; next = this.#next()) messages.push(next);
    return messages;
  }

  #next(): Message | undefined {
    const start = startOf(this.#bytes);
    this.#bytes = this.#bytes.subarray(start);
    if (this.#bytes.length < HEADER_BYTES) return undefined;
    const header = viewOf(this.#bytes);
    const total = HEADER_BYTES + header.getUint32(40, true);
    if (total > LONGEST_MESSAGE) {
      const refused = parse(this.#bytes.subarray(0, HEADER_BYTES), REFUSAL.tooLarge);
      this.reset();
      return refused;
    }
    if (this.#bytes.length < total) return undefined;
    const bytes = this.#bytes.subarray(0, total);
    this.#bytes = this.#bytes.subarray(total);
    return parse(bytes, refusalOf(bytes, this.#version));
  }
}

function startOf(bytes: Uint8Array): number {
  for (let index = 0; index < bytes.length; index++) {
    if (bytes[index] === 0xc1 && (index + 1 === bytes.length || bytes[index + 1] === 0xc0)) return index;
  }
  return bytes.length;
}

function parse(bytes: Uint8Array, refusal: number | undefined): Message {
  const header = viewOf(bytes);
  const immediate = Math.min(header.getUint8(23), IMMEDIATE_BYTES);
  const data =
    immediate > 0
      ? bytes.slice(24, 24 + immediate)
      : bytes.slice(HEADER_BYTES, Math.max(bytes.length - TRAILER_BYTES, HEADER_BYTES));
  return {
    type: header.getUint32(8, true),
    flags: header.getUint16(4, true),
    regarding: header.getUint32(12, true),
    checksumType: header.getUint8(22),
    data,
    ...(refusal === undefined ? {} : { refusal }),
  };
}

function refusalOf(bytes: Uint8Array, version: number): number | undefined {
  const header = viewOf(bytes);
  if (header.getUint16(2, true) !== version) return REFUSAL.unsupportedProtocol;
  const checksumType = header.getUint8(22);
  if (checksumType > 1) return REFUSAL.unknownChecksumType;
  const covered = bytes.subarray(0, bytes.length - TRAILER_BYTES);
  const checksum = bytes.subarray(covered.length, covered.length + CHECKSUM_BYTES);
  if (checksumType === 1 && !md5(covered).equals(checksum)) return REFUSAL.badChecksum;
  return undefined;
}

export interface Answer {
  readonly version: number;
  readonly flags: number;
  readonly error?: number;
  readonly data?: Uint8Array;
}

/** The bytes of an answer to `request`: its type, `regarding` and kind of checksum come back. */
export function answerBytes(
  request: Message,
  { version, flags, error = 0, data = new Uint8Array(0) }: Answer,
): Uint8Array {
  const isImmediate = data.length <= IMMEDIATE_BYTES;
  const payload = isImmediate ? new Uint8Array(0) : data;
  const bytes = new Uint8Array(HEADER_BYTES + payload.length + TRAILER_BYTES);
  const view = viewOf(bytes);
  bytes.set([0xc1, 0xc0]);
  view.setUint16(2, version, true);
  view.setUint16(4, flags, true);
  view.setUint16(6, error, true);
  view.setUint32(8, request.type, true);
  view.setUint32(12, request.regarding, true);
  const checksumType = request.checksumType === 1 ? 1 : 0;
  bytes[22] = checksumType;
  if (isImmediate) {
    bytes[23] = data.length;
    bytes.set(data, 24);
  }
  view.setUint32(40, payload.length + TRAILER_BYTES, true);
  bytes.set(payload, HEADER_BYTES);
  const covered = HEADER_BYTES + payload.length;
  if (checksumType === 1) bytes.set(md5(bytes.subarray(0, covered)), covered);
  bytes.set(FOOTER, covered + CHECKSUM_BYTES);
  return bytes;
}

function md5(bytes: Uint8Array): Buffer {
  return createHash("md5").update(bytes).digest();
}

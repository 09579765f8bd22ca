// Messages on a stream of bytes and in WebSocket messages, RFC 8323 sections 3.2 and 4.2. A length is checked against the
// limit before anything is allocated, and memory grows with the bytes that have really come.
//
//    | Len |  TKL  | 0 to 4 bytes more of Len | Code | token, options, 0xFF, payload       (Len is 0 in WebSocket messages)

import {
  contentBytes,
  decodeOptions,
  encodeContent,
  type Message,
  NO_BYTES,
  PAYLOAD_MARKER,
} from "../message/codec.ts";
import type { Budget } from "../../base/budget.ts";
import type { CoapOption } from "../message/options.ts";

const LONGEST_TOKEN = 8;
/** First byte, four of the length, the code. */
export const LONGEST_HEADER = 6;
// Of each length nibble above 12: how many bytes follow, and what is added to them.
const EXTENDED = [
  { nibble: 13, bytes: 1, base: 13 },
  { nibble: 14, bytes: 2, base: 269 },
  { nibble: 15, bytes: 4, base: 65_805 },
] as const;

// A smaller frame is copied out of the chunk that it came in, so that keeping the one does not keep the other.
const COPIED_BELOW = 32 * 1024;
const FIRST_BYTES = 1024;

export const NO_ROOM = "no room for more unfinished messages";

interface Header {
  /** Of the header with the code; the token follows. */
  readonly bytes: number;
  readonly tokenBytes: number;
  /** Of the whole frame. */
  readonly frameBytes: number;
}

/** Undefined while bytes are missing. */
function readHeader(bytes: Buffer, at: number, end: number): Header | undefined {
  const first = bytes[at];
  if (first === undefined || at >= end) return undefined;
  const nibble = first >> 4;
  const extended = EXTENDED[nibble - 13];
  const headerBytes = 2 + (extended?.bytes ?? 0);
  if (at + headerBytes > end) return undefined;
  const length = extended === undefined ? nibble : bytes.readUIntBE(at + 1, extended.bytes) + extended.base;
  const tokenBytes = first & 15;
  return { bytes: headerBytes, tokenBytes, frameBytes: headerBytes + tokenBytes + length };
}

/** Cuts a stream of bytes into messages. */
export class FrameReader {
  readonly #limitBytes: number;
  readonly #budget: Budget;
  /** The beginning of a frame that is not whole yet. */
  #held: Buffer = NO_BYTES;
  #heldBytes = 0;

  /** `limitBytes` is the largest message, as in Max-Message-Size; `budget` is what all connections hold together. */
  constructor(limitBytes: number, budget: Budget) {
    this.#limitBytes = limitBytes;
    this.#budget = budget;
  }

  /** How much of an unfinished message is here. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /**
   * Takes bytes and calls `deliver` for each message that they complete, until it returns false; a push of no bytes goes
   * on from there. Returns what is wrong with the bytes, if anything.
   */
  push(chunk: Buffer, deliver: (message: Message) => boolean): string | undefined {
    const bytes = this.#heldBytes === 0 ? chunk : this.#append(chunk);
    if (bytes === undefined) return NO_ROOM;
    const end = this.#heldBytes === 0 ? chunk.length : this.#heldBytes;
    let at = 0;
    for (;;) {
      const header = readHeader(bytes, at, end);
      if (header === undefined) break;
      if (header.tokenBytes > LONGEST_TOKEN) return `token of ${header.tokenBytes} bytes`;
      if (header.frameBytes > this.#limitBytes)
        return `message of ${header.frameBytes} bytes, ${this.#limitBytes} are allowed`;
      if (at + header.frameBytes > end) break;
      const message = readMessage(ownFrame(bytes, at, header.frameBytes), header);
      if (message === undefined) return "malformed options";
      at += header.frameBytes;
      if (!deliver(message)) break;
    }
    return this.#hold(bytes, at, end) ? undefined : NO_ROOM;
  }

  /** Gives the memory back; nothing can be pushed afterwards. */
  close(): void {
    this.#budget.give(this.#held.length);
    this.#held = NO_BYTES;
    this.#heldBytes = 0;
  }

  // Parts of delivered messages are views of `bytes`, so what is left moves to memory of its own.
  #hold(bytes: Buffer, at: number, end: number): boolean {
    if (at === 0 && this.#heldBytes > 0) return true;
    this.close();
    return at === end || this.#append(bytes.subarray(at, end)) !== undefined;
  }

  /** What is held with the chunk behind it; undefined when there is no memory for it. */
  #append(chunk: Buffer): Buffer | undefined {
    const bytes = this.#heldBytes + chunk.length;
    if (bytes > this.#held.length && !this.#grow(Math.max(bytes, this.#held.length * 2, FIRST_BYTES)))
      return undefined;
    chunk.copy(this.#held, this.#heldBytes);
    this.#heldBytes = bytes;
    return this.#held;
  }

  #grow(bytes: number): boolean {
    if (!this.#budget.fits(bytes - this.#held.length)) return false;
    const grown = Buffer.allocUnsafeSlow(bytes);
    this.#held.copy(grown, 0, 0, this.#heldBytes);
    this.#budget.take(bytes - this.#held.length);
    this.#held = grown;
    return true;
  }
}

function ownFrame(bytes: Buffer, at: number, length: number): Buffer {
  const frame = bytes.subarray(at, at + length);
  return length < COPIED_BELOW ? Buffer.from(frame) : frame;
}

function readMessage(frame: Buffer, { bytes, tokenBytes }: Header): Message | undefined {
  const options: CoapOption[] = [];
  const optionsAt = bytes + tokenBytes;
  const payloadAt = decodeOptions(frame, optionsAt, options);
  if (payloadAt === undefined) return undefined;
  const token = tokenBytes === 0 ? NO_BYTES : frame.subarray(bytes, optionsAt);
  const payload = payloadAt === frame.length ? NO_BYTES : frame.subarray(payloadAt);
  return { code: frame[bytes - 1] ?? 0, token, options, payload };
}

/** A message for a stream of bytes. */
export function encodeFrame(message: Message): Buffer {
  return encode(message, contentBytes(message), true);
}

/** The same without its payload, which is to follow. */
export function encodeFrameHead(message: Message): Buffer {
  return encode(message, contentBytes(message) - message.payload.length, false);
}

// `bytes` is how much of options, marker and payload is written.
function encode(message: Message, bytes: number, withPayload: boolean): Buffer {
  const length = withPayload ? bytes : bytes + message.payload.length;
  const extended = EXTENDED.findLast(({ base }) => length >= base);
  const headerBytes = 2 + (extended?.bytes ?? 0);
  const out = Buffer.allocUnsafe(headerBytes + message.token.length + bytes);
  out[0] = ((extended?.nibble ?? length) << 4) | message.token.length;
  if (extended !== undefined) out.writeUIntBE(length - extended.base, 1, extended.bytes);
  finish(out, headerBytes, withPayload ? message : { ...message, payload: NO_BYTES });
  if (!withPayload) out[out.length - 1] = PAYLOAD_MARKER;
  return out;
}

function finish(out: Buffer, headerBytes: number, message: Message): void {
  out[headerBytes - 1] = message.code;
  message.token.copy(out, headerBytes);
  encodeContent(out, headerBytes + message.token.length, message);
}

/** Reads a WebSocket message; undefined when it is malformed. */
export function decodeWebSocketMessage(bytes: Buffer): Message | undefined {
  const first = bytes[0] ?? 0xff;
  const tokenBytes = first & 15;
  const isHeader = first >> 4 === 0 && tokenBytes <= LONGEST_TOKEN && bytes.length >= 2 + tokenBytes;
  return isHeader ? readMessage(bytes, { bytes: 2, tokenBytes, frameBytes: bytes.length }) : undefined;
}

/** A message for a WebSocket: the frame around it has the length. */
export function encodeWebSocketMessage(message: Message): Buffer {
  const out = Buffer.allocUnsafe(2 + message.token.length + contentBytes(message));
  out[0] = message.token.length;
  finish(out, 2, message);
  return out;
}

/** How large the message is as Max-Message-Size counts, at most. */
export function messageBytes(message: Message): number {
  return LONGEST_HEADER + message.token.length + contentBytes(message);
}

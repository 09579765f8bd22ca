// Messages to datagrams and back, RFC 7252 section 3. Every read is checked against the end of the datagram; a datagram
// that breaks the format gives undefined, never an exception. Options stay pairs of number and bytes: meaning is for others.
//
//    0                   1                   2                   3
//    |Ver| T |  TKL  |      Code     |          Message ID           |  token, options, 0xFF, payload

import { EMPTY, RST, ACK, CON, NON, type MessageType } from "./codes.ts";
import type { CoapOption } from "./options.ts";

/** What a message says. */
export interface Content {
  /** Class and detail in one byte: 0x45 is 2.05. */
  readonly code: number;
  /** In ascending order of their numbers. */
  readonly options: readonly CoapOption[];
  readonly payload: Uint8Array;
}

/** A message of any transport. */
export interface Message extends Content {
  /** 0 to 8 bytes. */
  readonly token: Buffer;
}

/** A message as a datagram carries it. */
export interface CoapMessage extends Message {
  readonly type: MessageType;
  /** 0..65535 */
  readonly messageId: number;
}

export const NO_BYTES: Buffer = Buffer.alloc(0);
const NO_OPTIONS: readonly CoapOption[] = [];
const TYPES: readonly MessageType[] = [CON, NON, ACK, RST];
/** Between options and payload. */
export const PAYLOAD_MARKER = 0xff;

/** True when the datagram has a header of version 1; anything else is not CoAP and gets no answer. */
export function isCoap(bytes: Buffer): boolean {
  return bytes.length >= 4 && byteAt(bytes, 0) >> 6 === 1;
}

/** Decodes a datagram; undefined when it breaks the message format. The parts are views of `bytes`. */
export function decodeMessage(bytes: Buffer): CoapMessage | undefined {
  const first = byteAt(bytes, 0);
  const type = TYPES[(first >> 4) & 3];
  const tokenEnd = 4 + (first & 15);
  if (type === undefined || !isCoap(bytes) || tokenEnd > 12 || tokenEnd > bytes.length) return undefined;
  const code = byteAt(bytes, 1);
  const messageId = (byteAt(bytes, 2) << 8) | byteAt(bytes, 3);
  if (code === EMPTY) {
    return bytes.length === 4
      ? { type, code, messageId, token: NO_BYTES, options: NO_OPTIONS, payload: NO_BYTES }
      : undefined;
  }
  const options: CoapOption[] = [];
  const end = decodeOptions(bytes, tokenEnd, options);
  if (end === undefined) return undefined;
  const token = tokenEnd === 4 ? NO_BYTES : bytes.subarray(4, tokenEnd);
  const payload = end === bytes.length ? NO_BYTES : bytes.subarray(end);
  return { type, code, messageId, token, options, payload };
}

/** Reads the options from `start` and appends them to `into`; returns where the payload starts (the length without one), or undefined. */
export function decodeOptions(bytes: Buffer, start: number, into: CoapOption[]): number | undefined {
  let at = start;
  let number = 0;
  while (at < bytes.length) {
    const head = byteAt(bytes, at++);
    if (head === PAYLOAD_MARKER) return at < bytes.length ? at : undefined;
    let delta = head >> 4;
    let length = head & 15;
    if (delta > 12) {
      const width = delta - 12;
      delta = extended(bytes, at, delta);
      at += width;
    }
    if (length > 12) {
      const width = length - 12;
      length = extended(bytes, at, length);
      at += width;
    }
    number += delta;
    // The comparisons are false for NaN, which marks a reserved nibble or missing bytes.
    if (!(number <= 0xffff && at + length <= bytes.length)) return undefined;
    into.push({ number, value: length === 0 ? NO_BYTES : bytes.subarray(at, at + length) });
    at += length;
  }
  return at;
}

/** An extended delta or length: nibble 13 adds one byte, 14 two; 15 is reserved. NaN when it cannot be read. */
function extended(bytes: Buffer, at: number, nibble: number): number {
  if (nibble === 13 && at < bytes.length) return byteAt(bytes, at) + 13;
  if (nibble === 14 && at + 1 < bytes.length) return ((byteAt(bytes, at) << 8) | byteAt(bytes, at + 1)) + 269;
  return Number.NaN;
}

/** Encodes a message. The options must be in ascending order: `sortOptions` does that. */
export function encodeMessage(message: CoapMessage): Buffer {
  const out = Buffer.allocUnsafe(4 + message.token.length + contentBytes(message));
  out[0] = 0x40 | (message.type << 4) | message.token.length;
  out[1] = message.code;
  out[2] = message.messageId >> 8;
  out[3] = message.messageId & 0xff;
  encodeContent(out, copyInto(out, 4, message.token), message);
  return out;
}

/** Writes options and payload. */
export function encodeContent(out: Buffer, start: number, { options, payload }: Content): void {
  let at = start;
  let previous = 0;
  for (const option of options) {
    at = encodeOption(out, at, option.number - previous, option.value);
    previous = option.number;
  }
  if (payload.length > 0) {
    out[at] = PAYLOAD_MARKER;
    out.set(payload, at + 1);
  }
}

/** How many bytes options and payload take. */
export function contentBytes({ options, payload }: Content): number {
  let bytes = payload.length > 0 ? payload.length + 1 : 0;
  let previous = 0;
  for (const { number, value } of options) {
    bytes += 1 + extensionBytes(number - previous) + extensionBytes(value.length) + value.length;
    previous = number;
  }
  return bytes;
}

function extensionBytes(value: number): number {
  return value < 13 ? 0 : value < 269 ? 1 : 2;
}

function encodeOption(out: Buffer, start: number, delta: number, value: Buffer): number {
  out[start] = (nibble(delta) << 4) | nibble(value.length);
  return copyInto(out, extend(out, extend(out, start + 1, delta), value.length), value);
}

function nibble(value: number): number {
  return value < 13 ? value : 12 + extensionBytes(value);
}

function extend(out: Buffer, at: number, value: number): number {
  if (value < 13) return at;
  if (value < 269) {
    out[at] = value - 13;
    return at + 1;
  }
  return out.writeUInt16BE(value - 269, at);
}

// A loop beats Buffer.set below about 20 bytes, and tokens and options are short.
function copyInto(out: Buffer, at: number, bytes: Buffer): number {
  if (bytes.length > 20) out.set(bytes, at);
  else for (let index = 0; index < bytes.length; index++) out[at + index] = byteAt(bytes, index);
  return at + bytes.length;
}

/** An empty message: an acknowledgement or a reset of the message with this identifier. */
export function emptyMessage(type: typeof ACK | typeof RST, messageId: number): Buffer {
  return Buffer.from([0x40 | (type << 4), EMPTY, messageId >> 8, messageId & 0xff]);
}

/** An empty confirmable message: whoever gets it answers by a reset (RFC 7252 section 4.3). */
export function pingMessage(messageId: number): Buffer {
  return Buffer.from([0x40, EMPTY, messageId >> 8, messageId & 0xff]);
}

/** Options in ascending order; those with equal numbers keep their order (RFC 7252 section 5.4.5). */
export function sortOptions(options: readonly CoapOption[]): readonly CoapOption[] {
  return options.toSorted((left, right) => left.number - right.number);
}

function byteAt(bytes: Buffer, index: number): number {
  return bytes[index] ?? 0;
}

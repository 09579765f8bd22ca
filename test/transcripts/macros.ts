// What hand-written transcripts put for {...}: EEPROM slots, OBP messages and spectra. Written from the byte tables of the
// protocol reference alone: it shares nothing with the driver or the emulator, so that it can judge both.

import type { Macros } from "./transcript-text.ts";

const ZERO_16 = "00".repeat(16);

/** Four hex digits to little-endian bytes in hex, and so on for other widths. */
function littleEndian(value: number, bytes: number): string {
  return Array.from({ length: bytes }, (_, index) => Math.floor(value / 256 ** index) % 256)
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
}

interface Message {
  readonly version: string;
  readonly flags: number;
  readonly error?: number;
  readonly type: string;
  readonly data?: string;
}

// Reference table 3.1: header of 44 bytes, payload beyond 16 bytes, checksum, footer. `regarding` is the host's.
function message({ version, flags, error = 0, type, data = "" }: Message): string {
  const bytes = data.length / 2;
  const isImmediate = bytes <= 16;
  return [
    "C1C0",
    version,
    littleEndian(flags, 2),
    littleEndian(error, 2),
    littleEndian(Number.parseInt(type, 16), 4),
    "........",
    "00".repeat(6),
    "00",
    littleEndian(isImmediate ? bytes : 0, 1),
    isImmediate ? data.padEnd(32, "0") : ZERO_16,
    littleEndian(20 + (isImmediate ? 0 : bytes), 4),
    isImmediate ? "" : data,
    ZERO_16,
    "C5C4C3C2",
  ].join(" ");
}

/** `'text'` or hex to hex. */
function dataOf(words: readonly string[]): string {
  return words.map((word) => (word.startsWith("'") ? asciiHex(word.slice(1, -1)) : word)).join("");
}

function asciiHex(text: string): string {
  return Buffer.from(text, "latin1").toString("hex");
}

function f32(text: string): string {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(Number(text));
  return bytes.toString("hex");
}

function obp(version: string): Macros {
  return {
    get: (type = "", ...data) => message({ version, flags: 0, type, data: dataOf(data) }),
    set: (type = "", ...data) => message({ version, flags: 4, type, data: dataOf(data) }),
    data: (type = "", ...data) => message({ version, flags: 1, type, data: dataOf(data) }),
    ack: (type = "") => message({ version, flags: 3, type }),
    nack: (type = "", error = "") => message({ version, flags: 9, error: Number(error), type }),
    f32: (...numbers) => numbers.map(f32).join(""),
  };
}

export const OBP: Macros = obp("0011");
export const OBP2: Macros = obp("0020");

/** `{slot N 'text'}`: the answer about an EEPROM slot; behind the NUL stands what an older text has left. */
export const OOI: Macros = {
  slot: (number = "", ...data) => {
    const text = dataOf(data);
    const isText = data[0]?.startsWith("'") === true;
    return `05 ${number} ${(isText && text.length < 30 ? `${text}00` : text).padEnd(30, "B7").slice(0, 30)}`;
  },
};

/** The counts that a spectrum of a test has: a ramp with a few pixels that stand out. */
export type Spectrum = (pixel: number) => number;

export interface Pixels {
  readonly count: number;
  readonly bytes: 2 | 4;
  readonly value: Spectrum;
}

/** Pixels one after the other, least significant byte first. */
export function linear({ count, bytes, value }: Pixels): string {
  return Array.from({ length: count }, (_, pixel) => littleEndian(value(pixel), bytes)).join("");
}

/** 64 low bytes, then their 64 high bytes, and so on. */
export function split({ count, value }: Pixels): string {
  const byte = (number: number): string => littleEndian(number, 1);
  return Array.from({ length: count / 64 }, (_, packet) => {
    const values = Array.from({ length: 64 }, (_unused, index) => value(64 * packet + index));
    return values.map(byte).join("") + values.map((counts) => byte(Math.floor(counts / 256))).join("");
  }).join("");
}

// The options this library understands, as a table, and their values. Sources: RFC 7252 section 5.10, RFC 7641 section 2,
// RFC 7959 sections 2.1 and 4, RFC 7967 section 2, RFC 8768 section 3, RFC 9175 sections 2.2 and 3.2,
// RFC 9177 section 4.1.

/** One option of a message: its number and its bytes. */
export interface CoapOption {
  readonly number: number;
  readonly value: Buffer;
}

export const OPTION = {
  IF_MATCH: 1,
  URI_HOST: 3,
  ETAG: 4,
  IF_NONE_MATCH: 5,
  OBSERVE: 6,
  URI_PORT: 7,
  LOCATION_PATH: 8,
  OSCORE: 9,
  URI_PATH: 11,
  CONTENT_FORMAT: 12,
  MAX_AGE: 14,
  URI_QUERY: 15,
  HOP_LIMIT: 16,
  ACCEPT: 17,
  Q_BLOCK1: 19,
  BLOCK2: 23,
  BLOCK1: 27,
  SIZE2: 28,
  Q_BLOCK2: 31,
  PROXY_URI: 35,
  PROXY_SCHEME: 39,
  SIZE1: 60,
  ECHO: 252,
  NO_RESPONSE: 258,
  REQUEST_TAG: 292,
} as const;

interface OptionRow {
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly repeatable: boolean;
}

const ROWS = new Map<number, OptionRow>([
  [OPTION.IF_MATCH, { minBytes: 0, maxBytes: 8, repeatable: true }],
  [OPTION.URI_HOST, { minBytes: 1, maxBytes: 255, repeatable: false }],
  [OPTION.ETAG, { minBytes: 1, maxBytes: 8, repeatable: true }],
  [OPTION.IF_NONE_MATCH, { minBytes: 0, maxBytes: 0, repeatable: false }],
  [OPTION.OBSERVE, { minBytes: 0, maxBytes: 3, repeatable: false }],
  [OPTION.URI_PORT, { minBytes: 0, maxBytes: 2, repeatable: false }],
  [OPTION.LOCATION_PATH, { minBytes: 0, maxBytes: 255, repeatable: true }],
  [OPTION.URI_PATH, { minBytes: 0, maxBytes: 255, repeatable: true }],
  [OPTION.CONTENT_FORMAT, { minBytes: 0, maxBytes: 2, repeatable: false }],
  [OPTION.MAX_AGE, { minBytes: 0, maxBytes: 4, repeatable: false }],
  [OPTION.URI_QUERY, { minBytes: 0, maxBytes: 255, repeatable: true }],
  [OPTION.HOP_LIMIT, { minBytes: 1, maxBytes: 1, repeatable: false }],
  [OPTION.ACCEPT, { minBytes: 0, maxBytes: 2, repeatable: false }],
  [OPTION.BLOCK2, { minBytes: 0, maxBytes: 3, repeatable: false }],
  [OPTION.BLOCK1, { minBytes: 0, maxBytes: 3, repeatable: false }],
  [OPTION.Q_BLOCK1, { minBytes: 0, maxBytes: 3, repeatable: false }],
  [OPTION.SIZE2, { minBytes: 0, maxBytes: 4, repeatable: false }],
  [OPTION.Q_BLOCK2, { minBytes: 0, maxBytes: 3, repeatable: true }],
  [OPTION.PROXY_URI, { minBytes: 1, maxBytes: 1034, repeatable: false }],
  [OPTION.PROXY_SCHEME, { minBytes: 1, maxBytes: 255, repeatable: false }],
  [OPTION.SIZE1, { minBytes: 0, maxBytes: 4, repeatable: false }],
  [OPTION.ECHO, { minBytes: 1, maxBytes: 40, repeatable: false }],
  [OPTION.NO_RESPONSE, { minBytes: 0, maxBytes: 1, repeatable: false }],
  [OPTION.REQUEST_TAG, { minBytes: 0, maxBytes: 8, repeatable: true }],
]);

/** A receiver must refuse a message with a critical option it does not understand (RFC 7252 section 5.4.1). */
export function isCritical(number: number): boolean {
  return (number & 1) === 1;
}

/**
 * Whether the option is known, of a legal length and not repeated against the rules. One that is not is treated
 * as unknown (RFC 7252 sections 5.4.3 and 5.4.5).
 */
export function isUnderstood(option: CoapOption, previousNumber: number): boolean {
  const row = ROWS.get(option.number);
  if (row === undefined) return false;
  const bytes = option.value.length;
  return (
    bytes >= row.minBytes && bytes <= row.maxBytes && (row.repeatable || option.number !== previousNumber)
  );
}

/** An unsigned integer of 0 to 4 bytes in network order (RFC 7252 section 3.2). */
export function readUint(value: Buffer): number {
  return value.length === 0 ? 0 : value.readUIntBE(0, value.length);
}

const SMALL: readonly Buffer[] = Array.from({ length: 256 }, (_, value) =>
  value === 0 ? Buffer.alloc(0) : Buffer.from([value]),
);

/** The shortest form of an unsigned integer; the buffers of small ones are shared. */
export function uintValue(value: number): Buffer {
  const small = SMALL[value];
  if (small !== undefined) return small;
  const bytes = value < 0x1_0000 ? 2 : value < 0x100_0000 ? 3 : 4;
  const out = Buffer.allocUnsafe(bytes);
  out.writeUIntBE(value, 0, bytes);
  return out;
}

export function uintOption(number: number, value: number): CoapOption {
  return { number, value: uintValue(value) };
}

export function textOption(number: number, text: string): CoapOption {
  return { number, value: Buffer.from(text) };
}

export function bytesOption(number: number, bytes: Uint8Array): CoapOption {
  return { number, value: Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes) };
}

/** The first option with this number, or undefined. */
export function findOption(options: readonly CoapOption[], number: number): Buffer | undefined {
  for (const option of options) if (option.number === number) return option.value;
  return undefined;
}

/** The value of an integer option, or undefined when it is absent. */
export function findUint(options: readonly CoapOption[], number: number): number | undefined {
  const value = findOption(options, number);
  return value === undefined || value.length > 4 ? undefined : readUint(value);
}

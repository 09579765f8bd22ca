// What a datagram or a stream of bytes is, read from RFC 7252 (sections 3, 4.2, 4.3 and 5.4) and RFC 8323 (section 3.2) and
// not by our codec: the second opinion on what the server answers. It takes bytes from the front until they do not suffice.

/** What became of a message: an answer, a Reset, or nothing. */
export type Outcome = "answered" | "reset" | "silent";

/**
 * "no request" is a response or a reserved code that nobody asked for; a "bad option" is a request with a critical option
 * that is unknown, of an illegal length, or repeated against the rules.
 */
export type Kind = (typeof KINDS)[number];

export const KINDS = ["malformed", "empty", "no request", "bad option", "request"] as const;

export interface Judged {
  readonly kind: Kind;
  /** What a server may do about it. */
  readonly allowed: readonly Outcome[];
  /** A request that may get several answers, or none yet (Q-Block, RFC 9177). */
  readonly isBurst?: boolean;
}

interface Option {
  readonly number: number;
  readonly length: number;
}

class Malformed extends Error {}

const [CON, NON] = [0, 1];
const SILENCE: readonly Outcome[] = ["silent"];
const NO_RESPONSE = 258;
const [Q_BLOCK1, Q_BLOCK2] = [19, 31];
const FIRST_OF_CLASS_1 = 0x20;

// RFC 7252 section 5.10, RFC 7959 section 6, RFC 9177 section 4.1: number, least and most bytes, may it be repeated. OSCORE is not here: the
// server has no keys.
const CRITICAL = new Map([
  [1, { least: 0, most: 8, repeats: true }],
  [3, { least: 1, most: 255, repeats: false }],
  [5, { least: 0, most: 0, repeats: false }],
  [7, { least: 0, most: 2, repeats: false }],
  [11, { least: 0, most: 255, repeats: true }],
  [15, { least: 0, most: 255, repeats: true }],
  [17, { least: 0, most: 2, repeats: false }],
  [19, { least: 0, most: 3, repeats: false }],
  [23, { least: 0, most: 3, repeats: false }],
  [27, { least: 0, most: 3, repeats: false }],
  [31, { least: 0, most: 3, repeats: true }],
  [35, { least: 1, most: 1034, repeats: false }],
  [39, { least: 1, most: 255, repeats: false }],
]);

class Bytes {
  #left: Buffer;

  constructor(bytes: Buffer) {
    this.#left = bytes;
  }

  get isEmpty(): boolean {
    return this.#left.length === 0;
  }

  take(count: number): Buffer {
    if (count > this.#left.length) throw new Malformed();
    const taken = this.#left.subarray(0, count);
    this.#left = this.#left.subarray(count);
    return taken;
  }

  number(bytes: number): number {
    return this.take(bytes).readUIntBE(0, bytes);
  }
}

/** What a datagram is, and what the server may do about it. */
export function judge(datagram: Buffer): Judged {
  try {
    return judgeMessage(new Bytes(datagram));
  } catch (error) {
    if (error instanceof Malformed) return { kind: "malformed", allowed: SILENCE };
    throw error;
  }
}

function judgeMessage(bytes: Bytes): Judged {
  const [head, code] = [bytes.number(1), bytes.number(1)];
  const [version, type, tokenBytes] = [head >> 6, (head >> 4) & 3, head & 15];
  bytes.take(2);
  if (version !== 1) throw new Malformed();
  const rejected: readonly Outcome[] = type === CON ? ["reset"] : SILENCE;
  if (code === 0) {
    if (tokenBytes > 0 || !bytes.isEmpty) throw new Malformed();
    return { kind: "empty", allowed: rejected };
  }
  const options = optionsAfterToken(bytes, tokenBytes);
  if (code >= FIRST_OF_CLASS_1 || type > NON) return { kind: "no request", allowed: rejected };
  if (hasBadOption(options)) return { kind: "bad option", allowed: type === CON ? ["answered"] : SILENCE };
  const has = (wanted: number): boolean => options.some(({ number }) => number === wanted);
  // A block of a body is answered with its set.
  const mayBeSilent = type === NON && (has(NO_RESPONSE) || has(Q_BLOCK1));
  const allowed: readonly Outcome[] = mayBeSilent ? ["answered", "silent"] : ["answered"];
  return { kind: "request", allowed, isBurst: has(Q_BLOCK1) || has(Q_BLOCK2) };
}

/** How many requests of a stream are whole and well formed, up to the first thing that is not. */
export function requestsIn(stream: Buffer): number {
  const bytes = new Bytes(stream);
  let requests = 0;
  try {
    while (!bytes.isEmpty) if (isRequestFrame(bytes)) requests += 1;
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
  }
  return requests;
}

function isRequestFrame(bytes: Bytes): boolean {
  const head = bytes.number(1);
  const [nibble, tokenBytes] = [head >> 4, head & 15];
  const length = nibble === 15 ? bytes.number(4) + 65_805 : extended(bytes, nibble);
  const code = bytes.number(1);
  // Length counts neither the code nor the token.
  optionsAfterToken(new Bytes(bytes.take(tokenBytes + length)), tokenBytes);
  return code > 0 && code < FIRST_OF_CLASS_1;
}

function optionsAfterToken(bytes: Bytes, tokenBytes: number): readonly Option[] {
  if (tokenBytes > 8) throw new Malformed();
  bytes.take(tokenBytes);
  const options: Option[] = [];
  let number = 0;
  while (!bytes.isEmpty) {
    const head = bytes.number(1);
    if (head === 0xff) {
      if (bytes.isEmpty) throw new Malformed();
      break;
    }
    number += extended(bytes, head >> 4);
    const length = extended(bytes, head & 15);
    if (number > 0xffff) throw new Malformed();
    options.push({ number, length });
    bytes.take(length);
  }
  return options;
}

function extended(bytes: Bytes, nibble: number): number {
  if (nibble === 15) throw new Malformed();
  if (nibble === 14) return bytes.number(2) + 269;
  return nibble === 13 ? bytes.number(1) + 13 : nibble;
}

function hasBadOption(options: readonly Option[]): boolean {
  return options.some(({ number, length }, index) => {
    const rule = CRITICAL.get(number);
    if (number % 2 === 0) return false;
    if (rule === undefined || length < rule.least || length > rule.most) return true;
    return !rule.repeats && options[index - 1]?.number === number;
  });
}

// The value of the option OSCORE: a COSE object compressed to its three unencrypted parameters (RFC 8613 section 6.1).
//
//    0 1 2 3 4 5 6 7
//   |0 0 0|h|k|  n  |  Partial IV (n bytes)  |  length and kid context (if h)  |  kid, the rest (if k)

import { NO_BYTES } from "../message/codec.ts";

export interface OscoreOption {
  /** The sender's sequence number in network order, 1 to 5 bytes. */
  readonly partialIv?: Buffer;
  /** The sender's ID; can be empty. */
  readonly kid?: Buffer;
  readonly kidContext?: Buffer;
}

const KID_CONTEXT = 0x10;
const KID = 0x08;
const PARTIAL_IV_LENGTH = 0x07;
const RESERVED = 0xe0;
const LONGEST_PARTIAL_IV = 5;

export function encodeOscoreOption({ partialIv = NO_BYTES, kid, kidContext }: OscoreOption): Buffer {
  if (partialIv.length === 0 && kid === undefined && kidContext === undefined) return NO_BYTES;
  const flags =
    partialIv.length | (kid === undefined ? 0 : KID) | (kidContext === undefined ? 0 : KID_CONTEXT);
  const context = kidContext === undefined ? [] : [Buffer.from([kidContext.length]), kidContext];
  return Buffer.concat([Buffer.from([flags]), partialIv, ...context, kid ?? NO_BYTES]);
}

/** Undefined when the value breaks the format or uses what is reserved. */
export function decodeOscoreOption(value: Buffer): OscoreOption | undefined {
  const flags = value[0];
  if (flags === undefined) return {};
  const length = flags & PARTIAL_IV_LENGTH;
  if (flags === 0 || (flags & RESERVED) !== 0 || length > LONGEST_PARTIAL_IV) return undefined;
  const hasContext = (flags & KID_CONTEXT) !== 0;
  const contextAt = 1 + length;
  const contextLength = hasContext ? value[contextAt] : -1;
  if (contextLength === undefined) return undefined;
  const kidAt = contextAt + 1 + contextLength;
  const hasKid = (flags & KID) !== 0;
  if (kidAt > value.length || (!hasKid && kidAt < value.length)) return undefined;
  return {
    ...(length === 0 ? {} : { partialIv: value.subarray(1, contextAt) }),
    ...(hasContext ? { kidContext: value.subarray(contextAt + 1, kidAt) } : {}),
    ...(hasKid ? { kid: value.subarray(kidAt) } : {}),
  };
}

/** A sequence number as Partial IV: no leading zeros, one zero byte for 0. */
export function partialIvOf(sequence: number): Buffer {
  let length = 1;
  while (sequence >= 2 ** (8 * length)) length += 1;
  const out = Buffer.allocUnsafe(length);
  out.writeUIntBE(sequence, 0, length);
  return out;
}

export function sequenceOf(partialIv: Buffer): number {
  return partialIv.readUIntBE(0, partialIv.length);
}

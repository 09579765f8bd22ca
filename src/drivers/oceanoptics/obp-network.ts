// OBP on a network: how a spectrometer is asked what it is, and how a stream of bytes is cut into messages. Fits
// drivers/net/port.ts. Facts: python-seabreeze (IPv4Transport).

import {
  decodeObp,
  encodeObp,
  FLAG_ACK_REQUESTED,
  HEADER_BYTES,
  isObpStart,
  OBP_VERSION,
  obpLength,
} from "./obp-frame.ts";

const PRODUCT_ID = 0x00000e01;
const START = [0xc1, 0xc0] as const;

/** Where devices listen for the search. TCP has the port that the answer comes from; this one unless told otherwise. */
export const OBP_GROUP = { host: "239.239.239.239", port: 57_357 } as const;

export const OBP_ON_NETWORK = {
  /** Ocean Optics: no device of the other vendor id speaks on a network. */
  vendorId: 0x2457,
  searchQuestion: productQuestion(FLAG_ACK_REQUESTED),
  question: productQuestion(0),
  productIdOf,
  lengthOf,
} as const;

function productQuestion(flags: number): Uint8Array {
  const data = new Uint8Array(0);
  return encodeObp({ version: OBP_VERSION, flags, error: 0, type: PRODUCT_ID, regarding: 0, data });
}

function productIdOf(bytes: Uint8Array): number | undefined {
  const message = decodeObp(bytes);
  if (typeof message === "string" || message.type !== PRODUCT_ID || message.error !== 0) return undefined;
  const [low, high] = message.data;
  return low === undefined || high === undefined ? undefined : low + 256 * high;
}

// A header that cannot be is handed over alone: its reader complains, and what follows it is rubbish up to the next start.
function lengthOf(bytes: Uint8Array): number | undefined {
  if (isObpStart(bytes)) return bytes.length < HEADER_BYTES ? undefined : (obpLength(bytes) ?? HEADER_BYTES);
  const [first, second] = START;
  for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
    const next = bytes[at + 1];
    if (next === undefined || next === second) return at === 0 ? undefined : at;
  }
  return bytes.length === 0 ? undefined : bytes.length;
}

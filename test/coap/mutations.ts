// Datagrams for the fuzz tests: random ones, and requests of all kinds with some bytes changed or the end cut off.

import { NON } from "../../src/coap/message/codes.ts";
import { OPTION } from "../../src/coap/message/options.ts";
import { CODE, requestBytes } from "./raw-peer.ts";

export type Random = () => number;

// Among them CON and NON, blocks, bursts, observation and long options.
export const REQUESTS: readonly Buffer[] = [
  requestBytes({ path: "s" }),
  requestBytes({ path: "obs", options: [[OPTION.OBSERVE, 0]] }),
  requestBytes({
    type: NON,
    path: "frame",
    options: [
      [OPTION.OBSERVE, 0],
      [OPTION.BLOCK2, 6],
    ],
  }),
  requestBytes({ code: CODE.POST, path: "inc", payload: Buffer.from("{}") }),
  requestBytes({
    code: CODE.PUT,
    path: "put",
    payload: Buffer.alloc(1024, 7),
    options: [[OPTION.BLOCK1, 14]],
  }),
  requestBytes({
    type: NON,
    path: "b8k",
    options: [
      [OPTION.BLOCK2, 0x36],
      [OPTION.ETAG, "abcd"],
      [OPTION.ACCEPT, 50],
    ],
  }),
  requestBytes({ type: NON, path: "b8k", options: [[OPTION.Q_BLOCK2, 14]] }),
  requestBytes({
    type: NON,
    code: CODE.PUT,
    path: "put",
    payload: Buffer.alloc(1024, 7),
    options: [
      [OPTION.Q_BLOCK1, 14],
      [OPTION.REQUEST_TAG, "t"],
    ],
  }),
  requestBytes({
    path: "s",
    options: [
      [OPTION.URI_QUERY, "q".repeat(200)],
      [OPTION.SIZE1, 2 ** 31],
      [65001, "x"],
    ],
  }),
];

/** Up to 59 bytes. */
export function randomDatagram(random: Random): Buffer {
  return Buffer.from(Array.from({ length: Math.floor(random() * 60) }, () => Math.floor(random() * 256)));
}

export function mutatedRequest(random: Random): Buffer {
  const template = REQUESTS[Math.floor(random() * REQUESTS.length)] ?? Buffer.alloc(0);
  return mutated(random, template);
}

/** A copy with 1 to 4 bytes changed, and in 3 of 10 cases the end cut off. */
export function mutated(random: Random, template: Buffer): Buffer {
  const bytes = Buffer.from(template);
  for (let count = 1 + Math.floor(random() * 4); count > 0; count--) {
    bytes[Math.floor(random() * Math.min(bytes.length, 40))] = Math.floor(random() * 256);
  }
  return random() < 0.3 ? bytes.subarray(0, Math.floor(random() * bytes.length)) : bytes;
}

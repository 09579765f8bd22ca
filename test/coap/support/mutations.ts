// Bytes for the fuzz tests: random ones, and messages of all kinds with bytes changed, cut off, spliced, lost or added.

import { ACK, CON, NON, RST } from "../../../src/coap/message/codes.ts";
import { emptyMessage, pingMessage } from "../../../src/coap/message/codec.ts";
import { OPTION } from "../../../src/coap/message/options.ts";
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

const CONTENT = 0x45;

/** Requests, and what else comes in datagrams: pings, acknowledgements, resets, responses. */
export const MESSAGES: readonly Buffer[] = [
  ...REQUESTS,
  pingMessage(1),
  emptyMessage(ACK, 1),
  emptyMessage(RST, 1),
  requestBytes({ type: CON, code: CONTENT, payload: Buffer.from("21.5") }),
  requestBytes({ type: ACK, code: CONTENT, payload: Buffer.from("21.5") }),
];

/** Up to 59 bytes. */
export function randomDatagram(random: Random): Buffer {
  return randomBytes(random, below(random, 60));
}

export function mutatedMessage(random: Random): Buffer {
  return mutated(random, MESSAGES);
}

// Templates are long in their payloads only: what is worth changing is in front.
const FRONT_BYTES = 40;

const MUTATIONS: readonly ((random: Random, bytes: Buffer, other: Buffer) => Buffer)[] = [
  withBytesChanged,
  (random, bytes) => Buffer.from(bytes.subarray(0, below(random, bytes.length))),
  (random, bytes, other) =>
    Buffer.concat([bytes.subarray(0, place(random, bytes)), other.subarray(place(random, other))]),
  withLengthsWrong,
];

/** One of the templates, broken in one way: bytes changed, the end cut off, spliced with another, or lengths wrong. */
export function mutated(random: Random, templates: readonly Buffer[]): Buffer {
  const [bytes, other] = [oneOf(random, templates), oneOf(random, templates)];
  return oneOf(random, MUTATIONS)(random, bytes, other);
}

function withBytesChanged(random: Random, template: Buffer): Buffer {
  const bytes = Buffer.from(template);
  for (let count = 1 + below(random, 4); count > 0; count--) bytes[place(random, bytes)] = below(random, 256);
  return bytes;
}

/** Without some bytes, or with some more: what is announced before that place is not what follows. */
function withLengthsWrong(random: Random, bytes: Buffer): Buffer {
  const [at, count] = [place(random, bytes), 1 + below(random, 4)];
  const isLost = random() < 0.5;
  const between = isLost ? Buffer.alloc(0) : randomBytes(random, count);
  return Buffer.concat([bytes.subarray(0, at), between, bytes.subarray(isLost ? at + count : at)]);
}

function place(random: Random, { length }: Buffer): number {
  return below(random, Math.min(length, FRONT_BYTES));
}

function randomBytes(random: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => below(random, 256)));
}

function oneOf<T>(random: Random, choices: readonly T[]): T {
  const choice = choices[below(random, choices.length)];
  if (choice === undefined) throw new Error("nothing to choose from");
  return choice;
}

function below(random: Random, limit: number): number {
  return Math.floor(random() * limit);
}

// Two ends that share a key, with stores in memory that outlive them as a disk outlives a process.

import {
  OscoreContext,
  type OscoreContexts,
  type OscoreKey,
} from "../../../src/coap/oscore/oscore-context.ts";
import { RESERVED, type SequenceStore } from "../../../src/coap/oscore/sender-sequence.ts";

export class MemoryStore implements SequenceStore {
  /** The next number that was never reserved. */
  next = 0;
  reservations = 0;
  /** Set to make the disk fail. */
  failure: Error | undefined;

  constructor(next = 0) {
    this.next = next;
  }

  reserve(): Promise<number> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    this.reservations += 1;
    this.next += RESERVED;
    return Promise.resolve(this.next - RESERVED);
  }
}

export const hex = (text: string): Buffer => Buffer.from(text, "hex");

/** What both ends of the tests agree upon: RFC 8613 appendix C.1, with IDs as the server gives them. */
export const KEY: OscoreKey = {
  name: "field laptop",
  masterSecret: hex("0102030405060708090a0b0c0d0e0f10"),
  masterSalt: hex("9e7ca92223786340"),
  senderId: Buffer.from("k7"),
  recipientId: Buffer.from("s"),
};

/** The key as the other end has it. */
export function mirrored(key: OscoreKey): OscoreKey {
  return { ...key, senderId: key.recipientId, recipientId: key.senderId };
}

export interface Pair {
  readonly client: OscoreContext;
  readonly server: OscoreContext;
}

export async function openPair(
  key: OscoreKey = KEY,
  {
    client = new MemoryStore(),
    server = new MemoryStore(),
  }: { client?: MemoryStore; server?: MemoryStore } = {},
): Promise<Pair> {
  return {
    client: await OscoreContext.open(key, client),
    server: await OscoreContext.open(mirrored(key), server),
  };
}

/** The keys of a server. */
export function contextsOf(...contexts: readonly OscoreContext[]): OscoreContexts {
  return {
    find: (kid, kidContext) =>
      contexts.find(
        ({ recipientId, idContext }) =>
          recipientId.equals(kid) && (kidContext === undefined || idContext?.equals(kidContext) === true),
      ),
  };
}

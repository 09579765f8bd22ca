// A security context: what two ends share and what each keeps for itself (RFC 8613 section 3).

import { hkdfSync, randomBytes } from "node:crypto";
import { VscopeError } from "../../base/errors.ts";
import { NO_BYTES } from "../message/codec.ts";
import {
  type AeadAlgorithm,
  ALGORITHMS,
  type AlgorithmName,
  authenticatedData,
  type CipherUse,
  derivationInfo,
  NONCE_BYTES,
} from "./cose.ts";
import { ReplayWindow } from "./replay-window.ts";
import { SenderSequence, type SequenceStore } from "./sender-sequence.ts";

/** What the two ends must agree upon; sender and recipient change places between them. */
export interface OscoreKey {
  /** The key's name, for logs and roles. */
  readonly name: string;
  /** At least 16 random bytes. */
  readonly masterSecret: Uint8Array;
  readonly masterSalt?: Uint8Array;
  /** 0 to 7 bytes each, and not the same. */
  readonly senderId: Uint8Array;
  readonly recipientId: Uint8Array;
  /** At most 255 bytes. */
  readonly idContext?: Uint8Array;
  /** AES-CCM-16-64-128 when absent. */
  readonly algorithm?: AlgorithmName;
}

/** The keys a server knows. */
export interface OscoreContexts {
  /** The context whose recipient ID and ID context these are. */
  find(kid: Uint8Array, kidContext: Uint8Array | undefined): OscoreContext | undefined;
}

// RFC 8613 section 3.3: the nonce has 13 bytes, of which 6 are for its own length and the Partial IV.
const LONGEST_ID = NONCE_BYTES - 6;
const ECHO_BYTES = 8;

export class OscoreContext {
  readonly name: string;
  readonly senderId: Buffer;
  readonly recipientId: Buffer;
  readonly idContext: Buffer | undefined;
  readonly algorithm: AeadAlgorithm;
  readonly senderKey: Buffer;
  readonly recipientKey: Buffer;
  readonly commonIv: Buffer;
  readonly sequence: SenderSequence;
  readonly replays = new ReplayWindow();
  /** What a client has to repeat once after a start of the server, to show that it is no recording. */
  readonly echo: Buffer = randomBytes(ECHO_BYTES);

  /** Throws CONFIG_INVALID when a part of the key has a wrong length, and what the store throws. */
  static async open(key: OscoreKey, store: SequenceStore): Promise<OscoreContext> {
    checkKey(key);
    return new OscoreContext(key, await SenderSequence.open(store));
  }

  private constructor(key: OscoreKey, sequence: SenderSequence) {
    this.name = key.name;
    this.senderId = Buffer.from(key.senderId);
    this.recipientId = Buffer.from(key.recipientId);
    this.idContext = key.idContext === undefined ? undefined : Buffer.from(key.idContext);
    this.algorithm = ALGORITHMS[key.algorithm ?? "AES-CCM-16-64-128"];
    this.senderKey = this.#derive(key, this.senderId, "Key");
    this.recipientKey = this.#derive(key, this.recipientId, "Key");
    this.commonIv = this.#derive(key, NO_BYTES, "IV");
    this.sequence = sequence;
  }

  /** RFC 8613 section 5.2: the number, left-padded, after the ID of who chose it, left-padded, and the ID's length. */
  nonce(id: Buffer, partialIv: Buffer): Buffer {
    const nonce = Buffer.from(this.commonIv);
    nonce[0] = byteAt(nonce, 0) ^ id.length;
    xorInto(nonce, id, NONCE_BYTES - 5);
    xorInto(nonce, partialIv, NONCE_BYTES);
    return nonce;
  }

  /** How to encrypt or decrypt a message, given the nonce's origin and the request it is, or is the answer to. */
  use(
    direction: "send" | "receive",
    nonceFrom: { readonly id: Buffer; readonly partialIv: Buffer },
    request: { readonly kid: Buffer; readonly partialIv: Buffer },
  ): CipherUse {
    return {
      algorithm: this.algorithm,
      key: direction === "send" ? this.senderKey : this.recipientKey,
      nonce: this.nonce(nonceFrom.id, nonceFrom.partialIv),
      aad: authenticatedData(this.algorithm, request.kid, request.partialIv),
    };
  }

  #derive({ masterSecret, masterSalt = NO_BYTES }: OscoreKey, id: Buffer, type: "Key" | "IV"): Buffer {
    const info = derivationInfo(id, this.idContext, this.algorithm, type);
    const bytes = type === "Key" ? this.algorithm.keyBytes : NONCE_BYTES;
    return Buffer.from(hkdfSync("sha256", masterSecret, masterSalt, info, bytes));
  }
}

function checkKey({ name, masterSecret, senderId, recipientId, idContext }: OscoreKey): void {
  const wrong = (fact: string): VscopeError => new VscopeError("CONFIG_INVALID", `key ${name}: ${fact}`);
  if (masterSecret.length < 16) throw wrong(`a secret of ${masterSecret.length} bytes is shorter than 16`);
  for (const [which, { length }] of [["sender", senderId] as const, ["recipient", recipientId] as const])
    if (length > LONGEST_ID) throw wrong(`${which} ID of ${length} bytes is longer than ${LONGEST_ID}`);
  if (Buffer.compare(senderId, recipientId) === 0) throw wrong("sender and recipient ID are the same");
  if (idContext !== undefined && idContext.length > 255)
    throw wrong(`ID context of ${idContext.length} bytes is longer than 255`);
}

/** Combines `bytes` into the part of `nonce` that ends before `end`. */
function xorInto(nonce: Buffer, bytes: Buffer, end: number): void {
  const start = end - bytes.length;
  for (let index = 0; index < bytes.length; index++)
    nonce[start + index] = byteAt(nonce, start + index) ^ byteAt(bytes, index);
}

function byteAt(bytes: Buffer, index: number): number {
  return bytes[index] ?? 0;
}

// The little of CBOR and COSE that OSCORE needs: what keys are derived from, what is authenticated beside a message, and
// the encryption itself (RFC 8613 sections 3.2.1, 5.3 and 5.4; algorithms: RFC 9053 section 4.2).

import { createCipheriv, createDecipheriv } from "node:crypto";

/** An AEAD algorithm of the COSE registry; all of these have nonces of 13 bytes. */
export interface AeadAlgorithm {
  readonly id: number;
  readonly cipher: "aes-128-ccm" | "aes-256-ccm";
  readonly keyBytes: number;
  readonly tagBytes: number;
}

/** By the names of the registry. The first is what RFC 8613 section 3.2 asks of everybody. */
export const ALGORITHMS = {
  "AES-CCM-16-64-128": { id: 10, cipher: "aes-128-ccm", keyBytes: 16, tagBytes: 8 },
  "AES-CCM-16-64-256": { id: 11, cipher: "aes-256-ccm", keyBytes: 32, tagBytes: 8 },
  "AES-CCM-16-128-128": { id: 30, cipher: "aes-128-ccm", keyBytes: 16, tagBytes: 16 },
  "AES-CCM-16-128-256": { id: 31, cipher: "aes-256-ccm", keyBytes: 32, tagBytes: 16 },
} as const satisfies Record<string, AeadAlgorithm>;

export type AlgorithmName = keyof typeof ALGORITHMS;

export const NONCE_BYTES = 13;

/** The largest plaintext of these algorithms: the length is told in 16 bits. */
export const LARGEST_PLAINTEXT_BYTES = 0xffff;

const UNSIGNED = 0;
const BYTES = 2;
const TEXT = 3;
const ARRAY_OF_3 = Buffer.from([0x83]);
const ARRAY_OF_5 = Buffer.from([0x85]);
const NULL = Buffer.from([0xf6]);
const NO_BYTES = Buffer.from([0x40]);
const VERSION_1_AND_ARRAY_OF_1 = Buffer.from([0x01, 0x81]);
const ENCRYPT0 = text("Encrypt0");

/** The context of a key derivation: `[id, id_context, alg_aead, type, L]`. */
export function derivationInfo(
  id: Uint8Array,
  idContext: Uint8Array | undefined,
  algorithm: AeadAlgorithm,
  type: "Key" | "IV",
): Buffer {
  return Buffer.concat([
    ARRAY_OF_5,
    bytes(id),
    idContext === undefined ? NULL : bytes(idContext),
    head(UNSIGNED, algorithm.id),
    text(type),
    head(UNSIGNED, type === "Key" ? algorithm.keyBytes : NONCE_BYTES),
  ]);
}

/** What is authenticated with a message: the Enc_structure around `[1, [alg_aead], request_kid, request_piv, h'']`. */
export function authenticatedData(algorithm: AeadAlgorithm, kid: Uint8Array, partialIv: Uint8Array): Buffer {
  const external = Buffer.concat([
    ARRAY_OF_5,
    VERSION_1_AND_ARRAY_OF_1,
    head(UNSIGNED, algorithm.id),
    bytes(kid),
    bytes(partialIv),
    NO_BYTES,
  ]);
  return Buffer.concat([ARRAY_OF_3, ENCRYPT0, NO_BYTES, bytes(external)]);
}

function head(major: number, value: number): Buffer {
  if (value < 24) return Buffer.from([(major << 5) | value]);
  if (value < 0x100) return Buffer.from([(major << 5) | 24, value]);
  return Buffer.from([(major << 5) | 25, value >> 8, value & 0xff]);
}

function bytes(value: Uint8Array): Buffer {
  return Buffer.concat([head(BYTES, value.length), value]);
}

function text(value: string): Buffer {
  return Buffer.concat([head(TEXT, value.length), Buffer.from(value)]);
}

/** One use of a key: nonce and additional data belong to the message. */
export interface CipherUse {
  readonly algorithm: AeadAlgorithm;
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
  readonly aad: Uint8Array;
}

/** Encrypts; the tag is at the end of the result. */
export function encrypt({ algorithm, key, nonce, aad }: CipherUse, plaintext: Uint8Array): Buffer {
  const { cipher: name, tagBytes: authTagLength } = algorithm;
  const cipher = createCipheriv(name, key, nonce, { authTagLength });
  cipher.setAAD(aad, { plaintextLength: plaintext.length });
  const encrypted = cipher.update(plaintext);
  cipher.final();
  return Buffer.concat([encrypted, cipher.getAuthTag()]);
}

/** Decrypts and verifies; undefined when any bit is not what was sent. */
export function decrypt(
  { algorithm, key, nonce, aad }: CipherUse,
  ciphertext: Uint8Array,
): Buffer | undefined {
  const { cipher: name, tagBytes: authTagLength } = algorithm;
  const plaintextLength = ciphertext.length - authTagLength;
  if (plaintextLength < 1 || plaintextLength > LARGEST_PLAINTEXT_BYTES) return undefined;
  const decipher = createDecipheriv(name, key, nonce, { authTagLength });
  decipher.setAuthTag(ciphertext.subarray(plaintextLength));
  decipher.setAAD(aad, { plaintextLength });
  try {
    const plaintext = decipher.update(ciphertext.subarray(0, plaintextLength));
    decipher.final();
    return plaintext;
  } catch {
    return undefined;
  }
}

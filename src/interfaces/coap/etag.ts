// Strong entity tags (RFC 7252 section 5.10.6): of the bytes of a representation, so that they outlive a restart.

import { hash } from "node:crypto";

const BYTES = 8;

export function tagOf(bytes: Uint8Array): Buffer {
  return hash("sha1", bytes, "buffer").subarray(0, BYTES);
}

// application/cbor: the same values as in JSON, about half as long.

import { encode } from "cborg";
import { FORMAT } from "../content-formats.ts";
import type { Format } from "./format.ts";

export const CBOR_FORMAT: Format = {
  number: FORMAT.cbor,
  fits: () => true,
  encode: (value) => encodeCbor(value ?? null),
};

/** Members that are undefined are left out, as in JSON. */
export function encodeCbor(value: unknown): Uint8Array {
  return encode(value, { ignoreUndefinedProperties: true });
}

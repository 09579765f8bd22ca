// application/octet-stream: the vector of a value as 32-bit floating-point numbers, little-endian (IEEE 754), NaN where
// there is no value. Whole counts up to 2^24 are exact; no detector has more.

import { VscopeError } from "../../../base/errors.ts";
import type { AnyResource } from "../../../resources/define.ts";
import { FORMAT } from "../content-formats.ts";
import type { Format } from "./format.ts";
import { isVector, vectorOf } from "./vector.ts";

const BYTES = 4;

export const OCTETS: Format = {
  number: FORMAT.octets,
  fits: isVector,
  encode: (value, { resource }) => floats(resource, value),
};

/** The vector's numbers. Throws FORMAT_NOT_ACCEPTABLE for a part without it. */
export function floats(resource: AnyResource, value: unknown): Uint8Array {
  const vector = vectorOf(resource, value);
  if (vector === undefined)
    throw new VscopeError("FORMAT_NOT_ACCEPTABLE", `${resource.path}: no numbers are in the selected fields`);
  const bytes = Buffer.allocUnsafe(vector.values.length * BYTES);
  for (const [index, number] of vector.values.entries())
    bytes.writeFloatLE(number ?? Number.NaN, index * BYTES);
  return bytes;
}

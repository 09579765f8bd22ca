// application/multipart-core (RFC 8710): a spectrum in two parts, what is known of it as CBOR and its counts as bytes.

import { isMembers } from "../../../resources/merge-patch.ts";
import { FORMAT } from "../content-formats.ts";
import { encodeCbor } from "./cbor.ts";
import type { Format } from "./format.ts";
import { floats } from "./octets.ts";
import { vectorOf } from "./vector.ts";

export const MULTIPART: Format = {
  number: FORMAT.multipart,
  fits: ({ vector }) => vector !== undefined,
  encode: (value, { resource }) => {
    const counts = floats(resource, value);
    const member = vectorOf(resource, value)?.member;
    const others = isMembers(value) ? Object.entries(value).filter(([name]) => name !== member) : [];
    return encodeCbor([FORMAT.cbor, encodeCbor(Object.fromEntries(others)), FORMAT.octets, counts]);
  },
};

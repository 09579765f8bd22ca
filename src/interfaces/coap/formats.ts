// Values as JSON and CBOR. Numbers of the CoAP Content-Formats registry, RFC 7252 section 12.3 and RFC 8949.

import { decode as decodeCbor, encode as encodeCbor } from "cborg";
import { messageOf, VscopeError } from "../../base/errors.ts";

export const FORMAT = { text: 0, json: 50, cbor: 60 } as const;

/** A value as bytes in the accepted format; JSON when the client accepts anything. Throws FORMAT_NOT_ACCEPTABLE. */
export function encodeValue(
  value: unknown,
  accept: number | undefined,
): { bytes: Uint8Array; format: number } {
  const plain = value === undefined ? null : value;
  switch (accept) {
    case undefined:
    case FORMAT.json:
      return { bytes: Buffer.from(JSON.stringify(plain), "utf8"), format: FORMAT.json };
    case FORMAT.cbor:
      return { bytes: encodeCbor(plain, { ignoreUndefinedProperties: true }), format: FORMAT.cbor };
    default:
      throw new VscopeError(
        "FORMAT_NOT_ACCEPTABLE",
        `Accept ${accept}: the formats here are ${FORMAT.json} (JSON) and ${FORMAT.cbor} (CBOR)`,
      );
  }
}

/**
 * The value of a payload; undefined for an empty one. Without a Content-Format it is taken as JSON, because most
 * command-line clients send none. Throws FORMAT_UNSUPPORTED or VALUE_INVALID.
 */
export function decodeValue(payload: Uint8Array, format: number | undefined): unknown {
  if (payload.length === 0) return undefined;
  switch (format) {
    case undefined:
    case FORMAT.text:
    case FORMAT.json:
      return parsed("JSON", () => JSON.parse(decodeText(payload)));
    case FORMAT.cbor:
      return parsed("CBOR", () => decodeCbor(payload));
    default:
      throw new VscopeError(
        "FORMAT_UNSUPPORTED",
        `Content-Format ${format}: understood are ${FORMAT.json} (JSON) and ${FORMAT.cbor} (CBOR)`,
      );
  }
}

/** UTF-8 text of a payload. Throws VALUE_INVALID for other bytes. */
export function decodeText(payload: Uint8Array): string {
  return parsed("UTF-8 text", () => new TextDecoder("utf-8", { fatal: true }).decode(payload));
}

function parsed<T>(what: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new VscopeError("VALUE_INVALID", `payload: not ${what}, ${messageOf(error)}`, { cause: error });
  }
}

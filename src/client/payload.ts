// Values on the wire: JSON, CBOR, text and bytes by their Content-Format (RFC 7252 section 12.3).

import { decode as decodeCbor } from "cborg";
import { messageOf, VscopeError } from "../base/errors.ts";

export const FORMAT = { text: 0, link: 40, octets: 42, json: 50, cbor: 60 } as const;

export interface Payload {
  readonly bytes: Uint8Array;
  readonly contentFormat: number;
}

/** A value as JSON, the format every resource understands. */
export function jsonPayload(value: unknown): Payload {
  const text = JSON.stringify(value);
  if (text === undefined) throw new VscopeError("VALUE_INVALID", `${typeof value} has no JSON form`);
  return { bytes: Buffer.from(text), contentFormat: FORMAT.json };
}

/**
 * The content of a file in the format it shows: JSON when it parses as such, text when it is UTF-8, else bytes.
 */
export function filePayload(bytes: Uint8Array): Payload {
  const text = utf8(bytes);
  if (text === undefined) return { bytes, contentFormat: FORMAT.octets };
  return { bytes, contentFormat: isJson(text) ? FORMAT.json : FORMAT.text };
}

/** The value of an answer; undefined when it is empty. Throws DEVICE_PROTOCOL when it is not what its format says. */
export function decodePayload(bytes: Uint8Array, contentFormat: number | undefined): unknown {
  if (bytes.length === 0) return contentFormat === FORMAT.text ? "" : undefined;
  try {
    if (contentFormat === FORMAT.json) return JSON.parse(Buffer.from(bytes).toString());
    if (contentFormat === FORMAT.cbor) return decodeCbor(bytes);
  } catch (error) {
    throw new VscopeError(
      "DEVICE_PROTOCOL",
      `the answer is not valid ${contentFormat === FORMAT.json ? "JSON" : "CBOR"}: ${messageOf(error)}`,
      { cause: error },
    );
  }
  if (contentFormat === FORMAT.octets) return bytes;
  return utf8(bytes) ?? bytes;
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

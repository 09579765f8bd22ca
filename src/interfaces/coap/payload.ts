// Bodies of requests as values, by their Content-Format.

import { decode as decodeCbor } from "cborg";
import { messageOf, VscopeError } from "../../base/errors.ts";
import { FORMAT, formatName } from "./content-formats.ts";

const VALUES: readonly number[] = [FORMAT.json, FORMAT.cbor];
const PATCHES: readonly number[] = [FORMAT.mergePatch, ...VALUES];

/**
 * The value of a payload; undefined for an empty one. Without a Content-Format it is taken as JSON, because most
 * command-line clients send none. Throws FORMAT_UNSUPPORTED or VALUE_INVALID.
 */
export function decodeValue(payload: Uint8Array, format: number | undefined): unknown {
  return decode(payload, format, VALUES);
}

/** As `decodeValue`, for a merge patch (RFC 7396). */
export function decodePatch(payload: Uint8Array, format: number | undefined): unknown {
  return decode(payload, format, PATCHES);
}

/** UTF-8 text of a payload. Throws VALUE_INVALID for other bytes. */
export function decodeText(payload: Uint8Array): string {
  return parsed("UTF-8 text", () => new TextDecoder("utf-8", { fatal: true }).decode(payload));
}

function decode(payload: Uint8Array, format: number = FORMAT.text, understood: readonly number[]): unknown {
  if (payload.length === 0) return undefined;
  // Some clients call everything text.
  if (format !== FORMAT.text && !understood.includes(format)) {
    const names = understood.map(formatName).join(", ");
    throw new VscopeError("FORMAT_UNSUPPORTED", `Content-Format ${format}: understood are ${names}`);
  }
  if (format === FORMAT.cbor) return parsed("CBOR", () => decodeCbor(payload));
  return parsed("JSON", () => JSON.parse(decodeText(payload)));
}

function parsed<T>(what: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new VscopeError("VALUE_INVALID", `payload: not ${what}, ${messageOf(error)}`, { cause: error });
  }
}

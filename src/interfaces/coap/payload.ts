// Bodies of requests as values, by their Content-Format.

import { decode as decodeCbor } from "cborg";
import { messageOf, VscopeError } from "../../base/errors.ts";
import { FORMAT, formatName } from "./content-formats.ts";

const VALUES: readonly number[] = [FORMAT.json, FORMAT.cbor];
/** What a person writes who does not know that a text of JSON has quotes. */
const BARE_WORD = /^[A-Za-z][\w-]{0,40}$/;
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

/** UTF-8 text of a payload. Throws FORMAT_UNSUPPORTED for another format, VALUE_INVALID for other bytes. */
export function decodeText(payload: Uint8Array, format: number | undefined): string {
  if (format !== undefined && format !== FORMAT.text) throw notUnderstood(format, [FORMAT.text]);
  return utf8(payload);
}

function utf8(payload: Uint8Array): string {
  return parsed("UTF-8 text", () => new TextDecoder("utf-8", { fatal: true }).decode(payload));
}

function decode(payload: Uint8Array, format: number = FORMAT.text, understood: readonly number[]): unknown {
  if (payload.length === 0) return undefined;
  // Some clients call everything text.
  if (format !== FORMAT.text && !understood.includes(format)) throw notUnderstood(format, understood);
  if (format === FORMAT.cbor) return parsed("CBOR", () => decodeCbor(payload));
  const text = utf8(payload);
  return parsed(BARE_WORD.test(text) ? `JSON, a text needs quotes: "${text}"` : "JSON", () =>
    JSON.parse(text),
  );
}

function notUnderstood(format: number, understood: readonly number[]): VscopeError {
  const names = understood.map(formatName).join(", ");
  const verb = understood.length === 1 ? "is" : "are";
  return new VscopeError("FORMAT_UNSUPPORTED", `Content-Format ${format}: understood ${verb} ${names}`);
}

function parsed<T>(what: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new VscopeError("VALUE_INVALID", `payload: not ${what}, ${messageOf(error)}`, { cause: error });
  }
}

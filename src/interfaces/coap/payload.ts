// Bodies of requests as values, by their Content-Format.

import { decode as decodeCbor } from "cborg";
import { messageOf, VscopeError } from "../../base/errors.ts";
import { FORMAT, formatName } from "./content-formats.ts";

const VALUES: readonly number[] = [FORMAT.json, FORMAT.cbor];
const PATCHES: readonly number[] = [FORMAT.mergePatch, ...VALUES];

/** What a resource takes, as far as it helps to read a payload. */
export interface Wanted {
  /** Its value is a text: bytes without a Content-Format, or text/plain, that are no JSON are that text as they are. */
  readonly isText?: boolean;
  /** For messages. */
  readonly example?: unknown;
}

/**
 * The value of a payload; undefined for an empty one. Without a Content-Format it is taken as JSON, because most
 * command-line clients send none (RFC 7252 section 5.5.1 leaves that to the server), or as the text that is wanted.
 * Throws FORMAT_UNSUPPORTED or VALUE_INVALID.
 */
export function decodeValue(payload: Uint8Array, format: number | undefined, wanted: Wanted = {}): unknown {
  return decode(payload, format, { understood: VALUES, ...wanted });
}

/** As `decodeValue`, for a merge patch (RFC 7396). */
export function decodePatch(payload: Uint8Array, format: number | undefined): unknown {
  return decode(payload, format, { understood: PATCHES });
}

/** Text of a payload in UTF-8. Throws FORMAT_UNSUPPORTED for another format, VALUE_INVALID for other bytes. */
export function decodeText(payload: Uint8Array, format: number | undefined): string {
  if (format !== undefined && format !== FORMAT.text)
    throw notUnderstood(format, { understood: [FORMAT.text] });
  return utf8(payload);
}

function utf8(payload: Uint8Array): string {
  return parsed("UTF-8 text", () => new TextDecoder("utf-8", { fatal: true }).decode(payload));
}

interface Understood extends Wanted {
  readonly understood: readonly number[];
}

function decode(payload: Uint8Array, format: number = FORMAT.text, wanted: Understood): unknown {
  if (payload.length === 0) return undefined;
  // Some clients call everything text.
  if (format !== FORMAT.text && !wanted.understood.includes(format)) throw notUnderstood(format, wanted);
  if (format === FORMAT.cbor) return parsed("CBOR", () => decodeCbor(payload));
  const text = utf8(payload);
  const isBare = format === FORMAT.text && wanted.isText === true && !/^\s*[{["]/.test(text);
  return isBare ? bareText(text) : parsed(`JSON${exampleText(wanted)}`, () => JSON.parse(text));
}

// What is JSON stays so: a number is no text by accident. A shell adds a line end.
function bareText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text.replace(/\r?\n$/, "");
  }
}

function exampleText({ example }: Wanted): string {
  return example === undefined ? "" : `, such as ${JSON.stringify(example)}`;
}

function notUnderstood(format: number, wanted: Understood): VscopeError {
  const names = wanted.understood.map(formatName).join(", ");
  const verb = wanted.understood.length === 1 ? "is" : "are";
  const fact = `Content-Format ${format}: understood ${verb} ${names}${exampleText(wanted)}`;
  return new VscopeError("FORMAT_UNSUPPORTED", fact);
}

function parsed<T>(what: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new VscopeError("VALUE_INVALID", `payload: not ${what}, ${messageOf(error)}`, { cause: error });
  }
}

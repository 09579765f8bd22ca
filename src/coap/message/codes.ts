// Message types, methods and response codes of CoAP (RFC 7252 sections 3 and 12.1, RFC 7959, RFC 8132), as numbers and as text.

import { VscopeError } from "../../base/errors.ts";

/** A code as people write it: class, dot, two digits ("2.05"). */
export type CoapCode = string;

/** The four message types, RFC 7252 section 4. */
export const CON = 0;
export const NON = 1;
export const ACK = 2;
export const RST = 3;

export type MessageType = typeof CON | typeof NON | typeof ACK | typeof RST;

/** The code of an empty message: a ping, an empty ACK or a reset. */
export const EMPTY = 0;

export type CoapMethod = "GET" | "POST" | "PUT" | "DELETE" | "FETCH" | "PATCH" | "iPATCH";

// The position is the method code: RFC 7252 section 12.1.1, RFC 8132 section 6.
const METHODS: readonly (CoapMethod | undefined)[] = [
  undefined,
  "GET",
  "POST",
  "PUT",
  "DELETE",
  "FETCH",
  "PATCH",
  "iPATCH",
];

/** The method of a request code, or undefined when there is none. */
export function methodOf(code: number): CoapMethod | undefined {
  return METHODS[code];
}

/** The request code of a method. */
export function methodCode(method: CoapMethod): number {
  return METHODS.indexOf(method);
}

/** True for methods that change nothing, so that a copy of the request may run again. */
export function isSafe(method: CoapMethod): boolean {
  return method === "GET" || method === "FETCH";
}

/** The class of a code: 0 requests, 2 success, 4 the client's error, 5 the server's. */
export function classOf(code: number): number {
  return code >> 5;
}

/** A code as text: 69 is "2.05". */
export function codeText(code: number): CoapCode {
  return `${code >> 5}.${String(code & 31).padStart(2, "0")}`;
}

const NUMBERS = new Map<CoapCode, number>();

/** A response code as number: "2.05" is 69. Throws INTERNAL for text that is not one. */
export function codeNumber(text: CoapCode): number {
  const known = NUMBERS.get(text);
  if (known !== undefined) return known;
  const match = /^([245])\.([0-2][0-9]|3[01])$/.exec(text);
  if (match === null) throw new VscopeError("INTERNAL", `${text} is not a response code, such as 2.05`);
  const code = (Number(match[1]) << 5) | Number(match[2]);
  NUMBERS.set(text, code);
  return code;
}

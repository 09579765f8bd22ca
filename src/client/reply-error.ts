// Failures as a client sees them: an answer with an error code, or no answer at all.

import { ERRORS, type ErrorCode, isVscopeError, VscopeError } from "../base/errors.ts";

// The filter only restores the key type, which Object.keys forgets.
const ERROR_CODES = Object.keys(ERRORS).filter((key): key is ErrorCode => key in ERRORS);

// Where several codes share one CoAP code, the one that says the least: the message carries the rest.
const GENERAL: Readonly<Record<string, ErrorCode>> = {
  "4.00": "VALUE_INVALID",
  "4.09": "STATE_CONFLICT",
  "5.00": "INTERNAL",
  "5.02": "DEVICE_FAULT",
  "5.03": "DEVICE_NOT_CONNECTED",
};

/**
 * The error behind a CoAP response code. `details.coap` keeps the code itself, since the table is not one to one;
 * unknown codes become the general one of their class, as RFC 7252 section 5.2 asks.
 */
export function replyError(coap: string, message: string): VscopeError {
  return new VscopeError(codeOf(coap), message, { details: { coap } });
}

function codeOf(coap: string): ErrorCode {
  const general = GENERAL[coap];
  if (general !== undefined) return general;
  const exact = ERROR_CODES.find((code) => ERRORS[code].coap === coap);
  return exact ?? (coap.startsWith("4.") ? "VALUE_INVALID" : "INTERNAL");
}

/** The code of the table with this name, or undefined. */
export function errorCodeOf(name: string | undefined): ErrorCode | undefined {
  return ERROR_CODES.find((code) => code === name);
}

/** Nobody answers at that address. */
export function serverUnreachable(message: string, cause?: unknown): VscopeError {
  return new VscopeError("DEVICE_TIMEOUT", message, { cause, details: { unreachable: true } });
}

/** What a user can make of the texts with which RFC 8613 section 8.2 refuses a message. */
const OSCORE_REFUSALS: ReadonlyMap<unknown, string> = new Map([
  [
    "Security context not found",
    "the server does not know this key: revoked, made for another server, or younger than 2 s",
  ],
  ["Decryption failed", "the secret is wrong"],
  ["Replay detected", "the key is used in two places, or its folder was restored"],
]);

function explained(error: unknown): unknown {
  if (!isVscopeError(error)) return error;
  const { unprotected, ...details } = error.details;
  const meaning = OSCORE_REFUSALS.get(unprotected);
  if (meaning === undefined) return error;
  return new VscopeError(error.code, `${error.message}; ${meaning}`, { cause: error, details });
}

/** What the CoAP layer throws, in a user's words; other errors stay as they are. */
export function transportError(error: unknown, url: string): unknown {
  // An answer of 5.03 or 5.04 has the same codes, but there is a server.
  if (coapCodeOf(error) !== undefined || isServerUnreachable(error)) return explained(error);
  // There is a server, and it says what it does not like.
  if (isVscopeError(error) && error.details["isRefusal"] === true)
    return serverUnreachable(error.message, error);
  if (isVscopeError(error, "DEVICE_NOT_CONNECTED")) {
    return serverUnreachable(`nothing listens at ${url}; is vscope-server running there?`, error);
  }
  if (isVscopeError(error, "DEVICE_TIMEOUT")) {
    return serverUnreachable(`no answer from ${url}; is vscope-server running there?`, error);
  }
  return error;
}

/** True when the failure is that no server answered, so that asking again can help. */
export function isServerUnreachable(error: unknown): error is VscopeError {
  return isVscopeError(error) && error.details["unreachable"] === true;
}

/** The CoAP code of an error answer ("4.04"), or undefined for a failure on this side. */
export function coapCodeOf(error: unknown): string | undefined {
  if (!isVscopeError(error)) return undefined;
  const code = error.details["coap"];
  return typeof code === "string" ? code : undefined;
}

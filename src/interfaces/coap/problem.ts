// Errors as answers: a short text, or concise problem details (RFC 9290) for clients that speak CBOR. An answer that can
// be right later says in Max-Age when to ask again (RFC 7252 section 5.9.3.4, RFC 8516).

import { encode } from "cborg";
import { type ErrorCode, ERRORS, type VscopeError } from "../../base/errors.ts";
import type { CoapRequest, CoapResponse } from "../../coap/server.ts";
import { printPath } from "../../resources/router.ts";
import { FORMAT } from "./content-formats.ts";

/** Keys of standard problem detail entries, RFC 9290 section 6.1. */
const TITLE = -1;
const DETAIL = -2;
const INSTANCE = -3;

/** Errors are cut off at 1024 bytes, and a cut map is none. */
const LONGEST_DETAIL = 600;
const LONGEST_INSTANCE = 200;

// How long it takes at least until the server looks again itself (architecture.md, "One spectrometer that fails").
const RETRY_AFTER_S: Partial<Record<ErrorCode, number>> = {
  DEVICE_BUSY: 1,
  DEVICE_NOT_CONNECTED: 10,
  DATADIR_NOT_MOUNTED: 10,
  DATADIR_WRONG: 10,
};

/** The answer to a request that failed. `text` is what the client may know. */
export function problemResponse(error: VscopeError, text: string, request: CoapRequest): CoapResponse {
  const { coap } = ERRORS[error.code];
  const maxAgeS = RETRY_AFTER_S[error.code];
  const retry = maxAgeS === undefined ? {} : { maxAgeS };
  if (!wantsDetails(request)) return { code: coap, payload: Buffer.from(text, "utf8"), ...retry };
  return { code: coap, payload: details(error.code, text, request), contentFormat: FORMAT.problem, ...retry };
}

function wantsDetails({ accept, contentFormat }: CoapRequest): boolean {
  const format = accept ?? contentFormat;
  return format === FORMAT.cbor || format === FORMAT.problem;
}

function details(code: ErrorCode, text: string, { path }: CoapRequest): Uint8Array {
  const instance = `/${path.map(encodeURIComponent).join("/")}`;
  const entries = new Map<number, string>([
    [TITLE, ERRORS[code].when],
    [DETAIL, cut(text)],
  ]);
  if (instance.length <= LONGEST_INSTANCE) entries.set(INSTANCE, instance);
  return encode(entries);
}

function cut(text: string): string {
  const bytes = Buffer.from(text, "utf8");
  if (bytes.length <= LONGEST_DETAIL) return text;
  // The last character may have been cut in two.
  return `${bytes
    .subarray(0, LONGEST_DETAIL)
    .toString("utf8")
    .replace(/\uFFFD$/, "")}...`;
}

/** Such as `PUT /shutters/upwelling`, for the log. */
export function shownRequest({ method, path }: CoapRequest): string {
  return `${method} ${printPath(path)}`;
}

// The resource tree as a CoAP handler: translates requests, values and errors; knows no instrument.

import { createHash } from "node:crypto";
import { asVscopeError, ERRORS, VscopeError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { CoapHandler, CoapRequest, CoapResponse } from "../../coap/server.ts";
import { LINK_FORMAT } from "../../coap/link-format.ts";
import type { Content, Resource } from "../../resources/define.ts";
import { type Match, printPath, type Router } from "../../resources/router.ts";
import { wellKnownCore } from "./discovery.ts";
import { decodeText, decodeValue, encodeValue, FORMAT } from "./formats.ts";
import type { AccessCheck } from "./guard.ts";

/**
 * Serves `router` over CoAP to those whom `check` lets through. The handler never throws: errors become responses with
 * their text as the payload.
 */
export function coapHandler<M>(router: Router<M>, log: Log, check: AccessCheck): CoapHandler {
  return async (request) => {
    try {
      check(request);
      return await respond(router, request);
    } catch (error) {
      return errorResponse(asVscopeError(error), request, log);
    }
  };
}

async function respond<M>(router: Router<M>, request: CoapRequest): Promise<CoapResponse> {
  const { path, method, signal } = request;
  if (path.length === 2 && path[0] === ".well-known" && path[1] === "core") return discover(router, request);
  const match = router.match(path);
  switch (method) {
    case "GET":
      return await get(router, match, request);
    case "PUT":
      await checkPreconditions(router, match, request);
      await router.put(match, bodyOf(match.resource, request), signal);
      return { code: "2.04" };
    case "POST":
      return await post(router, match, request);
    case "DELETE":
      await router.delete(match, signal);
      return { code: "2.02" };
    case "FETCH":
    case "PATCH":
    case "iPATCH":
      throw new VscopeError("METHOD_NOT_ALLOWED", `${printPath(path)}: has no ${method}`);
  }
}

async function get<M>(router: Router<M>, match: Match<M>, request: CoapRequest): Promise<CoapResponse> {
  const { bytes, format } = await represent(router, match, request);
  const observe = router.observe(match);
  return {
    code: "2.05",
    payload: bytes,
    contentFormat: format,
    // Whoever may write needs a tag for If-Match, however short the value is.
    ...(match.resource.put === undefined ? {} : { etag: tagOf(bytes) }),
    ...(observe === undefined ? {} : { observe }),
  };
}

async function post<M>(router: Router<M>, match: Match<M>, request: CoapRequest): Promise<CoapResponse> {
  const created = await router.post(match, bodyOf(match.resource, request), request.signal);
  if (created === undefined) return { code: "2.04" };
  const { bytes, format } = encodeValue(created.value, request.accept);
  return { code: "2.01", payload: bytes, contentFormat: format, locationPath: created.location };
}

async function represent<M>(
  router: Router<M>,
  match: Match<M>,
  { query, accept, signal }: CoapRequest,
): Promise<{ bytes: Uint8Array; format: number }> {
  const value = await router.get(match, parseQuery(query), signal);
  const own = match.resource.contentFormat;
  if (own === undefined) return encodeValue(value, accept);
  if (accept !== undefined && accept !== own) {
    throw new VscopeError(
      "FORMAT_NOT_ACCEPTABLE",
      `Accept ${accept}: ${match.resource.path} is served as ${own} only`,
    );
  }
  if (!isContent(value)) throw new VscopeError("INTERNAL", `${match.resource.path}: gave no bytes`);
  return { bytes: value.bytes, format: own };
}

function isContent(value: unknown): value is Content {
  return typeof value === "object" && value !== null && "bytes" in value && value.bytes instanceof Uint8Array;
}

function bodyOf<M>(resource: Resource<M>, { payload, contentFormat }: CoapRequest): unknown {
  return resource.contentFormat === FORMAT.text ? decodeText(payload) : decodeValue(payload, contentFormat);
}

// RFC 7252 section 5.10.8: two operators must not overwrite each other's settings unseen.
async function checkPreconditions<M>(
  router: Router<M>,
  match: Match<M>,
  request: CoapRequest,
): Promise<void> {
  if (request.ifNoneMatch)
    throw new VscopeError("PRECONDITION_FAILED", `${printPath(request.path)}: exists already`);
  if (request.ifMatch.length === 0) return;
  const tag = tagOf((await represent(router, match, request)).bytes);
  const holds = request.ifMatch.some((wanted) => wanted.length === 0 || tag.equals(wanted));
  if (!holds)
    throw new VscopeError("PRECONDITION_FAILED", `${printPath(request.path)}: has changed since it was read`);
}

function discover<M>(router: Router<M>, { method, query, accept }: CoapRequest): CoapResponse {
  if (method !== "GET")
    throw new VscopeError("METHOD_NOT_ALLOWED", `/.well-known/core: has no ${method}, only GET`);
  if (accept !== undefined && accept !== LINK_FORMAT) {
    throw new VscopeError(
      "FORMAT_NOT_ACCEPTABLE",
      `Accept ${accept}: /.well-known/core is served as ${LINK_FORMAT} only`,
    );
  }
  return { code: "2.05", payload: wellKnownCore(router, query), contentFormat: LINK_FORMAT };
}

function parseQuery(query: readonly string[]): Record<string, string> {
  const entries = query.map((item): [string, string] => {
    const equals = item.indexOf("=");
    return equals < 0 ? [item, ""] : [item.slice(0, equals), item.slice(equals + 1)];
  });
  return Object.fromEntries(entries);
}

function tagOf(bytes: Uint8Array): Buffer {
  return createHash("sha1").update(bytes).digest().subarray(0, 8);
}

function errorResponse(error: VscopeError, { method, path }: CoapRequest, log: Log): CoapResponse {
  const request = `${method} ${printPath(path)}`;
  if (error.code === "INTERNAL") {
    log.error({ err: error, cause: error.cause, request }, "request met an internal error");
    return { code: "5.00", payload: Buffer.from("internal error, see the server's log") };
  }
  log.debug({ code: error.code, request }, error.message);
  return { code: ERRORS[error.code].coap, payload: Buffer.from(error.message, "utf8") };
}

// The resource tree as a CoAP handler: translates requests, values and errors; knows no instrument. What is here already
// is answered at once, without a promise.

import { type Clock, SECOND } from "../../base/clock.ts";
import { asVscopeError, VscopeError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { type MaybePromise, whenHere } from "../../base/maybe-promise.ts";
import { type CoapLink, LINK_FORMAT } from "../../coap/message/link-format.ts";
import { DEFAULT_MAX_AGE_S, KEEP_ALIVE_SHARE } from "../../coap/engine/observer.ts";
import type { CoapHandler, CoapRequest, CoapResponse } from "../../coap/server.ts";
import type { AnyResource } from "../../resources/define.ts";
import { jsonSchemaOf } from "../../resources/json-schema.ts";
import { type Match, printPath, type Router } from "../../resources/router.ts";
import { ConditionalWatch } from "./conditional-watch.ts";
import { type Conditions, type Parameters, requireComparable, takeConditions } from "./conditions.ts";
import { FORMAT } from "./content-formats.ts";
import { Discovery } from "./discovery.ts";
import { CBOR_FORMAT } from "./formats/cbor.ts";
import { JSON_FORMAT } from "./formats/json.ts";
import type { AccessCheck } from "./guard.ts";
import { decodePatch, decodeText, decodeValue } from "./payload.ts";
import { checkPreconditions, isConditional, requireMatch } from "./preconditions.ts";
import { problemResponse, shownRequest } from "./problem.ts";
import { type Representation, represented, representation } from "./represent.ts";
import { requireAcceptable } from "./representations.ts";
import { Turns } from "./turns.ts";

export interface HandlerOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Who may do what. */
  readonly check: AccessCheck;
  /** What else the server has, for whoever asks what there is. */
  readonly otherLinks?: (request: CoapRequest) => MaybePromise<readonly CoapLink[]>;
}

/** Serves `router` over CoAP. The handler never throws: errors become responses with their text as the payload. */
export function coapHandler<M>(router: Router<M>, options: HandlerOptions): CoapHandler {
  const tree = new TreeHandler(router, options);
  return (request) => tree.answer(request);
}

/** A value as it is read, and how it is read again. */
interface Reading {
  readonly read: () => MaybePromise<unknown>;
  readonly conditions: Conditions | undefined;
}

class TreeHandler<M> {
  readonly #router: Router<M>;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #check: AccessCheck;
  readonly #otherLinks: (request: CoapRequest) => MaybePromise<readonly CoapLink[]>;
  readonly #turns = new Turns();
  readonly #discovery: Discovery<M, Representation>;
  /** By the request that registered. */
  readonly #watches = new WeakMap<CoapRequest, ConditionalWatch>();

  constructor(router: Router<M>, { clock, log, check, otherLinks }: HandlerOptions) {
    this.#router = router;
    this.#discovery = new Discovery(router, (links) => represented(links, LINK_FORMAT));
    this.#check = check;
    this.#otherLinks = otherLinks ?? (() => []);
    this.#clock = clock;
    this.#log = log;
  }

  answer(request: CoapRequest): MaybePromise<CoapResponse> {
    try {
      this.#check(request);
      const response = this.#respond(request);
      return response instanceof Promise
        ? response.catch((error: unknown) => this.#failed(error, request))
        : response;
    } catch (error) {
      return this.#failed(error, request);
    }
  }

  #respond(request: CoapRequest): MaybePromise<CoapResponse> {
    const { path, method } = request;
    if (path.length === 2 && path[0] === ".well-known" && path[1] === "core") return this.#discover(request);
    const match = this.#router.match(path);
    if (method !== "GET" && method !== "FETCH") return this.#write(method, match, request);
    if (!isConditional(request)) return this.#read(match, request);
    return checkPreconditions(this.#router, match, request).then(() => this.#read(match, request));
  }

  #read(match: Match<M>, request: CoapRequest): MaybePromise<CoapResponse> {
    const subject = { resource: match.resource, path: request.path };
    const represent = representation(this.#router, subject, request.accept);
    const reading = this.#reading(match, request);
    const shown = (value: unknown, representation: Representation): CoapResponse => {
      const answer = { code: "2.05", ...representation };
      const watch = this.#router.observe(match);
      if (reading.conditions !== undefined)
        return { ...answer, ...this.#conditional(reading, { value, watch, request }) };
      return watch === undefined ? answer : { ...answer, observe: watch };
    };
    return whenHere(reading.read(), (value) =>
      whenHere(represent(value, subject), (made) => shown(value, made)),
    );
  }

  #reading(match: Match<M>, request: CoapRequest): Reading {
    const { signal, method } = request;
    const { query, conditions } =
      request.query.length === 0
        ? { query: NO_QUERY }
        : takeConditions(parseQuery(request.query), (name) => isOwnParameter(match.resource, name));
    if (method === "GET") return { read: () => this.#router.read(match, query, signal), conditions };
    const selection = decodeValue(request.payload, request.contentFormat);
    return { read: () => this.#router.fetch(match, { selection, query }, signal), conditions };
  }

  // What the server calls for each observer anew, so that each is compared with what it was told itself.
  #conditional(
    { read, conditions = {} }: Reading,
    { value, watch, request }: { value: unknown; watch: Subscribe | undefined; request: CoapRequest },
  ): Partial<CoapResponse> {
    const subject = printPath(request.path);
    if (watch === undefined)
      throw new VscopeError("VALUE_INVALID", `${subject}: cannot be observed, so has no conditions`);
    requireComparable(conditions, value, subject);
    this.#watches.get(request)?.reported(value);
    const resource = { clock: this.#clock, conditions, read, subscribe: watch };
    const observe: Subscribe = (changed) => {
      const conditional = new ConditionalWatch(resource, value, changed);
      this.#watches.set(request, conditional);
      return () => conditional.stop();
    };
    const maxAgeS = maxAgeOf(conditions);
    return {
      observe,
      notifications: { isShared: false, isConfirmable: conditions.isConfirmable === true },
      ...(maxAgeS === undefined ? {} : { maxAgeS }),
    };
  }

  #write(method: WritingMethod, match: Match<M>, request: CoapRequest): Promise<CoapResponse> {
    this.#router.requireMethod(match, method);
    const perform = async (): Promise<CoapResponse> => {
      await checkPreconditions(this.#router, match, request);
      return await this.#perform(method, match, request);
    };
    // An action without conditions waits for nobody: it is there to end another one.
    const isAlone = method === "POST" || method === "DELETE";
    return isAlone && !isConditional(request)
      ? perform()
      : this.#turns.take(printPath(request.path), perform);
  }

  async #perform(method: WritingMethod, match: Match<M>, request: CoapRequest): Promise<CoapResponse> {
    const { payload, contentFormat, signal } = request;
    switch (method) {
      case "PUT":
        await this.#router.put(match, bodyOf(match.resource, request), signal);
        return CHANGED;
      case "PATCH":
      case "iPATCH":
        await this.#router.patch(match, decodePatch(payload, contentFormat), signal);
        return CHANGED;
      case "DELETE":
        await this.#router.delete(match, signal, { by: askerOf(request), ifMatch: request.ifMatch });
        return { code: "2.02" };
      case "POST":
        return await this.#post(match, request);
    }
  }

  async #post(match: Match<M>, request: CoapRequest): Promise<CoapResponse> {
    const { accept, signal, path } = request;
    // Before anything moves.
    if (accept !== FORMAT.problem) requireAcceptable(accept, path, POST_FORMATS);
    const created = await this.#router.post(match, bodyOf(match.resource, request), signal);
    if (created === undefined) return CHANGED;
    const format = accept === undefined || accept === FORMAT.json ? JSON_FORMAT : CBOR_FORMAT;
    const payload = format.encode(created.value, { resource: match.resource, path });
    return { code: "2.01", payload, contentFormat: format.number, locationPath: created.location };
  }

  #discover(request: CoapRequest): MaybePromise<CoapResponse> {
    const { method, query, accept } = request;
    if (method !== "GET")
      throw new VscopeError("METHOD_NOT_ALLOWED", `/.well-known/core: has no ${method}, only GET`);
    requireAcceptable(accept, request.path, [LINK_FORMAT]);
    return whenHere(this.#otherLinks(request), (others) => {
      const links = this.#discovery.matching(query, others);
      requireMatch(request, [links.etag]);
      return { code: "2.05", ...links };
    });
  }

  #failed(thrown: unknown, request: CoapRequest): CoapResponse {
    const error = asVscopeError(thrown);
    if (error.code === "INTERNAL") {
      const facts = { err: error, cause: error.cause, request: shownRequest(request) };
      this.#log.error(facts, "request met an internal error");
      return problemResponse(error, "internal error, see the server's log", request);
    }
    this.#log.debug({ code: error.code, request: shownRequest(request) }, error.message);
    return problemResponse(error, error.message, request);
  }
}

type WritingMethod = Exclude<CoapRequest["method"], "GET" | "FETCH">;
type Subscribe = NonNullable<CoapResponse["observe"]>;

const CHANGED: CoapResponse = { code: "2.04" };
const NO_QUERY: Readonly<Record<string, string>> = {};
/** What a POST creates is described as JSON or CBOR; with 257, a client asks for its errors in that form. */
const POST_FORMATS: readonly number[] = [FORMAT.json, FORMAT.cbor];

function askerOf({ identity, peer, transport }: CoapRequest): string {
  return identity === undefined ? `${peer} (${transport})` : `${identity.kind} ${identity.name} at ${peer}`;
}

function bodyOf(
  { contentFormat: own, value, example }: AnyResource,
  { payload, contentFormat }: CoapRequest,
): unknown {
  if (own === FORMAT.text) return decodeText(payload, contentFormat);
  const isText = value !== undefined && jsonSchemaOf(value).type === "string";
  return decodeValue(payload, contentFormat, { isText, example });
}

/** A value must stay fresh for longer than the server may be silent about it. */
function maxAgeOf({ minUs = 0, maxUs = 0 }: Conditions): number | undefined {
  const silentS = Math.max(minUs, maxUs) / SECOND;
  const maxAgeS = Math.ceil(silentS / KEEP_ALIVE_SHARE) + 2;
  return maxAgeS > DEFAULT_MAX_AGE_S ? maxAgeS : undefined;
}

function isOwnParameter({ query }: AnyResource, name: string): boolean {
  return query !== undefined && Object.hasOwn(jsonSchemaOf(query).properties ?? {}, name);
}

function parseQuery(query: readonly string[]): Parameters {
  return query.map((item) => {
    const equals = item.indexOf("=");
    return equals < 0 ? [item, ""] : [item.slice(0, equals), item.slice(equals + 1)];
  });
}

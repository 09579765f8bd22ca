// piccolo3's tree over CoAP, as its clients know it: JSON text without options, 5.00 for a GET that fails, 4.00 for a PUT
// that is refused. What clients say about formats is not looked at.

import { asVscopeError } from "../../base/errors.ts";
import { type MaybePromise, whenHere } from "../../base/maybe-promise.ts";
import type { CoapLink } from "../../coap/message/link-format.ts";
import type { CoapRequest, CoapResponse } from "../../coap/server.ts";
import type { Role } from "../../config/access.ts";
import { printPath } from "../../resources/router.ts";
import type { AccessPolicy } from "../../security/policy.ts";
import { readArguments } from "./arguments.ts";
import { jsonText } from "./json-text.ts";
import type { Legacy } from "./legacy.ts";
import { observationOf, type Subscribe } from "./observation.ts";
import type { Row, Subject } from "./row.ts";
import { type Found, RowsByPath } from "./rows-by-path.ts";
import { TABLE } from "./table.ts";

/** Branches in which the native tree has nothing. */
const OWN: ReadonlySet<string> = new Set(["control", "data_dir", "shutter", "spectrometer"]);
/** Content-Formats of what may be arguments: none, text and JSON. */
const TEXTS: readonly (number | undefined)[] = [undefined, 0, 50];

const NOT_FOUND: CoapResponse = { code: "4.04" };
const NO_SUCH_METHOD: CoapResponse = { code: "4.05" };
const NO_METHOD: CoapResponse = { code: "4.05", payload: Buffer.from("Error: Method not allowed!") };
const DONE: CoapResponse = { code: "2.04" };

export class LegacyTree {
  readonly #legacy: Legacy;
  readonly #rows = new RowsByPath(TABLE);
  readonly #observations = new Map<Row, Subscribe | undefined>();

  constructor(legacy: Legacy) {
    this.#legacy = legacy;
  }

  /** Whether a request is for this tree. */
  serves(request: CoapRequest): boolean {
    const { path } = request;
    const [branch = ""] = path;
    if (OWN.has(branch)) return true;
    if (branch !== "sysinfo") return false;
    const row = this.#rows.find(path)?.row;
    return row !== undefined && (row.isShared !== true || isCall(request));
  }

  /** Whether a request that is for this tree does something. */
  isCommand({ path, method }: CoapRequest): boolean {
    const row = this.#rows.find(path)?.row;
    if (method === "GET") return row?.acts === true;
    return method !== "FETCH" && row?.put?.reads !== true;
  }

  /** Throws CREDENTIALS_REQUIRED or ROLE_INSUFFICIENT unless the sender of a request for this tree may make it. */
  check(request: CoapRequest, policy: AccessPolicy): void {
    const need = this.#needOf(request);
    if (policy.allows(request, need)) return;
    throw policy.refusal(request, { what: `${request.method} ${printPath(request.path)}`, need });
  }

  /** Never throws. */
  answer(request: CoapRequest): MaybePromise<CoapResponse> {
    try {
      const response = this.#respond(request);
      return response instanceof Promise
        ? response.catch((error: unknown) => this.#failed(error, request))
        : response;
    } catch (error) {
      return this.#failed(error, request);
    }
  }

  /** For discovery; those of runs for who may read. */
  async links(mayRead: boolean): Promise<readonly CoapLink[]> {
    const runs = mayRead ? await this.#legacy.runs.shown() : [];
    return TABLE.filter(({ isUnlisted, isShared }) => isUnlisted !== true && isShared !== true).flatMap(
      (row) =>
        this.#instances(row, runs).map((path) => ({
          path,
          attributes: isObservable(row) ? { obs: true } : {},
        })),
    );
  }

  #instances(row: Row, runs: readonly string[]): readonly (readonly string[])[] {
    const things = row.path.includes("{run}")
      ? runs.map((run) => ({ run }))
      : (row.instances?.(this.#legacy) ?? [{}]);
    return things.map((at) => row.path.split("/").map((segment) => valueOf(segment, at)));
  }

  #needOf(request: CoapRequest): Role {
    if (!this.isCommand(request)) return "read";
    const role = request.method === "PUT" ? this.#rows.find(request.path)?.row.put?.role : undefined;
    return role ?? "operate";
  }

  #respond(request: CoapRequest): MaybePromise<CoapResponse> {
    const found = this.#rows.find(request.path);
    if (found === undefined) return NOT_FOUND;
    const exists = found.row.exists?.(this.#legacy, found.at) ?? true;
    return whenHere(exists, (isThere) => (isThere ? this.#serve(found, request) : NOT_FOUND));
  }

  #serve(found: Found, request: CoapRequest): MaybePromise<CoapResponse> {
    if (request.method === "GET") return this.#get(found, request);
    return request.method === "PUT" ? this.#put(found, request) : NO_METHOD;
  }

  #get({ row, at }: Found, { signal }: CoapRequest): MaybePromise<CoapResponse> {
    if (row.get === undefined) return NO_SUCH_METHOD;
    const subject = { at, signal };
    return whenHere(row.get(this.#legacy, subject), (value): CoapResponse => {
      const answer = { code: "2.05", payload: Buffer.from(jsonText(value)) };
      const observe = this.#observation(row, subject);
      return observe === undefined ? answer : { ...answer, observe };
    });
  }

  // Most are of things that there is one of: made once.
  #observation(row: Row, subject: Subject): Subscribe | undefined {
    if (row.path.includes("{")) return observationOf(row, this.#legacy, subject);
    if (!this.#observations.has(row)) {
      const lasting = { ...subject, signal: this.#legacy.signal };
      this.#observations.set(row, observationOf(row, this.#legacy, lasting));
    }
    return this.#observations.get(row);
  }

  #put({ row, at }: Found, { signal, payload }: CoapRequest): MaybePromise<CoapResponse> {
    if (row.put === undefined) return NO_SUCH_METHOD;
    const { parameters, call } = row.put;
    const given = readArguments(payload, parameters);
    return whenHere(
      call(this.#legacy, given, { at, signal }),
      (value): CoapResponse =>
        value === undefined ? DONE : { ...DONE, payload: Buffer.from(jsonText(value)) },
    );
  }

  #failed(thrown: unknown, { method, path }: CoapRequest): CoapResponse {
    const error = asVscopeError(thrown);
    const isOurs = error.code === "INTERNAL";
    const request = `${method} ${printPath(path)}`;
    if (isOurs)
      this.#legacy.log.error({ err: error, cause: error.cause, request }, "request met an internal error");
    else this.#legacy.log.debug({ code: error.code, request }, error.message);
    const text = isOurs ? "internal error, see the server's log" : error.message;
    return { code: method === "PUT" && !isOurs ? "4.00" : "5.00", payload: Buffer.from(text) };
  }
}

function isObservable({ watch, repeat }: Row): boolean {
  return watch !== undefined || repeat !== undefined;
}

function valueOf(segment: string, at: Readonly<Record<string, string>>): string {
  return segment.startsWith("{") ? (at[segment.slice(1, -1)] ?? segment) : segment;
}

/** A PUT with arguments in a list or an object, which no native resource of a shared path takes; and without conditions. */
function isCall({ method, payload, contentFormat, ifMatch, ifNoneMatch }: CoapRequest): boolean {
  if (method !== "PUT" || !TEXTS.includes(contentFormat) || ifMatch.length > 0 || ifNoneMatch) return false;
  const first = Buffer.from(payload.subarray(0, 64)).toString("latin1").trimStart().at(0);
  return first === "[" || first === "{";
}

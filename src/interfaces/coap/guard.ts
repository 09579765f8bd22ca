// In front of every handler: who may do what, and the audit log of what was done.

import { type Clock, MS } from "../../base/clock.ts";
import { asVscopeError } from "../../base/errors.ts";
import { isSafe } from "../../coap/message/codes.ts";
import type { CoapAdmission, CoapHandler, CoapRequest, CoapResponse } from "../../coap/server.ts";
import type { Role } from "../../config/access.ts";
import { needOf } from "../../resources/access.ts";
import { printPath, type Router } from "../../resources/router.ts";
import { type AuditLog, isRefusal } from "../../security/audit.ts";
import type { AccessPolicy } from "../../security/policy.ts";
import { FORMAT } from "./content-formats.ts";
import { decodeValue } from "./payload.ts";
import { problemResponse } from "./problem.ts";

/** Throws CREDENTIALS_REQUIRED or ROLE_INSUFFICIENT unless the sender of a request may make it. */
export type AccessCheck = (request: CoapRequest) => void;

/** Holds requests against the access that the resources declare. Whoever reaches the server may read what there is to find. */
export function accessCheck<M>(router: Router<M>, policy: AccessPolicy): AccessCheck {
  // Reading is most of what is asked for: it is not looked up where all resources need the same.
  const isReadingUsual = router.resources.every(({ access }) => access?.get === undefined);
  return (request) => {
    const { method, path } = request;
    if (isDiscovery(request)) return;
    const resource = isReadingUsual && isSafe(method) ? undefined : router.find(path)?.resource;
    const need = needOf(resource, method);
    if (policy.allows(request, need)) return;
    throw policy.refusal(request, { what: `${method} ${printPath(path)}`, need });
  };
}

function isDiscovery({ method, path }: CoapRequest): boolean {
  return isSafe(method) && path.length === 2 && path[0] === ".well-known" && path[1] === "core";
}

export interface AuditParts {
  readonly policy: AccessPolicy;
  readonly audit: AuditLog;
  readonly clock: Clock;
  /** Whether a request is to change something; all but GET and FETCH when absent. */
  readonly isCommand?: (request: CoapRequest) => boolean;
}

function isUnsafe({ method }: CoapRequest): boolean {
  return !isSafe(method);
}

/**
 * The check as an answer, where the handler is not asked: for the parts of uploads, of which the first one tells whether
 * there is any use in the rest, for requests that would wait for the proof of an address, for later blocks of answers, and
 * for each of several observers.
 */
export function admission(check: AccessCheck, parts: AuditParts): CoapAdmission {
  const { isCommand = isUnsafe } = parts;
  return (request) => {
    try {
      check(request);
      return undefined;
    } catch (thrown) {
      const error = asVscopeError(thrown);
      const response = problemResponse(error, error.message, request);
      // Reading is no command: an observation of a stranger is refused here, too.
      if (isCommand(request)) write(request, { outcome: response.code, startUs: parts.clock.nowUs() }, parts);
      return response;
    }
  };
}

/** The handler, with a line in the audit log for every request that is to change something. */
export function audited(handler: CoapHandler, parts: AuditParts): CoapHandler {
  const { isCommand = isUnsafe } = parts;
  return (request) => (isCommand(request) ? record(handler, request, parts) : handler(request));
}

async function record(handler: CoapHandler, request: CoapRequest, parts: AuditParts): Promise<CoapResponse> {
  const startUs = parts.clock.nowUs();
  // What the sender was when it asked: the key may be revoked meanwhile.
  const role = parts.policy.roleOf(request);
  const response = await handler(request);
  write(request, { role, outcome: response.code, startUs }, parts);
  return response;
}

interface Happened {
  readonly role?: Role;
  readonly outcome: string;
  readonly startUs: number;
}

function write(request: CoapRequest, { role, outcome, startUs }: Happened, parts: AuditParts): void {
  const { peer, transport, identity, method } = request;
  const value = isRefusal(outcome) ? undefined : beginningOf(request);
  parts.audit.record({
    peer,
    transport,
    ...(identity === undefined ? {} : { identity: `${identity.kind} ${identity.name}` }),
    role: role ?? parts.policy.roleOf(request),
    method,
    path: clipped(printPath(request.path)),
    ...(value === undefined ? {} : { value }),
    outcome,
    durationMs: Math.round((parts.clock.nowUs() - startUs) / MS),
  });
}

const MOST_CHARACTERS = 200;
/** CBOR over this length is not decoded for the sake of a line. */
const MOST_CBOR_BYTES = 1024;

const TEXTS: readonly number[] = [FORMAT.text, FORMAT.json, FORMAT.mergePatch, FORMAT.senmlJson];

function beginningOf({ payload, contentFormat }: CoapRequest): string | undefined {
  if (payload.length === 0) return undefined;
  if (contentFormat === FORMAT.cbor) return clipped(cborText(payload) ?? `${payload.length} bytes of CBOR`);
  if (contentFormat !== undefined && !TEXTS.includes(contentFormat))
    return `${payload.length} bytes, Content-Format ${contentFormat}`;
  // Four bytes are the most that a character takes.
  return clipped(Buffer.from(payload.subarray(0, 4 * (MOST_CHARACTERS + 1))).toString("utf8"));
}

function cborText(payload: Uint8Array): string | undefined {
  if (payload.length > MOST_CBOR_BYTES) return undefined;
  try {
    return JSON.stringify(decodeValue(payload, FORMAT.cbor));
  } catch {
    return undefined;
  }
}

function clipped(text: string): string {
  return text.length <= MOST_CHARACTERS ? text : `${text.slice(0, MOST_CHARACTERS)}...`;
}
